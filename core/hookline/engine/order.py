"""What an order becomes on its way: a call that may run, and an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.engine.settlement import estimate_of
from hookline.making import maker_of

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.engine.settlement import Settlement
    from hookline.routes import WireEndpoint
    from hookline.upstream import UpstreamRequest
    from hookline.usage import Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftCall:
    """A call that was found to be in order, and the request it would make; it is not going to run."""

    call: Call
    request: UpstreamRequest

    def estimate(self) -> Usage:
        """Return the most that it can take, as far as its action knows."""
        return estimate_of(self.call, self.request)


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedCall:
    """A call that may run, the request it will make, and what was set aside for it."""

    call: Call
    request: UpstreamRequest
    endpoint: WireEndpoint | None
    settlement: Settlement


make_prepared = maker_of(PreparedCall)
"""Make a prepared call; what every call needs."""


@dataclass(kw_only=True, slots=True)
class Answer:
    """What the caller gets.

    Attributes:
        status: HTTP status.
        headers: Names and values.
        content: Whole body, or an iterator of whole events.
    """

    status: int
    headers: list[tuple[str, str]]
    content: bytes | Iterator[bytes]


make_answer = maker_of(Answer)
"""Make an answer; what every call needs."""
