"""The call's id, told to the upstream, so that its logs and ours can be laid side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, UpstreamRequest

HEADER = "x-client-request-id"


@hookimpl
def hookline_shape_request(call: Call, request: UpstreamRequest) -> None:
    """Send the call's id, unless the caller sent an id of its own."""
    request.headers.setdefault(HEADER, call.id)
