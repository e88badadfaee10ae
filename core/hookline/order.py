"""What somebody asks for: an action and its input, as it came through a door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.call import new_call_id
from hookline.making import maker_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Cancellation
    from hookline.routes import Reply, WireEndpoint


ITEMS = "items"
"""Field of an action's input with which it is run once for each of several inputs."""

CALLBACK_URL = "callback_url"
"""Field of an action's input that says where its result is to be posted."""

RAW_JSON = "raw_json"
"""Field of a call whose JSON object joins the input, for forms that cannot show all that an action takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What somebody asks for.

    Attributes:
        action_id: Which action.
        fields: Its input, or on the wire door the service's own body.
        content: The bytes that ``fields`` was read from; passed on as they are on the wire door.
        headers: The caller's headers by lower-case name, without credentials.
        endpoint: The wire endpoint it came through; None for the action door.
        parameters: Values of the route's variable parts.
        call_id: Id of the call.
        client: Network address of whoever sent it.
        query: The request's query parameters, the first of each.
        is_detached: Whether nobody waits for its answer, which is kept for later.
        cancellation: Ends the call; by default one that ends when the caller of a stream leaves.
        report: Is told how many of how many parts are done, by whoever does them one by one.
    """

    action_id: str
    fields: JsonObject = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    endpoint: WireEndpoint | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    call_id: str = field(default_factory=new_call_id)
    client: str = ""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_detached: bool = False
    cancellation: Cancellation | None = field(default=None, repr=False)
    report: Callable[[int, int], None] | None = field(default=None, repr=False)


make_order = maker_of(Order)
"""Make an order; what every call needs."""

Proceed = Callable[[Order], "Reply"]
"""Runs an order past whoever is next; errors are replies too."""
