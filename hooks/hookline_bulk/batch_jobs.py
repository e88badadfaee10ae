"""The rows that a batch is to run, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_bulk.mapping import Mapping
    from hookline_bulk.row_files import Row
    from hookline_bulk.runners import RowReply

Stop = Literal["cost", "interrupted", "limit", "lost", "price"]
"""Why a run ended early: ``--max-cost``, Ctrl-C, a limit with a long wait, no gateway, or no known price."""


@dataclass(kw_only=True, slots=True)
class Job:
    """A row that is to be run.

    Attributes:
        row: Its number.
        attempt: The how-manieth time it is run, from 1.
        id: What names it in the results.
        fields: Input of the action.
        reserved_nano_usd: What is set aside for it while it runs.
    """

    row: int
    attempt: int = 1
    id: object
    fields: JsonObject = field(repr=False)
    reserved_nano_usd: int = 0


@dataclass(kw_only=True, slots=True)
class Tally:
    """How far a run has come.

    Attributes:
        total: Rows that are to be run now.
        succeeded: Those that went well.
        failed: Those that did not.
        unknown: Those of which nobody knows whether they ran.
        cost_nano_usd: What they cost, as far as it is known.
        unpriced: Rows whose cost is not known.
        input_tokens: Tokens sent.
        output_tokens: Tokens made.
        stop: Why it ended early; None if it did not.
        message: More about that.
        first_errors: The first few rows that failed, and why.
    """

    total: int
    succeeded: int = 0
    failed: int = 0
    unknown: int = 0
    cost_nano_usd: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    stop: Stop | None = None
    message: str = ""
    first_errors: list[tuple[int, RowReply]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Rows that are over."""
        return self.succeeded + self.failed + self.unknown


def iterate_jobs(
    rows: Iterator[Row], mapping: Mapping, wants: Callable[[int], bool], limit: int | None
) -> Iterator[Job]:
    """Yield the rows that are to be run, at most so many."""
    left = limit
    for row in rows:
        if not wants(row.number):
            continue
        if left is not None:
            if left <= 0:
                return
            left -= 1
        yield Job(row=row.number, id=mapping.id_of(row), fields=mapping.make(row))
