from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from hookline.action import JoiningPresenter
from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError
from hookline_openai.connector import connector

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.connectors.hookline_openai.conftest import MakeCall

    from hookline.action import JsonObject, StreamPresenter

USAGE: JsonObject = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
TOP: JsonObject = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}


def chunk(delta: object, reason: str | None = None, index: int = 0, **more: object) -> JsonObject:
    return {**TOP, "choices": [{"index": index, "delta": delta, "finish_reason": reason, **more}]}


def call_delta(index: int, **more: object) -> JsonObject:
    return {"tool_calls": [{"index": index, **more}]}


USAGE_CHUNK: JsonObject = {**TOP, "choices": [], "usage": USAGE}
TEXT = [
    chunk({"role": "assistant", "content": "", "refusal": None}, obfuscation="xx"),
    chunk({"content": "Hel"}) | {"usage": None, "obfuscation": "abc"},
    chunk({"content": "lo"}),
    chunk({}, "stop"),
    USAGE_CHUNK,
]
REFUSAL = [
    chunk({"role": "assistant", "content": None, "refusal": ""}),
    chunk({"refusal": "No"}),
    chunk({"refusal": "."}),
    chunk(None, "stop"),
    USAGE_CHUNK,
]
TOOLS = [
    chunk({"role": "assistant", "content": None}),
    chunk(call_delta(0, id="c0", type="function", function={"name": "f", "arguments": ""})),
    chunk(call_delta(0, function={"arguments": '{"a":'})),
    chunk(call_delta(1, id="c1", type="custom", custom={"name": "g", "input": "x"})),
    chunk(call_delta(0, function={"arguments": "1}"})),
    chunk(call_delta(1, custom={"input": "y"})),
    chunk({}, "tool_calls"),
    USAGE_CHUNK,
]
LEGACY = [
    chunk({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}}),
    chunk({"function_call": {"arguments": "{}"}}),
    chunk({}, "function_call"),
    USAGE_CHUNK,
]
TWO = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"role": "assistant", "content": ""}, index=1),
    chunk({"content": "b"}, index=1),
    chunk({"content": "a"}),
    chunk({}, "length", index=1),
    chunk({}, "stop"),
    USAGE_CHUNK,
]
SPOKEN = [
    chunk({"role": "assistant", "content": None, "audio": {"id": "a1", "transcript": "He"}}),
    chunk({"audio": {"data": "AA", "transcript": "y"}}),
    chunk({"audio": {"data": "BB"}}, "stop"),
    {**TOP, "choices": [{"index": 0, "delta": {"audio": {"expires_at": 9}}}]},
    USAGE_CHUNK,
]
LOGPROBS = [
    chunk({"content": "a"}, logprobs={"content": [1], "refusal": None}),
    chunk({"content": "b"}, "stop", logprobs={"content": [2]}),
    USAGE_CHUNK,
]


def plain(*choices: JsonObject) -> JsonObject:
    return {**TOP, "object": "chat.completion", "choices": list(choices), "usage": USAGE}


def message(reason: str, index: int = 0, logprobs: object = None, **message: object) -> JsonObject:
    full = {"role": "assistant", "content": None, "refusal": None, **message}
    return {"index": index, "message": full, "logprobs": logprobs, "finish_reason": reason}


