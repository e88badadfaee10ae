"""Pictures of requests per second: bars as SVG, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tests.benchmarks.ways import ACTION, DIRECT, EMPTY, NGINX, STAGES, WIRE
from tests.benchmarks.work import CHAT

if TYPE_CHECKING:
    from tests.benchmarks.rates import Row

_WIDTH = 760
_NAMES = 190
_BARS = 470
_TOP = 70
_STEP = 34
_BAR = 22
_LABELS = {
    "bare pipeline": "pipeline alone",
    "+ auth": "+ stored keys",
    "+ limits": "+ two limits",
    "+ upstream plugins": "+ five upstream plugins",
    WIRE: "+ ledger: the default",
}
_STYLE = """
    .page { fill: #ffffff; }
    .name { fill: #1b2230; font-size: 14px; }
    .title { fill: #1b2230; font-size: 16px; font-weight: 600; }
    .note { fill: #566074; font-size: 12px; }
    .gateway { fill: #2f6fed; }
    .peer { fill: #8792a6; }
    .reference { fill: #c3c9d4; }
    .span { stroke: #1b2230; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0f141b; }
      .name, .title { fill: #e8ecf3; }
      .note { fill: #aab4c5; }
      .gateway { fill: #7aa2f2; }
      .peer { fill: #717d92; }
      .reference { fill: #3a4455; }
      .span { stroke: #e8ecf3; }
    }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar; ``kind`` is a class of the style."""

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
            path.write_text(to_svg(title, [subtitle, machine], bars))
            written.append(path)
    return written


def to_svg(title: str, notes: Sequence[str], bars: Sequence[Bar]) -> str:
    """Return a picture of horizontal bars on one linear scale that begins at nothing."""
    scale = _BARS / max(bar.highest for bar in bars)
    height = _TOP + _STEP * len(bars) + 18 * len(notes) + 14
    text = "; ".join(f"{bar.name} {bar.value:,.0f}" for bar in bars)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="bars-title bars-text" '
        "font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif\">",
        f'  <title id="bars-title">{escape(title)}</title>',
        f'  <desc id="bars-text">{escape(text)}</desc>',
        f"  <style>{_STYLE}  </style>",
        f'  <rect class="page" width="{_WIDTH}" height="{height}" rx="12"/>',
        f'  <text class="title" x="20" y="34">{escape(title)}</text>',
    ]
    for number, bar in enumerate(bars):
        top = _TOP - 14 + _STEP * number
        middle = top + _BAR / 2
        low, high, end = (_NAMES + scale * value for value in (bar.lowest, bar.highest, bar.value))
        lines += [
            f'  <text class="name" x="{_NAMES - 10}" y="{middle + 5:.0f}" text-anchor="end">'
            f"{escape(bar.name)}</text>",
            f'  <rect class="{bar.kind}" x="{_NAMES}" y="{top}" width="{max(1.0, end - _NAMES):.1f}" '
            f'height="{_BAR}" rx="3"/>',
            f'  <line class="span" x1="{low:.1f}" y1="{middle:.0f}" x2="{high:.1f}" y2="{middle:.0f}"/>',
            f'  <text class="name" x="{high + 8:.1f}" y="{middle + 5:.0f}">{bar.value:,.0f}</text>',
        ]
    below = _TOP + _STEP * len(bars) + 8
    lines += [
        f'  <text class="note" x="20" y="{below + 18 * number}">{escape(note)}</text>'
        for number, note in enumerate(notes)
    ]
    return "\n".join([*lines, "</svg>", ""])


def _bar(row: Row, *, label: str = "", kind: str = "") -> Bar:
    return Bar(
        name=label or row.way,
        kind=kind or row.kind,
        value=row.per_s,
        lowest=row.lowest,
        highest=row.highest,
    )
