"""What is left of a stream that broke off: as a whole answer, honest about what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Completion
from openai.types.chat import ChatCompletion

from hookline.errors import StreamInterruptedError
from hookline_openai.chat_stream import ChatStream
from hookline_openai.completion_stream import CompletionStream
from hookline_openai.connector import connector
from hookline_openai.stream_text import TextPieces

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

    from hookline.action import JsonObject

TOP: JsonObject = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
USAGE: JsonObject = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def chunk(delta: JsonObject, reason: str | None = None, index: int = 0) -> JsonObject:
    return {**TOP, "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def text_chunk(text: str, reason: str | None = None, index: int = 0) -> JsonObject:
    return {**TOP, "choices": [{"index": index, "text": text, "finish_reason": reason, "logprobs": None}]}


def called(arguments: str, *, index: int = 0, kind: str = "function") -> JsonObject:
    tool = {"name": "f", "arguments" if kind == "function" else "input": arguments}
    return {"tool_calls": [{"index": index, "id": f"c{index}", "type": kind, kind: tool}]}


def chat_of(make_call: MakeCall, *chunks: JsonObject) -> ChatStream:
    stream = ChatStream(make_call("chat"))
    for item in chunks:
        stream.feed(item)
    return stream


def test_partial_chat_is_marked_at_the_top_and_ends_as_a_text_that_was_cut(make_call: MakeCall) -> None:
    stream = chat_of(make_call, chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}))

    answer = stream.answer(is_partial=True)

    assert answer == {
        **TOP,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hel", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "incomplete": True,
    }
    assert ChatCompletion.model_validate(answer).choices[0].finish_reason == "length"


def test_partial_completion_is_marked_alike(make_call: MakeCall) -> None:
    stream = CompletionStream(make_call("complete"))
    stream.feed(text_chunk("Once"))

    answer = stream.answer(is_partial=True)

    assert answer["incomplete"] is True
    assert Completion.model_validate({**answer, "object": "text_completion"}).choices[0].text == "Once"
    assert answer["choices"] == [{"index": 0, "text": "Once", "logprobs": None, "finish_reason": "length"}]


def test_of_several_choices_only_the_unfinished_get_another_end(make_call: MakeCall) -> None:
    stream = chat_of(
        make_call, chunk({"content": "a"}, "stop"), chunk({"content": "b"}, index=1), {**TOP, "usage": USAGE}
    )

    answer = stream.answer(is_partial=True)

    choices = ChatCompletion.model_validate(answer).choices
    assert [(choice.message.content, choice.finish_reason) for choice in choices] == [
        ("a", "stop"),
        ("b", "length"),
    ]
    assert (answer["incomplete"], answer["usage"]) == (True, USAGE)


def test_answer_whose_choices_all_ended_is_not_marked(make_call: MakeCall) -> None:
    stream = chat_of(make_call, chunk({"content": "a"}, "stop"))

    assert "incomplete" not in stream.answer(is_partial=True)
    assert stream.answer(is_partial=True) == stream.answer()


def test_answer_of_nothing_has_no_choice(make_call: MakeCall) -> None:
    assert chat_of(make_call).answer(is_partial=True) == {
        "object": "chat.completion",
        "choices": [],
        "incomplete": True,
    }


def test_answer_that_is_not_partial_must_be_whole(make_call: MakeCall) -> None:
    with pytest.raises(StreamInterruptedError, match="choice 0"):
        chat_of(make_call, chunk({"content": "a"})).answer()


@pytest.mark.parametrize(
    ("arguments", "is_kept"),
    [
        ('{"a": 1}', True),
        ("{}", True),
        ('{"a": 1', False),
        ("", False),
        ("12", False),  # may become 123
        ("true", False),
        ('"text"', False),
        ('{"a": 1}}', False),
    ],
)
@pytest.mark.parametrize("is_older", [False, True])
def test_partial_keeps_only_tool_calls_that_are_whole(
    make_call: MakeCall, arguments: str, is_kept: bool, is_older: bool
) -> None:
    older: JsonObject = {"function_call": {"name": "f", "arguments": arguments}}
    stream = chat_of(make_call, chunk(older if is_older else called(arguments)))

    answer = stream.answer(is_partial=True)

    message = ChatCompletion.model_validate(answer).choices[0].message
    assert bool(message.function_call if is_older else message.tool_calls) is is_kept
    assert answer.get("hookline") == (None if is_kept else {"tool_calls_left_out": 1})


def test_partial_keeps_the_whole_one_of_two_tool_calls_and_no_free_text(make_call: MakeCall) -> None:
    stream = chat_of(
        make_call,
        chunk(called('{"a": 1}')),
        chunk(called('{"b"', index=1)),
        chunk(called("x", index=2, kind="custom")),
    )

    answer = stream.answer(is_partial=True)

    calls = ChatCompletion.model_validate(answer).choices[0].message.tool_calls or []
    assert [call.id for call in calls] == ["c0"]
    assert answer["hookline"] == {"tool_calls_left_out": 2}


def test_tool_calls_of_a_choice_that_ended_are_left_as_they_are(make_call: MakeCall) -> None:
    stream = chat_of(
        make_call, chunk(called("not json")), chunk({}, "tool_calls"), chunk({"content": "b"}, index=1)
    )

    answer = stream.answer(is_partial=True)

    calls = ChatCompletion.model_validate(answer).choices[0].message.tool_calls
    assert calls is not None
    assert "hookline" not in answer


@pytest.mark.parametrize("verb", ["chat", "complete"])
def test_output_of_a_partial_answer_says_that_it_is_incomplete(make_call: MakeCall, verb: str) -> None:
    action = connector.actions[f"openai.{verb}"]
    assert action.stream is not None
    stream = action.stream(make_call(verb))
    stream.feed(chunk({"content": "Hel"}) if verb == "chat" else text_chunk("Hel"))
    answer = stream.answer(is_partial=True)  # type: ignore[attr-defined]  # ours have it

    output = action.present(make_call(verb), answer)

    assert (output["text"], output["finish_reason"], output["incomplete"]) == ("Hel", "length", True)
    jsonschema_rs.Draft202012Validator(action.output_schema).validate({**output, "warnings": []})
    assert action.restore is not None
    assert action.restore(answer, output) == answer


@pytest.mark.parametrize("verb", ["chat", "complete"])
@given(pieces=st.lists(st.text(max_size=4), max_size=12), ended=st.booleans())
@settings(max_examples=60, deadline=None)
def test_partial_holds_every_piece_that_arrived(verb: str, pieces: list[str], ended: bool) -> None:
    action = connector.actions[f"openai.{verb}"]
    assert action.stream is not None
    stream = action.stream(None)  # type: ignore[arg-type]  # the call is for presenting only
    make = (lambda text: chunk({"content": text})) if verb == "chat" else text_chunk
    for piece in ["", *pieces]:
        stream.feed(make(piece))
    if ended:
        stream.feed(chunk({}, "stop") if verb == "chat" else text_chunk("", "stop"))

    answer = stream.answer(is_partial=True)  # type: ignore[attr-defined]  # ours have it

    choice = answer["choices"][0]
    text = choice["message"]["content"] if verb == "chat" else choice["text"]
    assert text == "".join(pieces)
    assert answer.get("incomplete", False) is not ended
    orjson.dumps(answer)


def test_text_of_a_million_pieces_is_kept_in_few_parts() -> None:
    text = TextPieces()
    for number in range(1_000_000):
        text.add("ab" if number % 2 else "c")

    assert str(text) == "cab" * 500_000
