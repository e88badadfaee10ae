"""What somebody asks for, on its way to becoming a call and an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.call import new_call_id

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connector import JsonObject
    from hookline.engine.settlement import Settlement
    from hookline.routes import WireEndpoint
    from hookline.upstream import UpstreamRequest


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
    """

    action_id: str
    fields: JsonObject = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    endpoint: WireEndpoint | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    call_id: str = field(default_factory=new_call_id)
    client: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedCall:
    """A call that may run, the request it will make, and what was set aside for it."""

    call: Call
    request: UpstreamRequest
    endpoint: WireEndpoint | None
    settlement: Settlement


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
