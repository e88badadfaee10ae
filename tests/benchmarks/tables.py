"""The figures as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.benchmarks.rates import Row

_TITLES = (
    f"{'':28}{'median/s':>9}{'range':>15}{'/empty':>8}{'/nginx':>8}{'/peer':>7}{'p50 ms':>9}{'added':>8}"
    + (f"{'p99 ms':>9}{'cpu µs':>8}{'failed':>8}")
)


def format_rates(rows: Sequence[Row]) -> str:
    """Return a table for each work and number of connections."""
    lines: list[str] = []
    before = None
    for row in rows:
        if (row.work, row.connections) != before:
            before = (row.work, row.connections)
            lines += [
                "",
                f"{row.work}, {row.connections} connection{'s' if row.connections > 1 else ''}",
                _TITLES,
            ]
        span = f"{row.lowest:.0f}-{row.highest:.0f}"
        lines.append(
            f"{row.way:28}{row.per_s:9.0f}{span:>15}{_share(row.to_empty):>8}{_share(row.to_nginx):>8}"
            f"{_share(row.to_fastest_peer):>7}{row.p50_ms:9.2f}{_share(row.added_p50_ms):>8}{row.p99_ms:9.2f}"
            f"{row.cpu_us:8.0f}{row.failures:8}"
        )
    return "\n".join(lines).strip("\n")


def format_footprint(
    starts_s: Mapping[str, Sequence[float]],
    medians_s: Mapping[str, float],
    idle_mib: Mapping[str, float],
    loaded_mib: Mapping[str, float],
) -> str:
    """Return how long programs take to start and what memory they hold."""
    lines = [f"{'':28}{'start s':>9}{'range':>14}{'idle MiB':>10}{'loaded MiB':>12}"]
    for name, idle in idle_mib.items():
        took_s = starts_s.get(name)
        median, span = (
            (f"{medians_s[name]:.2f}", f"{min(took_s):.2f}-{max(took_s):.2f}") if took_s else ("-", "-")
        )
        lines.append(f"{name:28}{median:>9}{span:>14}{idle:10.0f}{_mib(loaded_mib.get(name)):>12}")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _mib(value: float | None) -> str:
    return "-" if not value else f"{value:.0f}"