CHAT = {
    "text": (
        TEXT,
        plain(message("stop", content="Hello")),
        [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
    ),
    "refusal": (
        REFUSAL,
        plain(message("stop", refusal="No.")),
        [{"type": "refusal", "text": "No"}, {"type": "refusal", "text": "."}],
    ),
    "tools": (
        TOOLS,
        plain(
            message(
                "tool_calls",
                tool_calls=[
                    {"id": "c0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                    {"id": "c1", "type": "custom", "custom": {"name": "g", "input": "xy"}},
                ],
            )
        ),
        [
            {"type": "tool_call", "id": "c0", "name": "f", "arguments": {"a": 1}},
            {"type": "tool_call", "id": "c1", "name": "g", "arguments": "xy"},
        ],
    ),
    "legacy": (
        LEGACY,
        plain(message("function_call", function_call={"name": "f", "arguments": "{}"})),
        [{"type": "tool_call", "id": None, "name": "f", "arguments": {}}],
    ),
    "two": (
        TWO,
        plain(message("stop", content="a"), message("length", index=1, content="b")),
        [{"type": "text", "text": "b", "index": 1}, {"type": "text", "text": "a"}],
    ),
    "spoken": (
        SPOKEN,
        plain(message("stop", audio={"id": "a1", "expires_at": 9, "transcript": "Hey", "data": "AABB"})),
        [{"type": "text", "text": "He"}, {"type": "text", "text": "y"}],
    ),
    "logprobs": (
        LOGPROBS,
        plain(message("stop", content="ab", logprobs={"content": [1, 2]})),
        [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
    ),
}


def text_chunk(text: object, reason: str | None = None, index: int = 0, **more: object) -> JsonObject:
    choice = {"index": index, "text": text, "finish_reason": reason, "logprobs": None, **more}
    return {**TOP, "object": "text_completion", "choices": [choice]}


COMPLETE_TOP: JsonObject = {**TOP, "object": "text_completion"}
COMPLETE = {
    "text": (
        [text_chunk("Hel"), text_chunk("lo") | {"usage": None}, text_chunk("", "stop"), USAGE_CHUNK],
        {
            **COMPLETE_TOP,
            "choices": [{"index": 0, "text": "Hello", "logprobs": None, "finish_reason": "stop"}],
            "usage": USAGE,
        },
        [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
    ),
    "two": (
        [text_chunk("b", "length", 1, logprobs={"tokens": ["b"]}), text_chunk("a", "stop"), USAGE_CHUNK],
        {
            **COMPLETE_TOP,
            "choices": [
                {"index": 0, "text": "a", "logprobs": None, "finish_reason": "stop"},
                {"index": 1, "text": "b", "logprobs": {"tokens": ["b"]}, "finish_reason": "length"},
            ],
            "usage": USAGE,
        },
        [{"type": "text", "text": "b", "index": 1}, {"type": "text", "text": "a"}],
    ),
}
CASES = [("chat", *case) for case in CHAT.values()] + [("complete", *case) for case in COMPLETE.values()]


def presenter_of(make_call: MakeCall, verb: str, **input: object) -> StreamPresenter:
    new = connector.actions[f"openai.{verb}"].stream
    assert new is not None
    return new(make_call(verb, dict(input)))


@pytest.mark.parametrize(("verb", "chunks", "answer", "events"), CASES)
def test_stream_gives_the_same_output_as_the_plain_answer(
    make_call: MakeCall, verb: str, chunks: list[JsonObject], answer: JsonObject, events: list[JsonObject]
) -> None:
    action = connector.actions[f"openai.{verb}"]
    presenter = presenter_of(make_call, verb, raw=True)
    assert [event for item in chunks for event in presenter.feed(item)] == events
    output = presenter.finish()
    assert output == action.present(make_call(verb, {"raw": True}), answer)
    assert output["raw"] == answer
    jsonschema_rs.Draft202012Validator(action.output_schema).validate(output)


@pytest.mark.parametrize("verb", ["chat", "complete"])
@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": []},
        {"choices": None, "usage": None},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [{"delta": {}}], "obfuscation": "x"},
    ],
)
def test_odd_but_legal_chunk_brings_nothing(make_call: MakeCall, verb: str, odd: JsonObject) -> None:
    assert list(presenter_of(make_call, verb).feed(odd)) == []


IMPOSSIBLE_CHUNKS: list[JsonObject] = [
    {"choices": {}},
    {"choices": [None]},
    {"choices": [{"index": "0"}]},
    {"choices": [{"index": -1}]},
    {"choices": [{"index": 0, "finish_reason": 1}]},
    {"choices": [{"index": 0, "logprobs": 1}]},
    {"choices": [], "usage": 5},
]
IMPOSSIBLE_DELTAS: list[object] = [
    [],
    {"content": 5},
    {"refusal": []},
    {"tool_calls": {}},
    {"tool_calls": [{"index": "0"}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": {}}}]},
    {"function_call": "f"},
    {"audio": 5},
]


@pytest.mark.parametrize(
    ("verb", "wrong"),
    [
        *[(verb, wrong) for verb in ("chat", "complete") for wrong in IMPOSSIBLE_CHUNKS],
        ("complete", text_chunk(5)),
        *[("chat", chunk(delta)) for delta in IMPOSSIBLE_DELTAS],
    ],
)
def test_impossible_chunk_is_an_invalid_upstream_answer(
    make_call: MakeCall, verb: str, wrong: JsonObject
) -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        list(presenter_of(make_call, verb).feed(wrong))


@pytest.mark.parametrize("verb", ["chat", "complete"])
def test_what_came_before_an_impossible_chunk_can_still_be_put_together(
    make_call: MakeCall, verb: str
) -> None:
    presenter = presenter_of(make_call, verb)
    assert isinstance(presenter, JoiningPresenter)
    with pytest.raises(InvalidUpstreamAnswerError):
        list(presenter.feed({"choices": [{"index": 0, "finish_reason": ["stop"]}]}))

    assert presenter.answer(is_partial=True)["incomplete"] is True


@pytest.mark.parametrize(("verb", "begin"), [("chat", chunk), ("complete", text_chunk)])
def test_stream_without_the_end_of_a_choice_is_interrupted(
    make_call: MakeCall, verb: str, begin: Callable[..., JsonObject]
) -> None:
    presenter = presenter_of(make_call, verb)
    presenter.feed(begin({"content": "a"} if verb == "chat" else "a", "stop"))
    presenter.feed(begin({"content": "b"} if verb == "chat" else "b", None, 1))
    with pytest.raises(StreamInterruptedError, match="choice 1"):
        presenter.finish()


@pytest.mark.parametrize("verb", ["chat", "complete"])
def test_stream_without_any_choice_is_an_invalid_upstream_answer(make_call: MakeCall, verb: str) -> None:
    presenter = presenter_of(make_call, verb)
    presenter.feed(USAGE_CHUNK)
    with pytest.raises(InvalidUpstreamAnswerError, match="no choice"):
        presenter.finish()


def test_tool_calls_without_an_index_are_told_apart_by_their_ids(make_call: MakeCall) -> None:
    presenter = presenter_of(make_call, "chat")
    for entry in (
        {"id": "c0", "function": {"name": "f", "arguments": "{"}},
        {"function": {"arguments": "}"}},
        {"id": "c1", "function": {"name": "g", "arguments": "[]"}},
    ):
        presenter.feed(chunk({"tool_calls": [entry]}))
    presenter.feed(chunk({}, "tool_calls"))
    assert presenter.finish()["tool_calls"] == [
        {"id": "c0", "name": "f", "arguments": {}},
        {"id": "c1", "name": "g", "arguments": []},
    ]


def test_long_stream_is_put_together_in_linear_time(make_call: MakeCall) -> None:
    presenter = presenter_of(make_call, "chat")
    for _ in range(50_000):
        presenter.feed(chunk({"content": "abcdefgh"}))
    presenter.feed(chunk({}, "stop"))
    assert presenter.finish()["text"] == "abcdefgh" * 50_000
