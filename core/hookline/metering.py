"""What an action knows about its own size and price, and what is set aside before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.principal import Caps
    from hookline.upstream import UpstreamRequest
    from hookline.usage import Usage


class Meter(Protocol):
    """Measures the requests and answers of an action; a connector gives it to `Connector.endpoint`.

    A meter with an attribute ``reads`` names the members of an answer's object that its `read` looks at. Of a
    large answer that is passed on as it came it gets no more than those, which takes a fraction of the time.
    """

    def model(self, request: UpstreamRequest) -> str | None:
        """Return the model that a request asks for, or None if it names none."""
        ...

    def estimate(self, call: Call, request: UpstreamRequest) -> Usage:
        """Return the most that a request can take, with its cost if the price is known. Never waits."""
        ...

    def read(self, call: Call, answer: object) -> Usage | None:
        """Return what a whole answer says that it took, without a cost; None if it does not say."""
        ...

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        """Return the cost in nano-dollars of what a model took, or None if its price is not known."""
        ...

    def bound(self, call: Call, request: UpstreamRequest, caps: Caps) -> None:
        """Hold a request to what its caller may have: set the bound where it asked for none.

        Raises:
            PermissionDeniedError: If it asks for more; names the field.
        """
        ...


class Reservation:
    """What a plugin has set aside for a call; make a subclass that holds what you need to settle it."""

    __slots__ = ()
