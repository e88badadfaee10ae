"""Our errors, read by the official client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import openai
import orjson
import pytest

from hookline.errors import (
    AuthenticationError,
    HooklineError,
    InvalidInputError,
    MethodNotAllowedError,
    NotFoundError,
    QuotaExhaustedError,
    RateLimitedError,
    RequestRejectedError,
    StreamInterruptedError,
    UpstreamCredentialError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.routes import Reply, RouteRegistry
from hookline.upstream import ErrorAnswer
from hookline_openai import hookline_register_routes
from hookline_openai.errors import map_error
from hookline_openai.wire import OpenAIWire

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

WIRE = OpenAIWire()
BODY = {"error": {"message": "Said so.", "type": "t", "param": "p", "code": "c", "extra": 1}}


def client_of(reply: Reply) -> openai.OpenAI:
    content = reply.content
    assert isinstance(content, bytes)
    transport = httpx2.MockTransport(
        lambda request: httpx2.Response(reply.status, headers=reply.headers, content=content)
    )
    return openai.OpenAI(
        api_key="k",
        base_url="http://gateway/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=transport),
    )


def caught(reply: Reply) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as error:
        client_of(reply).chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    return error.value


@pytest.mark.parametrize(
    ("error", "kind", "code", "type", "headers"),
    [
        (
            AuthenticationError("No."),
            openai.AuthenticationError,
            "invalid_api_key",
            "invalid_request_error",
            {"x-should-retry": "false", "www-authenticate": "Bearer"},
        ),
        (
            InvalidInputError("No.", field="n"),
            openai.BadRequestError,
            "invalid_input",
            "invalid_request_error",
            {"x-should-retry": "false"},
        ),
        (
            NotFoundError("No."),
            openai.NotFoundError,
            "not_found",
            "invalid_request_error",
            {"x-should-retry": "false"},
        ),
        (
            MethodNotAllowedError("No.", allowed=("GET", "POST")),
            openai.APIStatusError,
            "method_not_allowed",
            "invalid_request_error",
            {"x-should-retry": "false", "allow": "GET, POST"},
        ),
        (
            QuotaExhaustedError("No."),
            openai.RateLimitError,
            "insufficient_quota",
            "insufficient_quota",
            {"x-should-retry": "false"},
        ),
        (
            RateLimitedError("No.", retry_after_s=1.2),
            openai.RateLimitError,
            "rate_limit_exceeded",
            "rate_limit_error",
            {"x-should-retry": "true", "retry-after": "2", "retry-after-ms": "1200"},
        ),
        (
            RateLimitedError("No.", retry_after_s=0.01),
            openai.RateLimitError,
            "rate_limit_exceeded",
            "rate_limit_error",
            {"x-should-retry": "true", "retry-after": "1", "retry-after-ms": "10"},
        ),
        (
            UpstreamCredentialError("No."),
            openai.InternalServerError,
            "upstream_credential_rejected",
            "upstream_error",
            {"x-should-retry": "false"},
        ),
        (
            UpstreamTimeoutError("No."),
            openai.InternalServerError,
            "upstream_timeout",
            "upstream_error",
            {"x-should-retry": "true"},
        ),
    ],
)
def test_own_error_is_an_exception_of_the_official_client(
    error: HooklineError, kind: type[openai.APIStatusError], code: str, type: str, headers: dict[str, str]
) -> None:
    reply = WIRE.error_reply(error, call_id="call_1")
    assert dict(reply.headers) == {"content-type": "application/json", "x-request-id": "call_1", **headers}
    seen = caught(reply)
    assert isinstance(seen, kind)
    assert (seen.code, seen.type, seen.param) == (code, type, error.field)
    assert (seen.request_id, seen.body) == (
        "call_1",
        {"message": f"No. {error.hint}", "type": type, "param": error.field, "code": code},
    )


@pytest.mark.parametrize("status", [400, 403, 404, 422, 429, 500, 503])
def test_refusal_of_openai_passes_untouched(make_call: MakeCall, status: int) -> None:
    upstream = ErrorAnswer(status=status, headers=(("x-request-id", "req_1"),), content=orjson.dumps(BODY))
    error = map_error(make_call("chat", door="wire"), HooklineError("", answer=upstream))
    assert error is not None
    reply = WIRE.error_reply(error, call_id="call_1")
    assert reply.status == status
    assert reply.content is upstream.content
    assert dict(reply.headers) == {
        "content-type": "application/json",
        "x-should-retry": "true" if status in (429, 500, 503) else "false",
        **({"retry-after": "1"} if status == 429 else {}),
    }
    assert caught(reply).body == BODY["error"]


@pytest.mark.parametrize(
    ("status", "content", "our_status", "code"),
    [
        (
            401,
            orjson.dumps({"error": {"message": "Incorrect API key provided: sk-abc12345"}}),
            502,
            "upstream_credential_rejected",
        ),
        (403, orjson.dumps({"error": {"message": "Key sk-abc12345 may not."}}), 502, "upstream_forbidden"),
        (502, b"<html>bad gateway</html>", 502, "invalid_upstream_answer"),
        (504, b"", 504, "upstream_timeout"),
        (429, b"", 429, "rate_limit_exceeded"),
    ],
)
def test_refusal_that_cannot_be_shown_is_put_into_our_words(
    make_call: MakeCall, status: int, content: bytes, our_status: int, code: str
) -> None:
    upstream = ErrorAnswer(status=status, headers=(), content=content)
    error = map_error(make_call("chat", door="wire"), HooklineError("", answer=upstream))
    assert error is not None
    reply = WIRE.error_reply(error, call_id="call_1")
    seen = caught(reply)
    assert (seen.status_code, seen.code) == (our_status, code)
    assert b"sk-" not in (reply.content if isinstance(reply.content, bytes) else b"")


def test_every_wait_is_told_in_whole_seconds(make_call: MakeCall) -> None:
    said = orjson.dumps({"error": {"message": "Please try again in 6ms."}})
    for headers, expected in (
        ((), "1"),
        ((("retry-after", "9"),), "9"),
        ((("retry-after", "1.2"),), "2"),
        ((("retry-after-ms", "2500"),), "3"),
        ((("retry-after", "-1"),), "1"),
        ((("retry-after", "1e999"),), "1"),
    ):
        upstream = ErrorAnswer(status=429, headers=headers, content=said)
        error = map_error(make_call("chat", door="wire"), HooklineError("", answer=upstream))
        assert error is not None
        assert dict(WIRE.error_reply(error, call_id="c").headers).get("retry-after") == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            StreamInterruptedError("Cut."),
            {"code": "stream_interrupted", "type": "upstream_error", "param": None},
        ),
        (
            UpstreamUnavailableError(
                "x",
                answer=ErrorAnswer(
                    status=200,
                    headers=(),
                    content=b'{"error":{"message":"Overloaded.","type":"service_unavailable_error","code":"server_is_overloaded"}}',
                ),
            ),
            {"code": "server_is_overloaded", "type": "service_unavailable_error", "param": None},
        ),
        (
            UpstreamCredentialError(
                "x",
                answer=ErrorAnswer(
                    status=200,
                    headers=(),
                    content=b'{"error":{"message":"sk-abc12345","code":"invalid_api_key"}}',
                ),
            ),
            {"code": "upstream_credential_rejected", "type": "upstream_error", "param": None},
        ),
        (
            RequestRejectedError("x", answer=ErrorAnswer(status=400, headers=(), content=orjson.dumps(BODY))),
            {"code": "request_rejected", "type": "invalid_request_error", "param": None},
        ),
    ],
)
def test_broken_stream_is_noticed_by_the_official_client(
    error: HooklineError, expected: dict[str, object]
) -> None:
    event = WIRE.error_event(error, call_id="call_1")
    assert b"sk-" not in event
    chunk = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
    reply = Reply(headers=[("content-type", "text/event-stream")], content=chunk + event)
    stream = client_of(reply).chat.completions.create(
        model="m", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    assert next(stream).id == "c"
    with pytest.raises(openai.APIError) as caught_error:
        next(stream)
    seen = caught_error.value
    assert {"code": seen.code, "type": seen.type, "param": seen.param} == expected


def test_routes_cover_the_addresses_of_the_official_client() -> None:
    routes = RouteRegistry()
    hookline_register_routes(routes)
    found = {
        (route.method, route.path): (route.endpoint.action, route.endpoint.path, route.scope)
        for route in routes
        if route.endpoint is not None
    }
    run = "actions:run"
    assert found == {
        ("POST", "/v1/chat/completions"): ("openai.chat", None, run),
        ("POST", "/v1/completions"): ("openai.complete", None, run),
        ("POST", "/v1/edits"): ("openai.edit", None, run),
        ("POST", "/v1/embeddings"): ("openai.embed", None, run),
        ("POST", "/v1/moderations"): ("openai.moderate", None, run),
        ("GET", "/v1/models"): ("openai.list_models", None, run),
        ("GET", "/v1/models/<path:model>"): ("openai.list_models", "/models/{model}", run),
    }
    assert isinstance(routes.format_of("/v1/nothing"), OpenAIWire)
    assert isinstance(routes.format_of("/v1"), OpenAIWire)
    assert routes.format_of("/actions") is None
