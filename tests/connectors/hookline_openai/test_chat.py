from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from hookline.errors import InvalidInputError, InvalidUpstreamAnswerError
from hookline.upstream import UpstreamRequest
from hookline_openai.answers import present_chat
from hookline_openai.chat import prepare_chat
from hookline_openai.connector import connector
from hookline_openai.restoring import restore_texts

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

    from hookline.action import JsonObject

USAGE: JsonObject = {
    "prompt_tokens": 9,
    "completion_tokens": 12,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 8},
}
TOP: JsonObject = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
}
OUTPUT: JsonObject = {
    "text": "Hello",
    "finish_reason": "stop",
    "model": "gpt-4o-2024-08-06",
    "usage": {
        "input_tokens": 9,
        "output_tokens": 12,
        "total_tokens": 21,
        "cached_tokens": 4,
        "reasoning_tokens": 8,
    },
    "id": "chatcmpl-1",
    "refusal": None,
    "tool_calls": [],
    "choices": None,
    "parsed": None,
}


def answer(*messages: JsonObject, **top: object) -> JsonObject:
    choices = [
        {"index": index, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        for index, message in enumerate(messages)
    ]
    return {**TOP, "choices": choices, "usage": USAGE, **top}


HELLO = answer({"content": "Hello", "refusal": None})
TWO = answer({"content": "Hello", "refusal": None}, {"content": None, "refusal": "No."})


def choice(index: int, text: str, refusal: str | None = None) -> JsonObject:
    return {"index": index, "text": text, "finish_reason": "stop", "refusal": refusal, "tool_calls": []}


FUNCTION = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
BROKEN = {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"a":'}}
CUSTOM = {"id": "c3", "type": "custom", "custom": {"name": "h", "input": "SELECT 1"}}

STRICT = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ({"prompt": "Hi"}, {"messages": [{"role": "user", "content": "Hi"}]}),
        (
            {
                "prompt": "And now?",
                "system": "Be brief.",
                "messages": [{"role": "user", "content": "Hi"}],
                "raw": True,
            },
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                    {"role": "user", "content": "And now?"},
                ]
            },
        ),
        ({"prompt": "Hi", "system": None}, {"messages": [{"role": "user", "content": "Hi"}]}),
        ({"prompt": "Hi", "system": ""}, {"messages": [{"role": "user", "content": "Hi"}]}),
        (
            {"prompt": "Hi", "temperature": None, "n": 2},
            {"messages": [{"role": "user", "content": "Hi"}], "temperature": None, "n": 2},
        ),
        (
            {"prompt": "Hi", "stream": True},
            {
                "messages": [{"role": "user", "content": "Hi"}],
                "stream": True,
                "stream_options": {"include_usage": True},
            },
        ),
        (
            {
                "prompt": "Hi",
                "stream": True,
                "stream_options": {"include_usage": False, "include_obfuscation": False},
            },
            {
                "messages": [{"role": "user", "content": "Hi"}],
                "stream": True,
                "stream_options": {"include_usage": True, "include_obfuscation": False},
            },
        ),
        (
            {"prompt": "Hi", "json_schema": STRICT, "response_format": None},
            {
                "messages": [{"role": "user", "content": "Hi"}],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": STRICT, "strict": True},
                },
            },
        ),
        (
            {"prompt": "Hi", "json_schema": {"type": "object"}},
            {
                "messages": [{"role": "user", "content": "Hi"}],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}},
                },
            },
        ),
        (
            {"prompt": "Hi", "json_schema": None},
            {"messages": [{"role": "user", "content": "Hi"}]},
        ),
    ],
)
def test_input_becomes_the_body_that_openai_takes(
    make_call: MakeCall, given: JsonObject, body: JsonObject
) -> None:
    call = make_call("chat", {"model": "gpt-4o", **given})
    before = dict(call.input)
    request = UpstreamRequest(method="POST", base_url="https://x.example", path="/chat/completions")
    prepare_chat(call, request)
    assert request.body == {"model": "gpt-4o", **body}
    assert call.input == before
    schema = connector.actions["openai.chat"].request_schema
    assert schema is not None
    if given.get("response_format", ...) is not None:
        jsonschema_rs.Draft202012Validator(schema).validate(request.body)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"json_schema": {}, "response_format": {"type": "text"}}, "json_schema"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ({"stream_options": {}}, "stream_options"),
        ({"stream_options": {}, "stream": False}, "stream_options"),
    ],
)
def test_fields_that_exclude_each_other_are_refused(
    make_call: MakeCall, given: JsonObject, field: str
) -> None:
    request = UpstreamRequest(method="POST", base_url="https://x.example", path="/chat/completions")
    with pytest.raises(InvalidInputError) as caught:
        prepare_chat(make_call("chat", {"model": "m", "prompt": "Hi", **given}), request)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("raw", "changes"),
    [
        (HELLO, {}),
        (answer({"content": "Hello"}, usage=None, id=None), {"usage": None, "id": None}),
        (answer({"content": None, "refusal": "No."}), {"text": "No.", "refusal": "No."}),
        (answer({"content": None, "refusal": None}), {"text": ""}),
        (answer({"content": None, "audio": {"id": "a", "transcript": "Spoken"}}), {"text": "Spoken"}),
        (
            answer({"content": None, "tool_calls": [FUNCTION, BROKEN, CUSTOM]}),
            {
                "text": "",
                "tool_calls": [
                    {"id": "c1", "name": "f", "arguments": {"a": 1}},
                    {"id": "c2", "name": "g", "arguments": '{"a":'},
                    {"id": "c3", "name": "h", "arguments": "SELECT 1"},
                ],
            },
        ),
        (
            answer({"content": None, "function_call": {"name": "f", "arguments": "[]"}}),
            {"text": "", "tool_calls": [{"id": None, "name": "f", "arguments": []}]},
        ),
        (TWO, {"choices": [choice(0, "Hello"), choice(1, "No.", "No.")]}),
        (
            {**TWO, "choices": list(reversed(TWO["choices"]))},  # type: ignore[call-overload]  # a list
            {"choices": [choice(0, "Hello"), choice(1, "No.", "No.")]},
        ),
    ],
)
def test_answer_becomes_a_flat_output(make_call: MakeCall, raw: JsonObject, changes: JsonObject) -> None:
    output = present_chat(make_call("chat"), raw)
    assert output == {**OUTPUT, **changes}
    jsonschema_rs.Draft202012Validator(connector.actions["openai.chat"].output_schema).validate(output)


