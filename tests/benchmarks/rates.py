"""Requests per second, processor time per call and memory, in rounds in which all ways take turns."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.benchmarks.load import NoAnswerError, check_answer, run
from tests.benchmarks.processes import MemoryWatch, cpu_s
from tests.benchmarks.ways import DIRECT, EMPTY, NGINX, Way

if TYPE_CHECKING:
    from tests.benchmarks.load import Generator
    from tests.benchmarks.work import Work

_WARM_UP_S = 1.0
_WHOLE = 0.9
_PATIENCE = 5
_CALM_STEP_S = 0.1
_CALM_SHARE = 0.15
_CALM_PATIENCE_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Some ways that are compared at the same work with the same number of connections."""

    work: Work
    connections: int
    ways: Sequence[Way]


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """What one round of one way came to."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    loaded_mib: float
    requests: int
    failures: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        way: Which way the requests took.
        kind: What it is compared with.
        work: What was asked for.
        connections: How many asked at once.
        per_s: Median requests per second over the rounds.
        lowest: Slowest round.
        highest: Fastest round.
        p50_ms: Median over the rounds of the median latency.
        p99_ms: Median over the rounds of the 99th percentile of latency.
        cpu_us: Median processor microseconds of the way's program per call; all of its processes.
        loaded_mib: Most memory of the way's program, looked at in the middle of each round.
        requests: Answers that came, over all rounds.
        failures: Those that were no 200 or not whole, and connections that broke.
        to_empty: ``per_s`` as a share of the empty Flask route's.
        to_nginx: ``per_s`` as a share of nginx's.
        to_fastest_peer: ``per_s`` in multiples of the fastest peer's.
        added_p50_ms: How much more than direct the median latency is.
    """

    way: str
    kind: str
    work: str
    connections: int
    per_s: float
    lowest: float
    highest: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    loaded_mib: float
    requests: int
    failures: int
    to_empty: float | None = None
    to_nginx: float | None = None
    to_fastest_peer: float | None = None
    added_p50_ms: float | None = None


