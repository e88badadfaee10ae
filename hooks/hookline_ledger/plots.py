"""A picture of a report. Imports matplotlib, so it is imported late."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from hookline_ledger.tables import UNITS, Measure, bars_of, mark_of, meanings_of, measured

if TYPE_CHECKING:
    from hookline_ledger.totals import Report

_MAX_BARS = 60
_MAX_NAME = 30


def save_plot(report: Report, file: Path, *, measure: Measure) -> None:
    """Write a picture with a bar for every day or group; the ending of the file's name tells the format.

    Raises:
        OSError: If the file cannot be written.
    """
    by = report.question.by
    bars = bars_of(report)
    bars = bars[-_MAX_BARS:] if by == "day" else bars[:_MAX_BARS]
    heights = [measured(totals, measure) for _, totals in bars]
    figure = Figure(figsize=(max(6.4, 0.35 * len(bars)), 4.0), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(bars))
    drawn = axes.bar(places, heights, color="#3b6ea8")
    axes.bar_label(drawn, [mark_of(totals, measure) for _, totals in bars], parse_math=False)
    names = [name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…" for name, _ in bars]
    # names were chosen by callers: a dollar sign in one must not begin a formula
    axes.set_xticks(places, names, rotation=45, ha="right", parse_math=False)
    axes.set_ylabel(UNITS[measure])
    axes.set_title(f"{measure} by {by}")
    if any(mark_of(totals, measure) for _, totals in bars):
        axes.set_xlabel("\n".join(meanings_of(report.total)), parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a font that lacks some letter is no reason to say anything
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)
