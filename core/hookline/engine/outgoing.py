"""Making the upstream request of a call, and checking it after plugins had their hands on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline.connection import origin_of
from hookline.engine.answer_reading import accept_of
from hookline.engine.plain_headers import are_plain
from hookline.errors import InvalidInputError, LoopDetectedError
from hookline.filling import fill_path
from hookline.upstream import UpstreamRequest, make_upstream_request

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


def build_request(call: Call, order: Order, *, user_agent: str, max_hops: int) -> UpstreamRequest:
    """Return the request that a call will make, before any plugin changes it.

    Raises:
        LoopDetectedError: If it has gone through too many gateways already.
    """
    action, endpoint = call.action, order.endpoint
    hops = _count_hops(call)
    if hops >= max_hops:
        raise LoopDetectedError(f"This request has gone through {hops} gateways already.")
    request = make_upstream_request(
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
    text = call.headers.get(HOPS_HEADER)
    if text is None:
        return 0
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def finish_request(request: UpstreamRequest, *, text: bytes | None = None) -> None:
    """Work out the bytes of a request that a plugin made or changed.

    Args:
        request: The request.
        text: Its body as JSON, if that was written out already.

    Raises:
        InvalidInputError: If a field cannot be written as the service wants it.
        TypeError: If the body is not JSON.
    """
    if request.content is None and text is not None and request.encoding.kind == "json":
        request.content, request.media_type = text, None
    elif request.content is None and request.body is not None:
        request.content, media_type = request.encoding.write(request.body)
        request.media_type = None if media_type == JSON else media_type
    if request.content is not None:
        request.headers["content-type"] = request.media_type or JSON


def origin_of_request(request: UpstreamRequest) -> str:
    """Return the origin that a request goes to, as by `origin_of`.

    A path that begins with a slash has no part in that, and there are many paths.

    Raises:
        ConfigurationError: If it has none.
    """
    return origin_of(request.base_url if request.path.startswith("/") else request.url)


def check_request(call: Call, request: UpstreamRequest) -> str | None:
    """Return what a plugin did to the request that none may do, or None.

    Raises:
        InvalidInputError: If a header's value cannot be sent as it is; names the header.
    """
    if not request.path.startswith("/") or origin_of_request(request) != call.connection.origin:
        return "changed where the request goes"
    headers = request.headers
    return None if are_plain(headers) else _misdeed_in(headers)


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
