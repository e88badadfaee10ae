"""All figures of one run, as text and as data."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from tests.benchmarks import bounds, pace, stream_rows, tables

if TYPE_CHECKING:
    from tests.benchmarks.load import Generator
    from tests.benchmarks.machine import Machine
    from tests.benchmarks.pace import Paced
    from tests.benchmarks.rates import Row
    from tests.benchmarks.stream_rows import Streams

BUSY = 0.5
"""Load average above which something else runs on the machine."""


@dataclass(kw_only=True, slots=True)
class Report:
    """The figures so far, and how they are made.

    Attributes:
        machine: Where.
        generator: What sends the requests.
        rounds: How often each row is measured.
        seconds: Length of one round of one row.
        rate_per_s: Requests per second of what is measured at a fixed rate.
        rows: Requests per second.
        paced: Latencies at a fixed rate.
        starts_s: Seconds from start to the first healthy answer, by way.
        idle_mib: Memory after the first answer, by way.
        figures: What `footprint.measure` returned.
        streams: What `stream_rows.measure` returned.
        also: Figures of other scripts.
        left_out: What was not measured, and why.
        missing: Peers that are not installed.
    """

    machine: Machine
    generator: Generator
    rounds: int
    seconds: float
    rate_per_s: float
    rows: list[Row] = field(default_factory=list)
    paced: list[Paced] = field(default_factory=list)
    starts_s: dict[str, list[float]] = field(default_factory=dict)
    idle_mib: dict[str, float] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    streams: Streams | None = None
    also: dict[str, object] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """Answers that were not 200 or not whole, and streams that were not complete."""
        incomplete = self.streams["incomplete"] if self.streams else 0
        return incomplete + sum(row.failures for row in self.rows) + sum(row.failures for row in self.paced)

    @property
    def headline(self) -> str:
        """Where and how, in one line."""
        rounds = f"{self.rounds} round{'s' if self.rounds > 1 else ''} of {self.seconds:g} s"
        here = self.machine
        return f"{here['cpu']}, {here['cores']} cores, Python {here['python']}, {self.generator}, {rounds}"

    def to_text(self) -> str:
        """Return everything as tables, with the bounds at the end."""
        parts = [self.headline]
        if self.machine["load_before"] > BUSY:
            load = self.machine["load_before"]
            parts.append(f"The machine was busy before (load average {load}): such figures are worth little.")
        if self.rows:
            parts.append(tables.format_rates(self.rows))
        if self.paced:
            title = f"small chat, {self.rate_per_s:g} requests/s at fixed times, 1 connection"
            parts.append(f"{title}\n{pace.format_table(self.paced)}")
        if self.streams:
            parts.append(stream_rows.format_figures(self.streams))
        if self.figures:
            parts.append(self._footprint())
        parts.append(f"bounds\n{bounds.format_table(self._bounds())}")
        if self.missing:
            parts.append(
                f"not installed: {', '.join(self.missing)}. To measure beside them:\n"
                "  python tests/benchmarks/peers.py install DIR\n"
                "  python tests/benchmarks/run.py --peers DIR"
            )
        parts += [f"left out: {line}" for line in self.left_out]
        if self.failures:
            parts.append(
                f"FAILED: {self.failures} answers were not 200 or not whole, so the figures mean nothing."
            )
        return "\n\n".join(parts)

    def to_dict(self) -> dict[str, object]:
        """Return everything as data for JSON."""
        return {
            **self.machine,
            "generator": self.generator,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "rate_per_s": self.rate_per_s,
            "failures": self.failures,
            "rates": [asdict(row) for row in self.rows],
            "pace": [asdict(row) for row in self.paced],
            "starts_s": self.starts_s,
            "idle_mib": self.idle_mib,
            **self.figures,
            **(self.streams or {}),
            "bounds": [{**asdict(one), "is_met": one.is_met} for one in self._bounds()],
            "left_out": self.left_out,
            "missing": self.missing,
            "also": self.also,
        }

    def _bounds(self) -> list[bounds.Bound]:
        return bounds.compare(self.rows, self.paced, self._medians_s(), self.figures)

    def _medians_s(self) -> dict[str, float]:
        return {name: statistics.median(took_s) for name, took_s in self.starts_s.items()}

    def _footprint(self) -> str:
        loaded_mib: dict[str, float] = {}
        for row in self.rows:
            loaded_mib[row.way] = max(loaded_mib.get(row.way, 0.0), row.loaded_mib)
        table = tables.format_footprint(self.starts_s, self._medians_s(), self.idle_mib, loaded_mib)
        helped_s, packages = self.figures["help_s"], self.figures["packages"]
        return f"{table}\nhookline --help {helped_s:.2f} s, {packages:.0f} packages"
