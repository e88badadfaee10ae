"""Latency at a fixed rate, on one connection: what a caller waits when the machine is not busy.

Requests have their times before the first is sent, and a latency counts from that time, not from when the
request could be sent: an answer that is late makes those behind it late as well, and none is left out because
another was slow (no "coordinated omission").
"""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.benchmarks.load import answer_size
from tests.benchmarks.ways import DIRECT, Way
from tests.benchmarks.work import CHAT

if TYPE_CHECKING:
    from tests.benchmarks.load import Target

_SPIN_S = 0.0003
_WARM_UP_CALLS = 20
_RANKS = (50, 90, 99)


@dataclass(frozen=True, kw_only=True, slots=True)
class Paced:
    """What one way made callers wait.

    Attributes:
        way: Which way the requests took.
        kind: What it is compared with.
        calls: Over all rounds.
        failures: Those that were no 200, or whose connection broke.
        p50_ms: Median of all calls.
        p90_ms: What one of ten exceeds.
        p99_ms: What one of a hundred exceeds.
        added_ms: How much more than direct: at 50, 90 and 99 of 100.
    """

    way: str
    kind: str
    calls: int
    failures: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    added_ms: dict[str, float] = field(default_factory=dict)


def measure(
    ways: Sequence[Way],
    *,
    rate_per_s: float,
    seconds: float,
    rounds: int,
    say: Callable[[str], None] = lambda line: None,
) -> list[Paced]:
    """Send small chats at a fixed rate over each way in turn; each round begins with another way.

    Args:
        ways: `DIRECT` among them.
        rate_per_s: Requests per second.
        seconds: Length of one round of one way.
        rounds: How often each way is measured.
        say: Told how far it is.
    """
    late_s: dict[str, list[float]] = {way.name: [] for way in ways}
    failures = dict.fromkeys(late_s, 0)
    for number in range(rounds):
        turn = number % len(ways)
        for way in (*ways[turn:], *ways[:turn]):
            seen, failed = run(way, rate_per_s=rate_per_s, calls=max(1, round(rate_per_s * seconds)))
            late_s[way.name] += seen
            failures[way.name] += failed
            median_ms = statistics.median(seen) * 1000
            say(f"round {number + 1} of {rounds}, {rate_per_s:g}/s: {way.name:28} {median_ms:8.2f} ms")
    ranks = {name: [percentile(seen, rank) * 1000 for rank in _RANKS] for name, seen in late_s.items()}
    return [
        Paced(
            way=way.name,
            kind=way.kind,
            calls=len(late_s[way.name]),
            failures=failures[way.name],
            p50_ms=ranks[way.name][0],
            p90_ms=ranks[way.name][1],
            p99_ms=ranks[way.name][2],
            added_ms={
                f"p{rank}": mine - bare
                for rank, mine, bare in zip(_RANKS, ranks[way.name], ranks[DIRECT], strict=True)
            },
        )
        for way in ways
    ]


def run(way: Way, *, rate_per_s: float, calls: int) -> tuple[list[float], int]:
    """Send calls at their times; return the seconds from its time to its answer of each, and failures."""
    caller = _Caller(way.target(CHAT))
    try:
        for _ in range(_WARM_UP_CALLS):
            caller.ask()
        return keep_pace(caller.ask, rate_per_s=rate_per_s, calls=calls)
    finally:
        caller.close()


def keep_pace(
    ask: Callable[[], bool],
    *,
    rate_per_s: float,
    calls: int,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[float], int]:
    """Call something at fixed times, or as soon after as it can be.

    Args:
        ask: Returns whether it went well.
        rate_per_s: Calls per second.
        calls: How many.
        clock: Seconds.
        sleep: Waits for some seconds; what is left to the time is spent looking at the clock.

    Returns:
        The seconds from its time to its end of each call, and how many failed.
    """
    late_s: list[float] = []
    failures = 0
    began_at = clock() + 1 / rate_per_s
    for number in range(calls):
        due_at = began_at + number / rate_per_s
        pause_s = due_at - clock() - _SPIN_S
        if pause_s > 0:
            sleep(pause_s)
        while clock() < due_at:
            pass
        failures += not ask()
        late_s.append(clock() - due_at)
    return late_s, failures


def percentile(values: Sequence[float], rank: int) -> float:
    """Return the value that ``rank`` of 100 do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * rank // 100) - 1))]


def format_table(rows: Sequence[Paced]) -> str:
    """Return the rows as text."""
    lines = [
        f"{'':28}{'p50 ms':>9}{'p90 ms':>9}{'p99 ms':>9}{'added p50':>11}{'p90':>9}{'p99':>9}{'failed':>8}"
    ]
    for row in rows:
        added = row.added_ms
        lines.append(
            f"{row.way:28}{row.p50_ms:9.2f}{row.p90_ms:9.2f}{row.p99_ms:9.2f}"
            f"{added['p50']:11.2f}{added['p90']:9.2f}{added['p99']:9.2f}{row.failures:8}"
        )
    return "\n".join(lines)


class _Caller:
    """One kept-alive connection; it opens again by itself after a failure."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._request = target.http_request()
        self._socket: socket.socket | None = None

    def ask(self) -> bool:
        """Send one request and read its answer; whether it was 200 and held what it should."""
        try:
            if self._socket is None:
                self._socket = self._target.connect()
            self._socket.sendall(self._request)
            answer = self._read(self._socket)
        except OSError:
            self.close()
            return False
        return answer.startswith(b"HTTP/1.1 200") and self._target.expect in answer

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, opened: socket.socket) -> bytes:
        answer = b""
        while (size := answer_size(answer)) is None or len(answer) < size:
            piece = opened.recv(262_144)
            if not piece:
                raise ConnectionError("the connection ended before the answer did")
            answer += piece
        return answer
