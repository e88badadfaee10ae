"""What the figures should come to. Bounds are told, and never fail a run: the machine may be busy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.ways import WIRE
from tests.benchmarks.work import CHAT, LONG_PROMPT

if TYPE_CHECKING:
    from tests.benchmarks.pace import Paced
    from tests.benchmarks.rates import Row

CONNECTIONS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A figure and what it should come to.

    Attributes:
        name: What it is.
        value: What was measured; ``None`` if it was not.
        bound: What it has to reach, or must not exceed.
        aim: What would be good; ``None`` if the bound is.
        is_least: Whether more is better.
    """

    name: str
    value: float | None
    bound: float
    aim: float | None
    is_least: bool

    @property
    def is_met(self) -> bool | None:
        """Whether the bound is kept; ``None`` if nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.is_least else self.value <= self.bound


def compare(
    rows: Sequence[Row], paced: Sequence[Paced], starts: dict[str, float], figures: dict[str, float]
) -> list[Bound]:
    """Return the bounds with what was measured.

    Args:
        rows: Requests per second.
        paced: Latencies at a fixed rate.
        starts: Median seconds to the first answer by way.
        figures: What `footprint.measure` returned, or nothing.
    """
    at_32 = _find(rows, WIRE, CHAT.name, CONNECTIONS)
    alone = _find(rows, WIRE, CHAT.name, 1)
    to_peer, to_empty = (at_32.to_fastest_peer, at_32.to_empty) if at_32 else (None, None)
    added_ms = alone.added_p50_ms if alone else None
    peers_ms = [
        row.added_p50_ms
        for row in rows
        if row.kind == "peer" and row.work == CHAT.name and row.connections == 1 and row.added_p50_ms
    ]
    longs = [row for row in rows if row.way == WIRE and row.work == LONG_PROMPT.name]
    paced_peers = [row.added_ms["p50"] for row in paced if row.kind == "peer"]
    paced_wire = next((row.added_ms["p50"] for row in paced if row.way == WIRE), None)
    return [
        _least("requests/s at 32 connections, to the fastest peer", to_peer, 2.5, 4.0),
        _least("requests/s at 32 connections, to the empty Flask route", to_empty, 0.5, 0.7),
        _most("added p50 at 1 connection, to the fastest peer", _ratio(added_ms, peers_ms), 0.5),
        _most("added p50 at a fixed rate, to the fastest peer", _ratio(paced_wire, paced_peers), 0.5),
        _least("200 KB prompt, to nginx", longs[0].to_nginx if longs else None, 0.3),
        _most("hookline --help, seconds", figures.get("help_s"), 0.5),
        _most("hookline serve to the first healthy answer, seconds", starts.get(WIRE), 2.0),
    ]


def format_table(bounds: Sequence[Bound]) -> str:
    """Return the bounds as text."""
    lines = [f"{'':56}{'measured':>9}{'bound':>10}{'aim':>8}"]
    verdicts = {True: "kept", False: "MISSED", None: "not measured"}
    for one in bounds:
        value = "-" if one.value is None else f"{one.value:.2f}"
        sign = ">=" if one.is_least else "<="
        aim = "" if one.aim is None else f"{one.aim:.2f}"
        lines.append(f"{one.name:56}{value:>9}{sign:>5}{one.bound:5.2f}{aim:>8}  {verdicts[one.is_met]}")
    return "\n".join(lines)


def _find(rows: Sequence[Row], way: str, work: str, connections: int) -> Row | None:
    found = (row for row in rows if (row.way, row.work, row.connections) == (way, work, connections))
    return next(found, None)


def _ratio(mine: float | None, others: Sequence[float]) -> float | None:
    return mine / min(others) if mine is not None and others else None


def _least(name: str, value: float | None, bound: float, aim: float | None = None) -> Bound:
    return Bound(name=name, value=value, bound=bound, aim=aim, is_least=True)


def _most(name: str, value: float | None, bound: float) -> Bound:
    return Bound(name=name, value=value, bound=bound, aim=None, is_least=False)
