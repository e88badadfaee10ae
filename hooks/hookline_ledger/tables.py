"""A report as people read it: a table, bars in a terminal, and a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from hookline.usage import NANO_USD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline_ledger.totals import Report, Totals

Measure = Literal["cost", "tokens", "calls"]

UNITS: dict[Measure, str] = {"cost": "US dollars", "tokens": "tokens", "calls": "calls"}
ESTIMATED = "~"
AT_LEAST = ">="
_LEAST_NAME = 12
_NO_NAME = "(none)"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MAX_DAYS = 3700


def table_of(report: Report, *, width: int | None = None) -> tuple[list[str], list[list[str]]]:
    """Return headings and cells, numbers to the right; sums come last.

    Args:
        report: What to show.
        width: Columns that a row may take; names are cut to what the numbers leave. None for any.
    """
    has_inner = report.total.inner_calls > 0
    headings = [report.question.by, "calls", "errors", "tokens in", "tokens out", "cost USD"]
    rows = [[group.name or _NO_NAME, *_cells(group.totals)] for group in report.groups]
    if len(rows) > 1 or report.is_truncated:
        rows.append(["all", *_cells(report.total)])
    if has_inner:
        headings.insert(2, "inner")
        everything = [group.totals for group in report.groups] + [report.total]
        for row, totals in zip(rows, everything, strict=False):
            row.insert(2, f"{totals.inner_calls:,}")
    if width is not None:
        numbers = [max(len(row[at]) + 2 for row in [headings, *rows]) for at in range(1, len(headings))]
        for row in rows:
            row[0] = cut(row[0], max(_LEAST_NAME, width - sum(numbers)))
    widths = [max(len(row[at]) for row in [headings, *rows]) for at in range(len(headings))]
    aligned = [
        [row[0], *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        for row in [headings, *rows]
    ]
    return aligned[0], aligned[1:]


def cost_text(totals: Totals) -> str:
    """Return a cost for people.

    It begins with ``>=`` where some calls have no known cost, and with ``~`` where some are an estimate.
    """
    if totals.cost_nano_usd is None:
        return "unknown"
    text = f"{totals.cost_nano_usd / NANO_USD:,.6f}"
    if not totals.without_cost and 0 < totals.cost_nano_usd < NANO_USD // 1_000_000:
        text = "<0.000001"
    if totals.estimated_costs:
        text = f"{ESTIMATED}{text}"
    return f"{AT_LEAST} {text}" if totals.without_cost else text


def mark_of(totals: Totals | None, measure: Measure) -> str:
    """Return what a number is marked with that is not the whole truth; empty if it is."""
    if totals is None or measure == "calls":
        return ""
    if measure == "tokens":
        return ESTIMATED if totals.estimated else ""
    estimated = ESTIMATED if totals.estimated_costs else ""
    return f"{AT_LEAST} {estimated}".rstrip() if totals.without_cost else estimated


def meanings_of(totals: Totals) -> list[str]:
    """Return what the marks mean, and how many calls they concern; nothing if there are none."""
    found = []
    if totals.without_cost:
        found.append(f"{AT_LEAST}  the cost of {_calls(totals.without_cost)} is not known and is left out")
    if totals.estimated:
        found.append(
            f"{ESTIMATED}   the tokens of {_calls(totals.estimated)}, and so their cost, are an estimate"
        )
    return found


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def as_csv(report: Report) -> str:
    """Return the groups as comma-separated values. Names are no formulas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([report.question.by, *report.total.as_json()])
    for group in report.groups:
        numbers = group.totals.as_json().values()
        writer.writerow([_harmless(group.name or ""), *("" if value is None else value for value in numbers)])
    return text.getvalue()


def cut(name: str, width: int) -> str:
    """Return a name that takes at most so many columns; it ends with an ellipsis if it was longer."""
    return name if len(name) <= width else f"{name[: max(width, 2) - 1]}…"


def every_day(report: Report) -> list[tuple[str, Totals | None]]:
    """Return the days of a report by day, with those between them on which nothing was called."""
    if not report.groups:
        return []
    found = {str(group.name): group.totals for group in report.groups}
    first, last = (date.fromisoformat(day) for day in (min(found), max(found)))
    days = [first + timedelta(days=number) for number in range(min((last - first).days + 1, _MAX_DAYS))]
    return [(day.isoformat(), found.get(day.isoformat())) for day in days]


def bars_of(report: Report) -> list[tuple[str, Totals | None]]:
    """Return what has a bar: every day of a report by day, else the groups."""
    if report.question.by == "day":
        return every_day(report)
    return [(group.name or _NO_NAME, group.totals) for group in report.groups]


def measured(totals: Totals | None, measure: Measure) -> float:
    """Return the height of a bar."""
    if totals is None:
        return 0.0
    if measure == "cost":
        return totals.cost_usd or 0.0
    return float(totals.tokens if measure == "tokens" else totals.calls)


def draw_bars(
    bars: Sequence[tuple[str, Totals | None]], *, measure: Measure, width: int, is_ascii: bool = False
) -> list[str]:
    """Return a line with a bar for each group.

    Args:
        bars: Names and sums.
        measure: What the length stands for.
        width: Columns of the terminal.
        is_ascii: Whether nothing but ASCII can be shown.
    """
    values = [measured(totals, measure) for _, totals in bars]
    texts = [_value_text(totals, measure) for _, totals in bars]
    most = max(values, default=0.0) or 1.0
    bars = [(name if is_ascii else cut(name, max(_LEAST_NAME, width // 3)), sums) for name, sums in bars]
    name_width = max((len(name) for name, _ in bars), default=0)
    room = max(10, width - name_width - max(map(len, texts), default=0) - 4)
    lines = []
    for (name, _), value, text in zip(bars, values, texts, strict=True):
        bar = _bar(value / most * room, is_ascii=is_ascii)
        lines.append(f"{name:<{name_width}}  {bar}{' ' if bar else ''}{text}")
    return lines


def _value_text(totals: Totals | None, measure: Measure) -> str:
    if totals is None:
        return "0"
    if measure == "cost":
        return cost_text(totals)
    return f"{mark_of(totals, measure)}{int(measured(totals, measure)):,}"


def _bar(length: float, *, is_ascii: bool) -> str:
    if is_ascii:
        return "#" * (max(1, round(length)) if length else 0)
    eighths = max(1, round(length * 8)) if length else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _cells(totals: Totals) -> list[str]:
    numbers = (totals.calls, totals.errors, totals.input_tokens, totals.output_tokens)
    return [*(f"{number:,}" for number in numbers), cost_text(totals)]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