def measure(
    cells: Sequence[Cell],
    *,
    generator: Generator,
    seconds: float,
    rounds: int,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[list[Row], list[str]]:
    """Measure every way of every cell once per round; each round begins with another way.

    What a peer does not answer rightly or not in time is left out, and named in the second list.

    Args:
        cells: What is compared.
        generator: What sends the requests.
        seconds: Length of one round of one way.
        rounds: How often each way is measured.
        say: Told how far it is.

    Raises:
        RuntimeError: If anything but a peer does not answer, or its first answer is not the right one.
    """
    sizes, left_out = _warm_up(cells, generator=generator, seconds=min(_WARM_UP_S, seconds), say=say)
    cells = [
        replace(cell, ways=[way for way in cell.ways if (cell.work.name, way.name) in sizes])
        for cell in cells
    ]
    found: dict[tuple[int, str], list[Round]] = {}
    for number in range(rounds):
        for place, cell in enumerate(cells):
            turn = number % len(cell.ways)
            at = f"round {number + 1} of {rounds}, {cell.work.name}, {cell.connections} connections"
            for way in (*cell.ways[turn:], *cell.ways[:turn]):
                size = sizes[cell.work.name, way.name]
                if (done := _run(cell, way, generator=generator, seconds=seconds, size=size)) is None:
                    say(f"no answer to {at} in time: {way.name}")
                    continue
                found.setdefault((place, way.name), []).append(done)
                say(f"{at}: {way.name:28} {done.per_s:9.1f}/s")
    rows: list[Row] = []
    for place, cell in enumerate(cells):
        done_by = {way.name: found.get((place, way.name), []) for way in cell.ways}
        left_out += [
            f"{cell.work.name}, {cell.connections} connections: {name}: no answer in time"
            for name, done in done_by.items()
            if not done
        ]
        rows += _compare([_row(cell, way, done_by[way.name]) for way in cell.ways if done_by[way.name]])
    return rows, left_out


def _warm_up(
    cells: Sequence[Cell], *, generator: Generator, seconds: float, say: Callable[[str], None]
) -> tuple[dict[tuple[str, str], int], list[str]]:
    """Look closely at one answer of each way and work, and load each way a little.

    Returns:
        The sizes of the answers by work and way, and what is wrong with those of peers that have none.
    """
    sizes: dict[tuple[str, str], int] = {}
    left_out: dict[tuple[str, str], str] = {}
    warm: set[str] = set()
    for cell in cells:
        for way in cell.ways:
            key = (cell.work.name, way.name)
            if key in sizes or key in left_out:
                continue
            say(f"warming up: {cell.work.name}: {way.name}")
            target = way.target(cell.work)
            try:
                sizes[key] = check_answer(target)
            except RuntimeError as exc:
                if way.kind != "peer":
                    raise
                left_out[key] = f"{cell.work.name}: {exc}"
                continue
            if way.name in warm:
                continue
            warm.add(way.name)
            with contextlib.suppress(NoAnswerError):  # slow; it gets more time when it is measured
                run(target, generator=generator, connections=cell.connections, seconds=seconds)
            _wait_for_calm(way)
    return sizes, list(left_out.values())


def _run(cell: Cell, way: Way, *, generator: Generator, seconds: float, size: int) -> Round | None:
    """Measure one round, with more time if it was too short for an answer; ``None`` if a peer gives none."""
    with contextlib.suppress(NoAnswerError):
        return _run_for(cell, way, generator=generator, seconds=seconds, size=size)
    _wait_for_calm(way)
    try:
        return _run_for(cell, way, generator=generator, seconds=seconds * _PATIENCE, size=size)
    except NoAnswerError:
        if way.kind != "peer":
            raise
        return None


def _run_for(cell: Cell, way: Way, *, generator: Generator, seconds: float, size: int) -> Round:
    pid = way.server.process.pid
    before_s = cpu_s(pid)
    with MemoryWatch(pid, after_s=seconds / 2) as memory:
        done = run(way.target(cell.work), generator=generator, connections=cell.connections, seconds=seconds)
    spent_s = cpu_s(pid) - before_s
    _wait_for_calm(way)
    is_whole = done.received >= _WHOLE * size * done.requests
    return Round(
        per_s=done.per_s,
        p50_ms=done.p50_ms,
        p99_ms=done.p99_ms,
        cpu_us=spent_s / done.requests * 1e6,
        loaded_mib=memory.mib,
        requests=done.requests,
        failures=done.failures if is_whole else done.requests,
    )


def _wait_for_calm(way: Way) -> None:
    """Wait until a program has done what the load has left behind, so that it does not disturb the next."""
    give_up_at = time.monotonic() + _CALM_PATIENCE_S
    before_s = cpu_s(way.server.process.pid)
    while time.monotonic() < give_up_at:
        time.sleep(_CALM_STEP_S)
        now_s = cpu_s(way.server.process.pid)
        if now_s - before_s <= _CALM_SHARE * _CALM_STEP_S:
            return
        before_s = now_s


def _row(cell: Cell, way: Way, rounds: Sequence[Round]) -> Row:
    return Row(
        way=way.name,
        kind=way.kind,
        work=cell.work.name,
        connections=cell.connections,
        per_s=statistics.median(done.per_s for done in rounds),
        lowest=min(done.per_s for done in rounds),
        highest=max(done.per_s for done in rounds),
        p50_ms=statistics.median(done.p50_ms for done in rounds),
        p99_ms=statistics.median(done.p99_ms for done in rounds),
        cpu_us=statistics.median(done.cpu_us for done in rounds),
        loaded_mib=max(done.loaded_mib for done in rounds),
        requests=sum(done.requests for done in rounds),
        failures=sum(done.failures for done in rounds),
    )


def _compare(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of one cell with their shares of the others."""
    rate = {row.way: row.per_s for row in rows}
    fastest_peer = max((row.per_s for row in rows if row.kind == "peer"), default=None)
    bare_ms = next((row.p50_ms for row in rows if row.way == DIRECT), None)
    return [
        replace(
            row,
            to_empty=_share(row.per_s, rate.get(EMPTY)),
            to_nginx=_share(row.per_s, rate.get(NGINX)),
            to_fastest_peer=_share(row.per_s, fastest_peer),
            added_p50_ms=None if bare_ms is None else row.p50_ms - bare_ms,
        )
        for row in rows
    ]


def _share(one: float, other: float | None) -> float | None:
    return one / other if other else None
