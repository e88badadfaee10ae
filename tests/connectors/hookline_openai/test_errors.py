from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from hookline.errors import (
    HooklineError,
    InvalidUpstreamAnswerError,
    QuotaExhaustedError,
    RateLimitedError,
    RequestRejectedError,
    StreamInterruptedError,
    UpstreamCredentialError,
    UpstreamFault,
    UpstreamForbiddenError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.upstream import ErrorAnswer
from hookline_openai.errors import MONEY, map_error, map_event_error

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
INVALID = "invalid_request_error"
CONTEXT = (
    "This model's maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens.",
    "This model's maximum context length is 4097 tokens, however you requested 5270 tokens.",
    "This model's maximum context length is 128,000 tokens. However, you requested 130000 tokens.",
    "Your input exceeds the context window of this model.",
)
TOO_LARGE = "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 30601."
LIMITED = "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 14567, Requested 24754. "


def answer(status: int, body: object, **headers: str) -> ErrorAnswer:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return ErrorAnswer(status=status, headers=(("x-request-id", "req_1"), *pairs), content=content)


def refusal(
    message: str = "Said so.", type: str | None = None, code: str | None = None, param: str | None = None
) -> object:
    return {"error": {"message": message, "type": type, "code": code, "param": param}}


def mapped(make_call: MakeCall, upstream: ErrorAnswer, verb: str = "chat", **input: object) -> HooklineError:
    error = map_error(make_call(verb, dict(input)), HooklineError("", answer=upstream), now=NOW)
    assert error is not None
    assert error.answer is upstream
    return error


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "our_status", "field"),
    [
        (400, refusal(type=INVALID), RequestRejectedError, "request_rejected", 400, None),
        (
            400,
            refusal(type=INVALID, code="invalid_value", param="n"),
            RequestRejectedError,
            "invalid_value",
            400,
            "n",
        ),
        (
            400,
            refusal(code="context_length_exceeded"),
            RequestRejectedError,
            "context_length_exceeded",
            400,
            None,
        ),
        *[
            (400, refusal(text, INVALID), RequestRejectedError, "context_length_exceeded", 400, None)
            for text in CONTEXT
        ],
        (
            400,
            refusal("Requested 309209 tokens", "max_tokens_per_request", "max_tokens_per_request"),
            RequestRejectedError,
            "max_tokens_per_request",
            400,
            None,
        ),
        (
            400,
            refusal(code="content_filter", param="prompt"),
            RequestRejectedError,
            "content_filter",
            400,
            "prompt",
        ),
        (
            401,
            refusal(code="invalid_api_key"),
            UpstreamCredentialError,
            "upstream_credential_rejected",
            502,
            None,
        ),
        (401, b"<html>", UpstreamCredentialError, "upstream_credential_rejected", 502, None),
        (402, refusal(), QuotaExhaustedError, "insufficient_quota", 402, None),
        (402, refusal(code="pay_up"), QuotaExhaustedError, "pay_up", 402, None),
        (403, refusal(code="x"), UpstreamForbiddenError, "upstream_forbidden", 502, None),
        (404, refusal(code="model_not_found"), RequestRejectedError, "model_not_found", 400, "model"),
        (
            404,
            refusal("The model `x` has been deprecated"),
            RequestRejectedError,
            "model_not_found",
            400,
            "model",
        ),
        (404, refusal("That model does not exist"), RequestRejectedError, "model_not_found", 400, "model"),
        (
            404,
            refusal("Invalid URL (POST /v1/x)"),
            InvalidUpstreamAnswerError,
            "upstream_not_found",
            502,
            None,
        ),
        (404, b"<html>", InvalidUpstreamAnswerError, "upstream_not_found", 502, None),
        (408, refusal(), UpstreamTimeoutError, "upstream_timeout", 504, None),
        (409, refusal(), UpstreamUnavailableError, "upstream_conflict", 502, None),
        (413, refusal(), RequestRejectedError, "request_rejected", 413, None),
        (415, refusal(), RequestRejectedError, "request_rejected", 400, None),
        (422, refusal(code="x", param="p"), RequestRejectedError, "x", 422, "p"),
        (
            429,
            refusal(LIMITED, "tokens", "rate_limit_exceeded"),
            RateLimitedError,
            "rate_limit_exceeded",
            429,
            None,
        ),
        (429, refusal(type="rate_limit_error", code="slow_down"), RateLimitedError, "slow_down", 429, None),
        (429, refusal(), RateLimitedError, "rate_limit_exceeded", 429, None),
        (429, b"", RateLimitedError, "rate_limit_exceeded", 429, None),
        (
            429,
            refusal(TOO_LARGE, "tokens", "rate_limit_exceeded"),
            RequestRejectedError,
            "request_too_large",
            400,
            None,
        ),
        (
            429,
            refusal("For this: Limit 10, Requested 11.", "tokens", "rate_limit_exceeded"),
            RequestRejectedError,
            "request_too_large",
            400,
            None,
        ),
        *[(429, refusal(type=MONEY[0], code=code), QuotaExhaustedError, code, 402, None) for code in MONEY],
        (429, refusal(type="insufficient_quota"), QuotaExhaustedError, "insufficient_quota", 402, None),
        (429, refusal(type="billing_not_active"), QuotaExhaustedError, "billing_not_active", 402, None),
        (500, refusal(type="server_error"), UpstreamUnavailableError, "upstream_unavailable", 502, None),
        (
            503,
            refusal(code="server_is_overloaded"),
            UpstreamUnavailableError,
            "server_is_overloaded",
            502,
            None,
        ),
        (
            503,
            refusal("The engine is currently overloaded"),
            UpstreamUnavailableError,
            "server_is_overloaded",
            502,
            None,
        ),
        (529, refusal(), UpstreamUnavailableError, "upstream_unavailable", 502, None),
        (504, refusal(), UpstreamTimeoutError, "upstream_timeout", 504, None),
        (504, b"<html>", UpstreamTimeoutError, "upstream_timeout", 504, None),
        *[
            (status, body, InvalidUpstreamAnswerError, "invalid_upstream_answer", 502, None)
            for status in (400, 402, 403, 500, 502, 503)
            for body in (b"", b"<html>", b'{"error":', b"[]", b'{"error":"x"}', b'{"error":{"message":null}}')
        ],
    ],
)
def test_refusal_becomes_the_error_that_fits(
    make_call: MakeCall,
    status: int,
    body: object,
    kind: type[HooklineError],
    code: str,
    our_status: int,
    field: str | None,
) -> None:
    upstream = answer(status, body)
    error = mapped(make_call, upstream)
    assert (type(error), error.code, error.status, error.field) == (kind, code, our_status, field)
    parsed = upstream.json()
    said = (
        parsed["error"].get("code")
        if isinstance(parsed, dict) and isinstance(parsed["error"], dict)
        else None
    )
    assert error.upstream == UpstreamFault(status=status, request_id="req_1", code=said)
    assert error.retryable is (kind.retryable and not (kind is InvalidUpstreamAnswerError and status < 500))
    assert error.message.startswith("OpenAI ")


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (
            refusal(type="service_unavailable_error", code="server_is_overloaded"),
            UpstreamUnavailableError,
            "server_is_overloaded",
        ),
        (refusal(type="server_error"), UpstreamUnavailableError, "upstream_unavailable"),
        (refusal(LIMITED, "tokens", "rate_limit_exceeded"), RateLimitedError, "rate_limit_exceeded"),
        (refusal(TOO_LARGE, "tokens", "rate_limit_exceeded"), RequestRejectedError, "request_too_large"),
        (
            refusal(type="insufficient_quota", code="insufficient_quota"),
            QuotaExhaustedError,
            "insufficient_quota",
        ),
        (
            refusal(CONTEXT[3], INVALID, "context_length_exceeded"),
            RequestRejectedError,
            "context_length_exceeded",
        ),
        (refusal(type=INVALID, code="invalid_prompt"), RequestRejectedError, "invalid_prompt"),
        (
            refusal(type=INVALID, code="invalid_api_key"),
            UpstreamCredentialError,
            "upstream_credential_rejected",
        ),
        ({"error": "broken"}, UpstreamUnavailableError, "upstream_unavailable"),
        ({"error": {}}, UpstreamUnavailableError, "upstream_unavailable"),
        (
            {"message": "broken", "code": "server_is_overloaded"},
            UpstreamUnavailableError,
            "server_is_overloaded",
        ),
        (b"{", UpstreamUnavailableError, "upstream_unavailable"),
    ],
)
def test_error_inside_a_stream_is_told_apart_by_code(
    make_call: MakeCall, body: object, kind: type[HooklineError], code: str
) -> None:
    error = mapped(make_call, answer(200, body))
    assert (type(error), error.code) == (kind, code)
    inner = body.get("error") if isinstance(body, dict) else None
    if isinstance(inner, dict):
        again = map_event_error(make_call("chat"), inner)
        assert (type(again), again.code, again.message) == (kind, code, error.message)


