"""Making the upstream request of a call, and checking it after plugins had their hands on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline.connection import origin_of
from hookline.engine.answer_reading import accept_of
from hookline.errors import InvalidInputError, LoopDetectedError
from hookline.filling import fill_path
from hookline.upstream import UpstreamRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.call import Call
    from hookline.order import Order

JSON = "application/json"
EVENT_STREAM = "text/event-stream"

HOPS_HEADER = "x-hookline-hops"
"""Gateways of this kind that a request has gone through."""

_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+\Z")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*\Z")
# All of them at once, a line each.
_HEADER_NAMES = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(?:\n[a-z0-9!#$%&'*+.^_`|~-]+)*\Z")
_HEADER_VALUES = re.compile(r"[\t\n\x20-\x7e]*\Z")


def build_request(call: Call, order: Order, *, user_agent: str, max_hops: int) -> UpstreamRequest:
    """Return the request that a call will make, before any plugin changes it.

    Raises:
        LoopDetectedError: If it has gone through too many gateways already.
    """
    action, endpoint = call.action, order.endpoint
    hops = _count_hops(call)
    if hops >= max_hops:
        raise LoopDetectedError(f"This request has gone through {hops} gateways already.")
    request = UpstreamRequest(
        method=action.method,
        base_url=call.connection.base_url,
        path=action.path,
        is_stream=call.is_stream,
        headers={
            "accept": EVENT_STREAM if call.is_stream else accept_of(action),
            "accept-encoding": "identity",
            "user-agent": user_agent,
            HOPS_HEADER: str(hops + 1),
        },
    )
    for name in action.connector.forward_headers:
        value = call.headers.get(name)
        if value is not None:
            request.headers[name] = value
    if endpoint is None:
        action.prepare(call, request)
    else:
        request.path = fill_path(endpoint.path or action.path, dict(order.parameters))
        if order.content:
            request.body, request.content = call.input, order.content
        if endpoint.prepare is not None:
            request.content = None
            endpoint.prepare(call, request)
    return request


def _count_hops(call: Call) -> int:
    text = call.headers.get(HOPS_HEADER, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def finish_request(request: UpstreamRequest) -> None:
    """Work out the bytes of a request that a plugin made or changed.

    Raises:
        InvalidInputError: If a field cannot be written as the service wants it.
        TypeError: If the body is not JSON.
    """
    if request.content is None and request.body is not None:
        request.content, media_type = request.encoding.write(request.body)
        request.media_type = None if media_type == JSON else media_type
    if request.content is not None:
        request.headers["content-type"] = request.media_type or JSON


def check_request(call: Call, request: UpstreamRequest) -> str | None:
    """Return what a plugin did to the request that none may do, or None.

    Raises:
        InvalidInputError: If a header's value cannot be sent as it is; names the header.
    """
    if not request.path.startswith("/") or origin_of(request.url) != call.connection.origin:
        return "changed where the request goes"
    headers = request.headers
    try:
        names, values = "\n".join(headers), "\n".join(headers.values())
        line_ends = len(headers) - 1
        if (
            _HEADER_NAMES.match(names)
            and _HEADER_VALUES.match(values)
            and names.count("\n") == values.count("\n") == line_ends
        ):
            return None
    except TypeError:  # one is no text
        pass
    return _misdeed_in(headers)


def _misdeed_in(headers: Mapping[str, str]) -> str | None:
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            return "set a header that is not text"
        if not _HEADER_NAME.match(name):
            return f"set a header {name[:80]!r}; a name is in lower case and has no spaces"
        if not _HEADER_VALUE.match(value):
            raise InvalidInputError(
                f"Header {name!r} holds a character that cannot stand in a header.", status=400, field=name
            )
    return None
