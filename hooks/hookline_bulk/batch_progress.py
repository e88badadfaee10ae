"""Showing how far a batch has come: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from hookline.clock import Clock
    from hookline_bulk.batch_jobs import Tally

_LINE_EVERY_S = 10.0
_DRAW_EVERY_S = 0.1


class BatchProgress:
    """Shows a tally on the standard error stream while rows run; use it as a context manager.

    Args:
        tally: What is shown.
        clock: What time it is.
        is_quiet: Whether nothing is shown.
        is_terminal: Whether a bar can be drawn; found out if not given.
    """

    def __init__(
        self, tally: Tally, clock: Clock, *, is_quiet: bool = False, is_terminal: bool | None = None
    ) -> None:
        self._tally = tally
        self._clock = clock
        self._is_quiet = is_quiet
        self._draws = sys.stderr.isatty() if is_terminal is None else is_terminal
        self._began_at = self._shown_at = clock.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> BatchProgress:
        if self._draws and not self._is_quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                BarColumn(bar_width=None),
                TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
                TextColumn("{task.fields[more]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True, force_terminal=True),
                transient=True,
                auto_refresh=False,
            )
            self._progress.start()
            self._task = self._progress.add_task("rows", total=self._tally.total, more="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def tick(self) -> None:
        """Show the tally, if it was not shown just now."""
        now = self._clock.monotonic()
        every_s = _DRAW_EVERY_S if self._progress is not None else _LINE_EVERY_S
        if self._is_quiet or now - self._shown_at < every_s:
            return
        self._shown_at = now
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._tally.done, more=self._more(now))
            self._progress.refresh()
        else:
            click.echo(self.line(now), err=True)

    def line(self, now: float) -> str:
        """Return the tally in one line."""
        tally = self._tally
        rate = self._rate(now)
        left = f", {time_text((tally.total - tally.done) / rate)} left" if rate else ""
        return f"{tally.done:,} of {tally.total:,} rows, {self._more(now)}{left}"

    def _more(self, now: float) -> str:
        tally = self._tally
        parts = [f"{self._rate(now):,.1f}/s", cost_text(tally)]
        if tally.failed:
            parts.insert(0, f"{tally.failed:,} failed")
        return ", ".join(part for part in parts if part)

    def _rate(self, now: float) -> float:
        elapsed_s = now - self._began_at
        return self._tally.done / elapsed_s if elapsed_s > 0 else 0.0


def cost_text(tally: Tally) -> str:
    """Return what rows cost, for people; empty if nothing is known of it."""
    if not tally.cost_nano_usd and tally.unpriced:
        return ""
    return (">= " if tally.unpriced else "") + usd_text(tally.cost_nano_usd)


def usd_text(nano_usd: int) -> str:
    """Return an amount of money: whole cents where it is large, more digits where it is small."""
    usd = nano_usd / 1e9
    return f"${usd:,.2f}" if usd >= 10 else f"${usd:,.6f}".rstrip("0").rstrip(".")


def time_text(seconds: float) -> str:
    """Return a length of time, such as 0:45 or 1:02:03."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
