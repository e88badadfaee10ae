"""OpenAI's own wire format: the addresses below ``/v1``, and errors as its SDKs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hookline.errors import (
    AuthenticationError,
    HooklineError,
    InvalidInputError,
    MethodNotAllowedError,
    QuotaExhaustedError,
)
from hookline.routes import Reply, WireEndpoint
from hookline.text import join_sentences
from hookline_openai.edit import prepare_edit, present_wire_edit
from hookline_openai.errors import is_inside_stream
from hookline_openai.refusals import hide_keys, read_error_object, read_refusal

if TYPE_CHECKING:
    from hookline.routes import RouteRegistry
    from hookline.upstream import ErrorAnswer

_JSON = ("content-type", "application/json")


class OpenAIWire:
    """Shapes errors the way OpenAI does."""

    def error_reply(self, error: HooklineError, *, call_id: str) -> Reply:
        """Return the answer for an error: OpenAI's own refusal untouched, or ours in its shape."""
        helps = error.retryable and not error.is_exhausted
        headers = [_JSON, ("x-should-retry", "true" if helps else "false")]
        answer = error.answer
        headers += error.wait_headers
        if answer is not None and answer.status == 429 and error.retryable and error.retry_after is None:
            headers.append(("retry-after", "1"))  # also in place of a wait that makes no sense
        if answer is None or answer.header("x-request-id") is None:
            headers.append(("x-request-id", call_id))
        if answer is not None and _may_pass(answer):
            return Reply(status=answer.status, headers=headers, content=answer.content)
        if isinstance(error, AuthenticationError):
            headers.append(("www-authenticate", "Bearer"))
        if isinstance(error, MethodNotAllowedError):
            headers.append(("allow", ", ".join(error.allowed)))
        return Reply(status=_status_of(error), headers=headers, content=orjson.dumps(_body_of(error)))

    def error_event(self, error: HooklineError, *, call_id: str) -> bytes:
        """Return the event that makes an SDK notice that a stream broke off."""
        return b"data: " + orjson.dumps(_event_of(error)) + b"\n\n"


def add_routes(routes: RouteRegistry) -> None:
    """Add OpenAI's addresses."""
    wire = OpenAIWire()
    for path, action in (
        ("/v1/chat/completions", "openai.chat"),
        ("/v1/completions", "openai.complete"),
        ("/v1/embeddings", "openai.embed"),
        ("/v1/moderations", "openai.moderate"),
    ):
        routes.add_wire("POST", path, WireEndpoint(action=action, format=wire))
    routes.add_wire(
        "POST",
        "/v1/edits",
        WireEndpoint(action="openai.edit", format=wire, prepare=prepare_edit, present=present_wire_edit),
    )
    routes.add_wire("GET", "/v1/models", WireEndpoint(action="openai.list_models", format=wire))
    routes.add_wire(
        "GET",
        "/v1/models/<path:model>",
        WireEndpoint(action="openai.list_models", format=wire, path="/models/{model}"),
    )
    routes.use_format("/v1", wire)


def _may_pass(answer: ErrorAnswer) -> bool:
    if answer.status < 400 or answer.status == 401:
        return False
    refusal = read_refusal(answer.json())
    return refusal is not None and hide_keys(refusal.message) == refusal.message


def _status_of(error: HooklineError) -> int:
    if isinstance(error, QuotaExhaustedError):
        return 429
    if isinstance(error, InvalidInputError):
        return 400
    return error.status


def _body_of(error: HooklineError) -> dict[str, object]:
    return {
        "error": {
            "message": join_sentences(error.message, error.hint),
            "type": error.kind,
            "param": error.field,
            "code": error.code,
        }
    }


def _event_of(error: HooklineError) -> dict[str, object]:
    body = error.answer.json() if error.answer is not None and is_inside_stream(error.answer) else None
    inner = body.get("error") if isinstance(body, dict) else None
    refusal = read_error_object(inner) if isinstance(inner, dict) else None
    if refusal is None or refusal.code == "invalid_api_key":
        return _body_of(error)
    return {
        "error": {
            "message": refusal.safe_message(),
            "type": refusal.type,
            "param": refusal.param,
            "code": refusal.code,
        }
    }
