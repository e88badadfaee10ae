"""How pictures of figures look: drawn with matplotlib, readable on light and on dark pages, small files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE, TEXT, NOTE, LINE = "#ffffff", "#1b2230", "#566074", "#c3c9d5"
BLUE, GREY, PALE, RED, GREEN = "#2f6fed", "#8792a6", "#c3c9d4", "#b03030", "#2c7a4b"
LINES = (BLUE, GREEN, GREY)
"""Colours of lines that stand beside each other."""

_DARK = {
    PAGE: "#0f141b",
    TEXT: "#e8ecf3",
    NOTE: "#aab4c5",
    LINE: "#3a4456",
    BLUE: "#7aa2f2",
    GREY: "#717d92",
    PALE: "#3a4455",
    RED: "#e07070",
    GREEN: "#6fc393",
}
_FONTS = ["DejaVu Sans"]  # by which matplotlib measures; the page's own takes its place
_SETTINGS: Any = {
    "svg.fonttype": "none",  # texts stay texts
    "svg.hashsalt": "hookline",  # the same figures give the same file
    "font.family": _FONTS,
    "font.size": 11,
    "axes.edgecolor": LINE,
    "axes.labelcolor": NOTE,
    "axes.titlecolor": TEXT,
    "axes.titlesize": 12,
    "text.color": TEXT,
    "xtick.color": NOTE,
    "ytick.color": NOTE,
    "figure.facecolor": PAGE,
    "axes.facecolor": PAGE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


class Picture:
    """A figure in the house style; draw into `axes` inside of the block, then `save` it.

    Args:
        title: What it shows.
        rows: How many panels stand above each other.
        columns: How many stand beside each other.
        panel_size: Width and height of a panel, in inches of 72 points.

    Attributes:
        axes: The panels, row by row.
    """

    def __init__(
        self, title: str, *, rows: int = 1, columns: int = 1, panel_size: tuple[float, float] = (10, 4.4)
    ) -> None:
        self._title = title
        self._shape = rows, columns
        self._size = panel_size[0] * columns, panel_size[1] * rows
        self._style = matplotlib.rc_context(_SETTINGS)
        self._figure: Figure
        self.axes: list[Axes]

    def __enter__(self) -> Picture:
        self._style.__enter__()
        self._figure = Figure(figsize=self._size, layout="constrained")
        self._figure.suptitle(self._title, x=0.02, ha="left", fontweight="bold")
        self.axes = list(self._figure.subplots(*self._shape, squeeze=False).flat)
        return self

    def __exit__(self, *_: object) -> None:
        self._style.__exit__(None, None, None)

    def note(self, *lines: str) -> None:
        """Write lines below the panels."""
        self._figure.supxlabel("\n".join(lines), x=0.02, ha="left", fontsize="small", color=NOTE)

    def save(self, file: Path, *, described: Sequence[str]) -> None:
        """Write the picture; an ``.svg`` follows the page's light or dark style.

        Args:
            file: Its ending tells the format.
            described: What the picture says, in words, for whoever cannot see it.
        """
        if file.suffix != ".svg":
            self._figure.savefig(file)
            return
        drawn = io.StringIO()
        self._figure.savefig(
            drawn, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
        file.write_text(_with_style(drawn.getvalue(), self._title, "; ".join(described)))


def _with_style(svg: str, title: str, text: str) -> str:
    """Put a title, a description and the colours of dark pages into an SVG that matplotlib wrote."""
    rules = "\n".join(
        f'      [style*="{part}: {light}"] {{ {part}: {dark} !important; }}'
        for light, dark in _DARK.items()
        for part in ("fill", "stroke")
        if f"{part}: {light}" in svg
    )
    head, end, body = svg[svg.index("<svg") :].partition(">")
    told = (
        f'\n  <title id="picture-title">{escape(title)}</title>'
        f'\n  <desc id="picture-text">{escape(text)}</desc>'
        "\n  <style>\n"
        "    text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif !important; }\n"
        f"    @media (prefers-color-scheme: dark) {{\n{rules}\n    }}\n  </style>"
    )
    lines = f'{head} role="img" aria-labelledby="picture-title picture-text"{end}{told}{body}'.splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"
