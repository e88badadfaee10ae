"""Pictures of requests per second: bars on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.pictures import BLUE, GREY, PALE, TEXT, Picture
from tests.benchmarks.ways import ACTION, DIRECT, EMPTY, NGINX, STAGES, WIRE
from tests.benchmarks.work import CHAT

if TYPE_CHECKING:
    from tests.benchmarks.rates import Row

_LABELS = {
    "bare pipeline": "pipeline alone",
    "+ auth": "+ stored keys",
    "+ limits": "+ two limits",
    "+ upstream plugins": "+ five upstream plugins",
    WIRE: "+ ledger: the default",
}
_COLOURS = {"gateway": BLUE, "peer": GREY, "reference": PALE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar; ``kind`` is ``gateway``, ``peer`` or ``reference``."""

    name: str
    kind: str
    value: float
    lowest: float
    highest: float


def draw(rows: Sequence[Row], file: Path, *, machine: str) -> list[Path]:
    """Write the chart of all ways to a file and that of the stages to one beside it; return both paths.

    Args:
        rows: What was measured; small chats at the number of connections nearest to 32 are drawn.
        file: Its name ends with ``.svg``.
        machine: One line about where the figures were made.
    """
    chats = [row for row in rows if row.work == CHAT.name]
    connections = min((row.connections for row in chats), key=lambda number: abs(number - 32), default=0)
    by_name = {row.way: row for row in chats if row.connections == connections}
    peers = sorted((row for row in by_name.values() if row.kind == "peer"), key=lambda row: -row.per_s)
    names = [DIRECT, NGINX, EMPTY, WIRE, ACTION, *(row.way for row in peers)]
    subtitle = (
        f"small chat, {connections} connections, one worker; lines show the slowest and the fastest round"
    )
    charts = {
        file: ("Requests per second", [_bar(by_name[name]) for name in names if name in by_name]),
        file.with_stem(f"{file.stem}-stages"): (
            "Requests per second, as the gateway does more",
            [
                _bar(by_name[name], label=_LABELS[name], kind="gateway")
                for name in (*STAGES, WIRE)
                if name in by_name
            ],
        ),
    }
    written = []
    for path, (title, bars) in charts.items():
        if bars:
            draw_bars(title, [subtitle, machine], bars, path)
            written.append(path)
    return written


def draw_bars(title: str, notes: Sequence[str], bars: Sequence[Bar], file: Path) -> None:
    """Draw horizontal bars on one linear scale that begins at nothing."""
    with Picture(title, panel_size=(9.5, 1.1 + 0.42 * len(bars))) as picture:
        (axes,) = picture.axes
        axes.barh(
            range(len(bars)),
            [bar.value for bar in bars],
            xerr=[
                [bar.value - bar.lowest for bar in bars],
                [bar.highest - bar.value for bar in bars],
            ],
            color=[_COLOURS[bar.kind] for bar in bars],
            ecolor=TEXT,
            height=0.64,
        )
        most = max(bar.highest for bar in bars)
        for number, bar in enumerate(bars):
            axes.text(bar.highest + most / 80, number, f"{bar.value:,.0f}", va="center")
        axes.set_yticks(range(len(bars)), [bar.name for bar in bars], parse_math=False)
        axes.set_xlim(0, most * 1.1)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelcolor=TEXT)
        picture.note(*notes)
        picture.save(file, described=[f"{bar.name} {bar.value:,.0f}" for bar in bars])


def _bar(row: Row, *, label: str = "", kind: str = "") -> Bar:
    return Bar(
        name=label or row.way,
        kind=kind or row.kind,
        value=row.per_s,
        lowest=row.lowest,
        highest=row.highest,
    )
