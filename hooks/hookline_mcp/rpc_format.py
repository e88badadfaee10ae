"""Errors of the endpoint, as JSON-RPC tells them: the HTTP status stays what it is everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hookline.problems import ProblemFormat, describe_error
from hookline.routes import Reply
from hookline_mcp.protocol import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, STATUSES, error_body

if TYPE_CHECKING:
    from hookline.errors import HooklineError
    from hookline_mcp.protocol import ProtocolError, RequestId

_UNREADABLE = frozenset(
    {
        "duplicate_key",
        "empty_body",
        "incomplete_body",
        "invalid_json",
        "nested_too_deeply",
        "too_many_items",
        "too_many_members",
    }
)
_JSON = ("content-type", "application/json")
_PROBLEMS = ProblemFormat()


class RpcFormat:
    """Shapes errors that arise before or outside of a message."""

    def error_reply(self, error: HooklineError, *, call_id: str) -> Reply:
        """Return the answer for an error."""
        return refusal(error, call_id=call_id)

    def error_event(self, error: HooklineError, *, call_id: str) -> bytes:
        """Return the event that tells a reader that the stream broke."""
        content = refusal(error, call_id=call_id).content
        assert isinstance(content, bytes)  # a refusal is never a stream
        return b"data: " + content + b"\n\n"


def code_of(error: HooklineError) -> int:
    """Return the JSON-RPC code of an error that is none of the protocol's own."""
    if error.code in _UNREADABLE:
        return PARSE_ERROR
    return INVALID_REQUEST if error.status < 500 else INTERNAL_ERROR


def refusal(error: HooklineError, *, call_id: str, id: RequestId | None = None) -> Reply:
    """Return the answer for an error: status and headers as at the action door, the body as JSON-RPC."""
    reply = _PROBLEMS.error_reply(error, call_id=call_id)
    problem = describe_error(error, call_id=call_id)
    headers = [_JSON, *((name, value) for name, value in reply.headers if name != "content-type")]
    body = error_body(code_of(error), str(problem["message"]), data=problem, id=id)
    return Reply(status=error.status, headers=headers, content=orjson.dumps(body))


def protocol_reply(error: ProtocolError, *, id: RequestId | None, is_modern: bool) -> Reply:
    """Return the answer for an error of the protocol's own.

    Args:
        error: What is wrong.
        id: Id of the request.
        is_modern: Whether the request speaks a revision in which each error has its HTTP status; before, a
            message that was understood was answered with 200, and clients take 404 for a lost session.
    """
    body = error_body(error.code, error.message, data=error.data, id=error.id if id is None else id)
    status = STATUSES[error.code] if is_modern or error.code in _ALWAYS else 200
    return Reply(status=status, headers=[_JSON, ("cache-control", "no-store")], content=orjson.dumps(body))


_ALWAYS = frozenset(STATUSES) - {-32601, -32602}