def test_raw_answer_is_handed_on_when_asked_for(make_call: MakeCall) -> None:
    output = present_chat(make_call("chat", {"raw": True}), HELLO)
    assert output == {**OUTPUT, "raw": HELLO}
    assert output["raw"] is HELLO


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "text",
        {},
        {"choices": None},
        {"choices": {}},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"message": "Hi"}]},
        {"choices": [{"index": "0", "message": {"content": "Hi"}}]},
        {"choices": [{"index": -1, "message": {"content": "Hi"}}]},
        answer({"content": 5}),
        answer({"content": [{"type": "text", "text": "Hi"}]}),
        answer({"content": None, "refusal": {}}),
        answer({"content": None, "tool_calls": {}}),
        answer({"content": None, "tool_calls": [{"id": "c", "type": "function"}]}),
        answer({"content": None, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]}),
        answer({"content": "Hi"}, usage=[]),
        answer({"content": "Hi"}, usage={}),
        answer({"content": "Hi"}, usage={"prompt_tokens": -1}),
        answer({"content": "Hi"}, usage={**USAGE, "total_tokens": True}),
        answer({"content": "Hi"}, usage={**USAGE, "prompt_tokens_details": 1}),
        answer({"content": "Hi"}, model=5),
    ],
)
def test_answer_of_another_shape_is_an_invalid_upstream_answer(make_call: MakeCall, raw: object) -> None:
    with pytest.raises(InvalidUpstreamAnswerError, match="cannot be used"):
        present_chat(make_call("chat"), raw)


@pytest.mark.parametrize(
    "raw", [HELLO, TWO, answer({"content": None, "audio": {"id": "a", "transcript": "Hi"}})]
)
def test_unchanged_output_restores_to_an_equal_answer(make_call: MakeCall, raw: JsonObject) -> None:
    restored = restore_texts(raw, present_chat(make_call("chat"), raw))
    assert restored == raw
    assert restored is not raw


def test_changed_texts_are_written_where_they_were_read(make_call: MakeCall) -> None:
    call = make_call("chat")
    output = present_chat(call, TWO)
    output["text"] = "HELLO"
    output["choices"] = [choice(0, "HELLO"), choice(1, "NO.", "NO.")]
    restored = restore_texts(TWO, output)
    assert restored == answer({"content": "HELLO", "refusal": None}, {"content": None, "refusal": "NO."})
    assert present_chat(call, restored) == output
    assert (
        TWO["choices"]
        == answer({"content": "Hello", "refusal": None}, {"content": None, "refusal": "No."})["choices"]
    )


def test_text_changed_alone_among_several_choices_does_not_pass_unnoticed(make_call: MakeCall) -> None:
    call = make_call("chat")
    output = present_chat(call, TWO) | {"text": "HELLO"}
    assert present_chat(call, restore_texts(TWO, output)) != output


def test_transcript_takes_a_changed_text(make_call: MakeCall) -> None:
    call = make_call("chat")
    raw = answer({"content": None, "audio": {"id": "a", "transcript": "Hi"}})
    output = present_chat(call, raw) | {"text": "HI"}
    assert present_chat(call, restore_texts(raw, output)) == output
