"""How an error looks to those who use actions: one body that every reader understands.

RFC 9457 members for programs, ``message`` for what low-code tools show, ``error`` in OpenAI's shape, and
``retryable``, ``hint`` and ``upstream`` for whoever decides what to do next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from hookline import errors
from hookline.engine.sse import encode_event
from hookline.errors import HooklineError, MethodNotAllowedError
from hookline.routes import Reply
from hookline.text import join_sentences

if TYPE_CHECKING:
    from hookline.action import JsonObject

PROBLEM_JSON = "application/problem+json"


def describe_error(error: HooklineError, *, call_id: str) -> JsonObject:
    """Return the body for an error."""
    upstream = error.upstream
    message = join_sentences(error.message, error.hint)
    body: JsonObject = {
        "type": f"/problems/{type(error).code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "instance": call_id,
        "message": message,
        "error": {
            "message": message,
            "type": error.kind,
            "code": error.code,
            "param": error.field,
        },
        "field": error.field,
        "retryable": error.retryable,
        "retry_after": retry_after_of(error),
        "hint": error.hint,
        "upstream": None
        if upstream is None
        else {"status": upstream.status, "request_id": upstream.request_id, "code": upstream.code},
    }
    for name, value in error.details.items():
        body.setdefault(name, value)
    return body


def retry_after_of(error: HooklineError) -> int | None:
    """Return the value of ``Retry-After``: whole seconds, at least 1; None if the wait is not known."""
    wait = error.retry_after
    return 1 if wait is None and error.status == 429 else wait


class ProblemFormat:
    """Shapes errors for the action door."""

    def error_reply(self, error: HooklineError, *, call_id: str) -> Reply:
        """Return the answer for an error."""
        headers = [("content-type", PROBLEM_JSON), ("cache-control", "no-store")]
        wait = retry_after_of(error)
        if wait is not None:
            headers += error.wait_headers or [("retry-after", str(wait))]
        if error.status == 401:
            headers.append(("www-authenticate", "Bearer"))
        if isinstance(error, MethodNotAllowedError):
            headers.append(("allow", ", ".join(error.allowed)))
        return Reply(
            status=error.status, headers=headers, content=orjson.dumps(describe_error(error, call_id=call_id))
        )

    def error_event(self, error: HooklineError, *, call_id: str) -> bytes:
        """Return the event that tells a reader that the stream broke."""
        return encode_event(orjson.dumps({"type": "error", **_event_body(error, call_id=call_id)}))


def _event_body(error: HooklineError, *, call_id: str) -> JsonObject:
    body = describe_error(error, call_id=call_id)
    body["problem"] = body.pop("type")
    return body


def known_errors() -> Iterator[type[HooklineError]]:
    """Yield every class of the error tree that has a status of its own."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, HooklineError):
            yield value
