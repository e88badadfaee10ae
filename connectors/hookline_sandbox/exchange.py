"""What an endpoint gets and gives, apart from HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from hookline_sandbox.models import utc_day

if TYPE_CHECKING:
    from hookline_sandbox.wire import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request as an endpoint sees it.

    Attributes:
        body: The JSON body; empty for requests without one.
        digest: Hexadecimal digits that are the same for the same request; ids are made of it.
        created: Unix time in whole seconds.
    """

    body: JsonObject
    digest: str
    created: int

    @property
    def today(self) -> date:
        """The day on which models are looked up, in UTC."""
        return utc_day(self.created)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A successful answer: either a JSON body or the events of a stream."""

    body: JsonObject | None = None
    events: Iterator[bytes] | None = None
