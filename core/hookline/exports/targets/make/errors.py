"""How Make treats what the gateway refuses: which error it is to a scenario, and what people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject

_MESSAGE = "[{{statusCode}}] {{ifempty(body.message, 'The gateway answered without a message.')}}"
# Make repeats a `ConnectionError` by itself. The gateway tells what must not be repeated, such as a call that
# is paid for and goes on as a job; an answer without a word about it comes from a proxy on the way.
_UNLESS_FINAL = "{{if(body.retryable = false, 'RuntimeError', 'ConnectionError')}}"

_KINDS = {
    "400": "DataError",
    "401": "InvalidAccessTokenError",
    "402": "RuntimeError",
    "403": "InvalidAccessTokenError",
    "404": "DataError",
    "409": _UNLESS_FINAL,
    "413": "DataError",
    "415": "DataError",
    "422": "DataError",
    "429": "RateLimitError",
    "500": _UNLESS_FINAL,
    "502": _UNLESS_FINAL,
    "503": _UNLESS_FINAL,
    "504": _UNLESS_FINAL,
}


def error_map() -> JsonObject:
    """Return the ``error`` of a response."""
    return {
        "message": _MESSAGE,
        "type": "RuntimeError",
        **{status: {"message": _MESSAGE, "type": kind} for status, kind in _KINDS.items()},
    }