def test_only_refusals_of_openai_are_mapped(make_call: MakeCall) -> None:
    assert map_error(make_call("chat"), StreamInterruptedError("cut")) is None
    moved = answer(302, b"")
    assert map_error(make_call("chat"), InvalidUpstreamAnswerError("moved", answer=moved)) is None


def test_mapping_twice_gives_the_same(make_call: MakeCall) -> None:
    upstream = answer(429, refusal(LIMITED), retry_after="7")
    once = mapped(make_call, upstream)
    twice = map_error(make_call("chat"), once, now=NOW)
    assert twice is not None
    assert vars(twice) == vars(once)


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (429, {"retry_after": "7"}, "x", 7),
        (429, {"retry_after_ms": "1500", "retry_after": "7"}, "x", 1.5),
        (429, {"x_ratelimit_reset_tokens": "6m0s"}, f"{LIMITED}Please try again in 18.642s.", 18.642),
        (429, {"retry_after": "nan"}, "x", None),
        (503, {"retry_after": "Sun, 22 Nov 2026 12:00:30 GMT"}, "x", 30),
        (400, {"retry_after": "7"}, "x", None),
    ],
)
def test_wait_is_told_for_what_may_be_tried_again(
    make_call: MakeCall, status: int, headers: dict[str, str], message: str, wait: float | None
) -> None:
    assert mapped(make_call, answer(status, refusal(message), **headers)).retry_after_s == wait


