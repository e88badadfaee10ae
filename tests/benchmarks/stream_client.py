"""A reader of very many streams at once: raw sockets and one loop, in a process of its own.

Run as ``python tests/benchmarks/stream_client.py`` with a `Plan` as JSON on the standard input; it writes a
`Report` as JSON. Streams begin one after another at a given rate, or all at once, and never more than so
many at a time. While they run it only receives and looks at the clock. What came is judged afterwards: each
delta once, in order, and the end.
"""

from __future__ import annotations

import json
import math
import re
import select
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

_SIZE = re.compile(rb"([0-9a-fA-F]+)\r\n")
_NUMBER = re.compile(rb'"(?:content|text)":"w(\d+) "')
_END = b"\r\n0\r\n\r\n"
_SILENCE_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is asked for.

    Attributes:
        port: On 127.0.0.1.
        head: Request line and headers, without the length of the body.
        body: JSON text.
        at_once: Most streams at a time.
        total: Streams in all.
        per_s: How many begin in a second; 0 for as many as may run.
        deltas: Deltas of a complete stream.
        end: What its last event holds.
    """

    port: int
    head: str
    body: str
    at_once: int
    total: int
    per_s: float
    deltas: int
    end: str

    def request(self) -> bytes:
        """Return the request as it goes over the wire."""
        body = self.body.encode()
        return f"{self.head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of the streams; times in milliseconds unless named otherwise.

    Attributes:
        streams: How many were asked for.
        at_once: The most that ran at a time.
        complete: How many brought every delta once and in order, and their end.
        lost_events: Deltas that never came.
        seconds: From the first request to the last byte.
        events_per_s: Deltas that came in a second.
        events_per_read: Deltas that one read of a stream brought, on average.
        first_p50_ms: From a request to its first event.
        first_p99_ms: The same, 99th percentile.
        first_worst_ms: The same, the slowest.
        gap_p50_ms: Silence between two reads of a stream.
        gap_p99_ms: The same, 99th percentile.
        gap_worst_ms: The same, the longest.
        late_streams: Streams with a silence of over 200 ms.
        stream_p50_ms: From a request to the end of its stream.
        problems: What went wrong, at most five lines.
    """

    streams: int
    at_once: int
    complete: int
    lost_events: int
    seconds: float
    events_per_s: float
    events_per_read: float
    first_p50_ms: float
    first_p99_ms: float
    first_worst_ms: float
    gap_p50_ms: float
    gap_p99_ms: float
    gap_worst_ms: float
    late_streams: int
    stream_p50_ms: float
    problems: list[str]


@dataclass(slots=True, eq=False)
class _Stream:
    """One answer on its way."""

    asked_at: float
    pieces: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    tail: bytes = b""
    is_over: bool = False


class _Reader:
    """The loop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._request = plan.request()
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._running: dict[int, _Stream] = {}
        self._idle: list[int] = []
        self._streams: list[_Stream] = []
        self._most = 0
        for _ in range(plan.at_once):
            self._connect()

    def run(self) -> Report:
        plan, running = self._plan, self._running
        began_at = last_at = time.perf_counter()
        while running or len(self._streams) < plan.total:
            now = time.perf_counter()
            self._begin(now, began_at)
            wait_s = _SILENCE_S
            if plan.per_s and self._idle and len(self._streams) < plan.total:
                wait_s = max(0.0, began_at + len(self._streams) / plan.per_s - now)
            ready = self._epoll.poll(wait_s)
            for number, _ in ready:
                self._read(number)
            if ready:
                last_at = time.perf_counter()
            elif time.perf_counter() - last_at > _SILENCE_S:
                break
        return _judge(plan, self._streams, last_at - began_at, self._most)

    def _connect(self) -> None:
        opened = socket.create_connection(("127.0.0.1", self._plan.port), timeout=_SILENCE_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets[opened.fileno()] = opened
        self._idle.append(opened.fileno())

    def _begin(self, now: float, began_at: float) -> None:
        plan = self._plan
        due = plan.total if not plan.per_s else min(plan.total, int((now - began_at) * plan.per_s) + 1)
        while self._idle and len(self._streams) < due:
            number = self._idle.pop()
            stream = self._running[number] = _Stream(time.perf_counter())
            self._streams.append(stream)
            self._sockets[number].sendall(self._request)
            self._epoll.register(number, select.EPOLLIN)
        self._most = max(self._most, len(self._running))

    def _read(self, number: int) -> None:
        stream = self._running[number]
        try:
            piece = self._sockets[number].recv(262_144)
        except OSError:
            piece = b""
        if b"data:" in piece:
            stream.times.append(time.perf_counter())
        stream.pieces.append(piece)
        stream.tail = (stream.tail + piece)[-len(_END) :]
        if stream.tail == _END or not piece:
            stream.is_over = bool(piece)
            stream.times.append(time.perf_counter())
            self._epoll.unregister(number)
            del self._running[number]
            if piece:
                self._idle.append(number)
            else:
                self._sockets.pop(number).close()
                self._connect()


def percentile(values: Sequence[float], rank: float) -> float:
    """Return the value that ``rank`` of 100 do not exceed; infinity if there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * rank / 100) - 1)] if ordered else math.inf


def _judge(plan: Plan, streams: list[_Stream], seconds: float, most: int) -> Report:
    wanted = list(range(plan.deltas))
    problems: list[str] = []
    gaps: list[float] = []
    arrived = reads = late = 0
    for stream in streams:
        text = b"".join(stream.pieces)
        content = _content_of(text)
        numbers = [int(number) for number in _NUMBER.findall(content)]
        arrived += len(set(numbers))
        reads += max(0, len(stream.times) - 1)
        own = [later - earlier for earlier, later in zip(stream.times, stream.times[1:], strict=False)]
        late += max(own, default=0.0) > 0.2
        gaps += own
        is_sound = text.startswith(b"HTTP/1.1 200") and plan.end.encode() in content[-8192:]
        if not (stream.is_over and is_sound and numbers == wanted):
            problems.append(f"{len(numbers)} deltas, over: {stream.is_over}: {text[:80]!r} … {text[-160:]!r}")
    first = [stream.times[0] - stream.asked_at for stream in streams if stream.times]
    whole = [stream.times[-1] - stream.asked_at for stream in streams if stream.times]
    return Report(
        streams=len(streams),
        at_once=most,
        complete=len(streams) - len(problems),
        lost_events=plan.deltas * len(streams) - arrived,
        seconds=seconds,
        events_per_s=arrived / seconds if seconds else 0.0,
        events_per_read=arrived / reads if reads else 0.0,
        first_p50_ms=percentile(first, 50) * 1000,
        first_p99_ms=percentile(first, 99) * 1000,
        first_worst_ms=percentile(first, 100) * 1000,
        gap_p50_ms=percentile(gaps, 50) * 1000,
        gap_p99_ms=percentile(gaps, 99) * 1000,
        gap_worst_ms=percentile(gaps, 100) * 1000,
        late_streams=late,
        stream_p50_ms=percentile(whole, 50) * 1000,
        problems=problems[:5],
    )


def _content_of(text: bytes) -> bytes:
    """Return a chunked body without its framing."""
    parts: list[bytes] = []
    position = text.find(b"\r\n\r\n") + 4
    while (size := _SIZE.match(text, position)) is not None and (length := int(size[1], 16)):
        parts.append(text[size.end() : size.end() + length])
        position = size.end() + length + 2
    return b"".join(parts)


if __name__ == "__main__":
    print(json.dumps(asdict(_Reader(Plan(**json.load(sys.stdin))).run())))
