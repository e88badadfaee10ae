"""What the rows of a file would take at most, told before any is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.cli.messages import CommandError
from hookline_bulk.runners import GatewayLostError

if TYPE_CHECKING:
    from hookline_bulk.batch_jobs import Job
    from hookline_bulk.runners import RowEstimate, RowRunner


@dataclass(kw_only=True, slots=True)
class Forecast:
    """What rows would take at most."""

    rows: int = 0
    refused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0
    unpriced: int = 0
    first_refusals: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, estimate: RowEstimate) -> None:
        """Add a row."""
        self.rows += 1
        if estimate.refusal is not None:
            self.refused += 1
            if len(self.first_refusals) < 5:
                self.first_refusals.append((row, estimate.refusal))
            return
        self.input_tokens += estimate.input_tokens
        self.output_tokens += estimate.output_tokens
        self.cost_nano_usd += estimate.cost_nano_usd or 0
        self.unpriced += estimate.cost_nano_usd is None


def forecast(jobs: Iterator[Job], runner: RowRunner, tick: Callable[[int], None]) -> Forecast:
    """Return what rows would take at most; none is run.

    Raises:
        CommandError: If the gateway cannot tell.
    """
    found = Forecast()
    for job in jobs:
        try:
            found.add(job.row, runner.estimate(job.fields))
        except GatewayLostError as exc:
            raise CommandError(exc.message) from exc
        tick(found.rows)
    return found