def test_key_echoed_by_the_service_appears_nowhere(make_call: MakeCall) -> None:
    body = refusal("Incorrect API key provided: sk-proj-abc*****xyz.", INVALID, "invalid_api_key")
    for status in (400, 401, 403, 429, 500):
        error = mapped(make_call, answer(status, body))
        assert "sk-" not in error.message + error.hint


def test_message_is_one_clean_line_of_bounded_length(make_call: MakeCall) -> None:
    error = mapped(make_call, answer(400, refusal("a\r\nb\x00\u202ec\x1b[31m" + "x" * 900)))
    assert error.message.startswith("OpenAI refused the request: a b c [31mxxx")
    assert error.message.isprintable()
    assert len(error.message) < 540


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("text-davinci-003", "`text-davinci-003` was retired on 2024-01-04; use `gpt-5.6-terra`."),
        (
            "my-model",
            "Check the name of the model; the action `openai.list_models` lists those that can be used.",
        ),
    ],
)
def test_missing_model_is_answered_with_what_to_use_instead(
    make_call: MakeCall, model: str, hint: str
) -> None:
    body = refusal(
        f"The model `{model}` does not exist or you do not have access to it.", INVALID, "model_not_found"
    )
    assert mapped(make_call, answer(404, body), model="other").hint == hint
    unnamed = refusal("Not there.", INVALID, "model_not_found")
    assert mapped(make_call, answer(404, unnamed), model=model).hint == hint


@pytest.mark.parametrize(
    ("verb", "input", "param", "field"),
    [
        ("chat", {"prompt": "x"}, "messages", "prompt"),
        ("chat", {"prompt": "x"}, "messages[0].content", "prompt"),
        ("chat", {"messages": [1], "prompt": "x"}, "messages[0].content", "messages[0].content"),
        ("chat", {"json_schema": {}}, "response_format.json_schema", "json_schema"),
        ("chat", {}, "temperature", "temperature"),
        ("edit", {"input": "x", "instruction": "y"}, "messages", "input"),
        ("complete", {"prompt": "x"}, "messages", "messages"),
    ],
)
def test_field_at_fault_is_one_that_the_caller_filled_in(
    make_call: MakeCall, verb: str, input: dict[str, object], param: str, field: str
) -> None:
    assert mapped(make_call, answer(400, refusal(param=param)), verb, **input).field == field
