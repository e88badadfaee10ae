"""Absurd requests end with a clear answer, in bounded time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from context_lab import Lab, echo, refusal, user, words
from hookline.errors import InvalidInputError
from hookline.order import Order
from small_service import CALLER

if TYPE_CHECKING:
    from hookline import Call, UpstreamRequest

PROSE = "The quick brown fox jumps over the lazy dog and runs away. "
MODES: list[dict[str, Any]] = [
    {},
    {"on_overflow": "truncate"},
    {"on_overflow": "chunk"},
    {"count": "estimate"},
    {"count": "off"},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


@pytest.mark.parametrize("options", MODES, ids=str)
def test_a_prompt_of_ten_megabytes_is_answered_in_time(options: dict[str, Any]) -> None:
    lab = Lab(**options)
    text = (PROSE * 200_000)[:10_000_000]
    with within(20):
        reply = lab.act("chat", model="gpt-4o", prompt=text)
    if options.get("count") == "off":
        assert (reply.status_code, lab.calls) == (200, 1)
    elif options.get("on_overflow") == "chunk":
        assert (reply.status_code, lab.calls) == (200, 20)
    else:
        assert (reply.status_code, lab.calls) == (422, 0)
        assert reply.json["error"]["code"] == "context_length_exceeded"
        assert len(reply.data) < 3000


@pytest.mark.parametrize("options", MODES, ids=str)
def test_ten_megabytes_to_embed_are_answered_in_time(options: dict[str, Any]) -> None:
    lab = Lab(**options)
    with within(20):
        reply = lab.act("embed", model="text-embedding-3-small", input=(PROSE * 200_000)[:10_000_000])
    passes = options in (MODES[1], MODES[2], MODES[4])
    assert reply.status_code == (200 if passes else 422)
    assert lab.calls == (0 if not passes else 8 if options == MODES[2] else 1)


def shaped(lab: Lab, body: dict[str, Any], action: str = "openai.chat") -> tuple[Call, UpstreamRequest]:
    """Run the check alone: the gateway itself refuses bodies with more than 100,000 members."""
    order = Order(action_id=action, fields={"model": "gpt-4o", "prompt": "Hi"})
    prepared = lab.gateway.pipeline.prepare(CALLER, order)
    prepared.request.body = body
    for name, check in lab.gateway.host.implementations("hookline_shape_request"):
        if name == "context":
            check(call=prepared.call, request=prepared.request)
    return prepared.call, prepared.request


def test_a_hundred_thousand_messages_are_shortened_in_time() -> None:
    messages = [user(f"This is message number {number}.") for number in range(100_000)]
    with within(20):
        call, request = shaped(Lab(on_overflow="truncate"), {"model": "gpt-4o", "messages": messages})
    assert request.body is not None
    kept: Any = request.body["messages"]
    assert 8000 < len(kept) < 12_000
    assert kept == messages[-len(kept) :]
    assert call.record.warnings[0].code == "context_truncated"


@pytest.mark.parametrize("options", MODES, ids=str)
def test_forty_thousand_messages_go_through_the_whole_gateway_in_time(options: dict[str, Any]) -> None:
    lab = Lab(**options)
    messages = [user(f"This is message number {number}.") for number in range(40_000)]
    with within(20):
        reply = lab.wire("/chat/completions", model="gpt-4o", messages=messages)
    passes = options in (MODES[1], MODES[4])
    assert (reply.status_code, lab.calls) == ((200, 1) if passes else (400, 0))


@pytest.mark.parametrize("text", ["x", "ꆈ", "汉", "👍", "\u0301", " ", "\n", "<|endoftext|>", "\\"])
@pytest.mark.parametrize("options", MODES, ids=str)
def test_a_megabyte_of_the_same_is_answered_in_time(options: dict[str, Any], text: str) -> None:
    lab = Lab(**options)
    with within(20):
        reply = lab.act("chat", model="gpt-4", prompt=text * (1_000_000 // len(text.encode())))
    assert reply.status_code in (200, 422)
    assert lab.calls <= 20


def test_text_that_looks_like_special_tokens_is_counted_as_text() -> None:
    lab = Lab()
    assert lab.act("chat", model="gpt-4", prompt="<|endoftext|>" * 1000).status_code == 200
    assert lab.act("chat", model="gpt-4", prompt="<|endoftext|>" * 2000).status_code == 422
    assert lab.calls == 1


@pytest.mark.parametrize("field", ["tools", "functions", "messages", "response_format", "tool_choice"])
@pytest.mark.parametrize("options", MODES, ids=str)
def test_nesting_without_end_is_no_reason_to_fail(field: str, options: dict[str, Any]) -> None:
    deep: Any = words(9000)
    for _ in range(40 if field in ("tools", "functions") else 90):  # the gateway takes a hundred levels
        deep = {"type": "object", "properties": {"a": deep}} if field in ("tools", "functions") else [deep]
    if field == "tools":
        deep = [{"type": "function", "function": {"name": "f", "parameters": deep}}]
    elif field == "functions":
        deep = [{"name": "f", "parameters": deep}]
    body: dict[str, Any] = {"model": "gpt-4", "messages": [user("Hi")]}
    body[field] = deep
    lab = Lab(too_long, **options)
    reply = lab.wire_raw("/chat/completions", json.dumps(body).encode())
    assert reply.status_code == 400
    assert b"nested" not in reply.data
    shaped_body = {**body, "deeper": None}
    deeper: Any = "x"
    for _ in range(5000):
        deeper = [deeper]
    shaped_body["deeper"] = deeper
    with suppress(InvalidInputError):
        shaped(lab, shaped_body)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON, mode=st.sampled_from(MODES))
def test_any_json_in_any_place_is_the_service_s_to_judge(value: Any, mode: dict[str, Any]) -> None:
    lab = Lab(too_long, **mode)
    names = (
        "messages",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "response_format",
        "max_tokens",
        "n",
    )
    for name in names:
        body = {"model": "gpt-4", "messages": [user(words(9000)), user("Hi")], name: value, "stream": False}
        reply = lab.wire_raw("/chat/completions", orjson.dumps(body))
        assert reply.status_code in (200, 400)
    for path, name in (("/completions", "prompt"), ("/embeddings", "input"), ("/chat/completions", "model")):
        for model in ("davinci-002", "text-embedding-3-small", "gpt-4"):
            body = {"model": model, "padding": words(20_000), "max_tokens": value, name: value}
            assert lab.wire_raw(path, orjson.dumps(body)).status_code in (200, 400)


def too_long(request: UpstreamRequest) -> Any:
    return refusal("Your input exceeds the context window.", code="context_length_exceeded")(request)


def test_a_body_that_is_no_object_is_refused_before_anybody_counts() -> None:
    lab = Lab(echo)
    for content in (b"[]", b"5", b'"text"', b"null", b""):
        assert lab.wire_raw("/chat/completions", content).status_code == 400
    assert lab.calls == 0
