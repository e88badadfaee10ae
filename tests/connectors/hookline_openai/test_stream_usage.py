"""What streams took: asked for, read, and kept from callers who did not ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline.order import Order
from hookline.streaming import StreamEvent, StreamOutcome
from hookline.upstream import UpstreamRequest
from hookline.usage import Usage
from hookline_openai.stream_usage import ask_for_stream_usage, begin_part, with_usage
from hookline_streams import StreamsPlugin
from openai_lab import OpenAILab

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

MODEL = "gpt-5.4-mini-2026-03-17"
MESSAGES: list[Any] = [{"role": "user", "content": "ping"}]
BODY = {"model": MODEL, "messages": MESSAGES, "stream": True}
TOLD = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def plugins(are_watched: bool) -> list[tuple[str, object]]:
    return [("streams", StreamsPlugin())] if are_watched else []


def whole_usage(lab: OpenAILab) -> Usage:
    """Return what the same chat takes when it is answered in one piece."""
    lab.post("/v1/chat/completions", {"model": MODEL, "messages": MESSAGES})
    assert lab.usage is not None
    return lab.usage


@pytest.mark.parametrize("are_watched", [True, False])
@pytest.mark.parametrize("asks", [True, False, None])
def test_official_client_sees_what_it_asked_for_and_the_books_see_all(
    asks: bool | None, are_watched: bool
) -> None:
    lab = OpenAILab(plugins(are_watched))
    options: dict[str, Any] = {} if asks is None else {"stream_options": {"include_usage": asks}}

    with lab.client() as client:
        chunks = list(client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, **options))

    told = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert [chunk.choices for chunk in chunks].count([]) == len(told) == (1 if asks else 0)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices).endswith("ping")
    assert lab.sent["stream_options"] == {"include_usage": True}
    assert lab.usage == whole_usage(lab)
    assert not lab.usage.is_estimated
    assert lab.usage.cost_nano_usd is not None
    if asks:
        assert told[0].prompt_tokens == lab.usage.input_tokens
        assert told[0].completion_tokens == lab.usage.output_tokens


@pytest.mark.parametrize("are_watched", [True, False])
def test_action_door_counts_its_streams(are_watched: bool) -> None:
    lab = OpenAILab(plugins(are_watched))

    events = lab.events("/actions/openai.chat", {"model": MODEL, "prompt": "ping", "stream": True})

    usage = events[-1]["output"]["usage"]
    assert lab.usage == whole_usage(lab)
    assert (usage["input_tokens"], usage["output_tokens"]) == (
        lab.usage.input_tokens,
        lab.usage.output_tokens,
    )


def test_completions_are_counted_like_chats() -> None:
    lab = OpenAILab()
    body: dict[str, Any] = {"model": "sandbox", "prompt": "Once", "max_tokens": 50}

    events = lab.events("/v1/completions", {**body, "stream": True})
    streamed = lab.usage
    lab.post("/v1/completions", body)

    assert all(event["choices"] for event in events)
    assert streamed == lab.usage
    assert streamed is not None
    assert not streamed.is_estimated


def test_answer_that_only_the_gateway_takes_from_a_stream_is_counted_once() -> None:
    lab = OpenAILab(plugins(True), environ={"HOOKLINE_STREAMS_INTERNAL": "true"})

    status, content = lab.post("/v1/chat/completions", {"model": MODEL, "messages": MESSAGES})

    assert (status, lab.sent["stream"]) == (200, True)
    told = orjson.loads(content)["usage"]
    assert lab.usage is not None
    assert (lab.usage.input_tokens, lab.usage.output_tokens) == (
        told["prompt_tokens"],
        told["completion_tokens"],
    )


@pytest.mark.parametrize("are_watched", [True, False])
def test_stream_that_a_fault_cuts_is_never_free(are_watched: bool) -> None:
    lab = OpenAILab(plugins(are_watched))
    order = Order(
        action_id="openai.chat",
        fields={"model": MODEL, "prompt": "ping " * 30, "stream": True},
        headers={"x-sandbox-fault": "cut"},
    )
    reply = lab.gateway.runner.run(lab.ledger.principal, order)
    assert not isinstance(reply.content, bytes)
    list(reply.content)

    assert lab.usage is not None
    assert lab.usage.is_estimated
    assert lab.usage.input_tokens >= 30
    assert lab.usage.output_tokens >= 1
    assert lab.usage.cost_nano_usd is not None
    assert lab.usage.cost_nano_usd > 0


def test_switched_off_nothing_is_asked_for_and_streams_are_estimated() -> None:
    lab = OpenAILab(plugins(True), environ={"HOOKLINE_OPENAI_STREAM_USAGE": "false"})

    wire = lab.events("/v1/chat/completions", BODY)
    assert "stream_options" not in lab.sent
    assert all(event["choices"] for event in wire)
    assert lab.usage is not None
    assert lab.usage.is_estimated

    lab.events("/actions/openai.chat", {"model": MODEL, "prompt": "ping", "stream": True})
    assert "stream_options" not in lab.sent

    lab.events("/v1/chat/completions", {**BODY, "stream_options": {"include_usage": True}})
    assert lab.sent["stream_options"] == {"include_usage": True}
    assert lab.usage == whole_usage(lab)


def test_moderation_that_comes_with_the_count_still_reaches_the_caller() -> None:
    lab = OpenAILab()
    body = {**BODY, "moderation": {"model": "omni-moderation-latest"}}

    events = lab.events("/v1/chat/completions", body)

    assert "moderation" in events[-1]
    assert not any(event.get("usage") for event in events)
    assert lab.usage is not None
    assert not lab.usage.is_estimated


@pytest.mark.parametrize(
    ("body", "sent", "is_hidden"),
    [
        ({"stream": True}, {"include_usage": True}, True),
        ({"stream": True, "stream_options": None}, {"include_usage": True}, True),
        (
            {"stream": True, "stream_options": {"include_obfuscation": False}},
            {"include_obfuscation": False, "include_usage": True},
            True,
        ),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"include_usage": True}, False),
        ({"stream": True, "stream_options": {"include_usage": "yes"}}, {"include_usage": "yes"}, False),
        ({"stream": True, "stream_options": "usage"}, "usage", False),
        ({"stream": False}, None, False),
        ({}, None, False),
    ],
)
def test_body_of_the_caller_is_never_changed(
    body: dict[str, object], sent: object, is_hidden: bool, make_call: MakeCall
) -> None:
    call = make_call("chat", body, door="wire")
    before = orjson.dumps(body)
    request = UpstreamRequest(
        method="POST", base_url="https://x.example", path="/", body=body, content=before, is_stream=True
    )

    ask_for_stream_usage(call, request)

    assert orjson.dumps(body) == before
    assert request.body is not None
    assert request.body.get("stream_options") == sent
    assert (request.content is None) is is_hidden
    chunk = StreamEvent(orjson.dumps({"choices": [], "usage": TOLD}))
    begin_part(call, request, began_at=call.clock.monotonic())
    first, last = with_usage(call, [])
    assert list(first.feed(chunk)) == [chunk]
    assert list(last.feed(chunk)) == ([] if is_hidden else [chunk])


def run_through(call: Any, *chunks: bytes, outcome: StreamOutcome | None = None) -> list[bytes]:
    first, last = with_usage(call, [])
    events = [StreamEvent(chunk) for chunk in chunks]
    passed = [out for event in events for item in first.feed(event) for out in last.feed(item)]
    for transform in (first, last):
        assert list(transform.finish(outcome or StreamOutcome(kind="complete"))) == []
    return [event.raw for event in passed]


def asked(make_call: MakeCall, **body: object) -> Any:
    call = make_call("chat", {**BODY, **body}, door="wire")
    request = UpstreamRequest(
        method="POST",
        base_url="https://x.example",
        path="/chat/completions",
        headers={"authorization": "Bearer x"},
        body=call.input,
        is_stream=True,
    )
    ask_for_stream_usage(call, request)
    begin_part(call, request, began_at=call.clock.monotonic())
    call.record.model = MODEL
    return call


def test_the_last_count_of_a_service_that_counts_in_every_chunk_holds(make_call: MakeCall) -> None:
    call = asked(make_call)
    texts = [
        orjson.dumps({"choices": [{"index": 0}], "usage": {"prompt_tokens": 7, "completion_tokens": made}})
        for made in (1, 2, 3)
    ]

    passed = run_through(call, *texts)

    assert len(passed) == 3
    assert call.record.usage == Usage(
        input_tokens=7, output_tokens=3, cost_nano_usd=call.record.usage.cost_nano_usd
    )


@pytest.mark.parametrize(("is_final", "is_estimated"), [(True, False), (False, True)])
def test_count_of_a_stream_that_broke_is_sure_only_after_the_end_of_the_text(
    is_final: bool, is_estimated: bool, make_call: MakeCall
) -> None:
    call = asked(make_call)
    chunk = orjson.dumps({"choices": [] if is_final else [{"index": 0}], "usage": TOLD})

    run_through(call, chunk, outcome=StreamOutcome(kind="interrupted"))

    assert call.record.usage.is_estimated is is_estimated


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b'{"usage":',
        b'{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":2}}',
        b'{"choices":[],"usage":{"prompt_tokens":true,"completion_tokens":2}}',
        b'["prompt_tokens"]',
        b'{"error":{"message":"\\"prompt_tokens\\""},"prompt_tokens":1}',
        b'{"choices":[{"index":0,"delta":{"content":"\\"prompt_tokens\\": 5"}}]}',
    ],
)
def test_what_makes_no_sense_is_estimated_and_judged_by_others(data: bytes, make_call: MakeCall) -> None:
    call = asked(make_call)

    passed = run_through(call, data)

    assert len(passed) in (0, 1)
    assert call.record.usage.is_estimated
    assert 1001 <= call.record.usage.output_tokens <= 1005  # a model that reasons


def test_bytes_of_events_are_left_alone(make_call: MakeCall) -> None:
    raw = b'event: x\nid: 1\ndata:  {"choices":[{"index":0}],"usage":null}\n\n'
    event = StreamEvent(b'{"choices":[{"index":0}],"usage":null}', raw=raw)
    first, last = with_usage(asked(make_call), [])

    (passed,) = [out for item in first.feed(event) for out in last.feed(item)]

    assert passed is event
    assert passed.raw == raw


def test_no_credential_is_kept_with_a_call(make_call: MakeCall) -> None:
    call = asked(make_call)

    assert "Bearer" not in repr(call.state) + repr([part.request.headers for part in parts_of(call)])


def parts_of(call: Any) -> Any:
    first, _ = with_usage(call, [])
    return first.parts  # type: ignore[attr-defined]  # the reader's
