"""Asking to go on from a partial answer: only where the two parts make one sound answer."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from hookline_openai.connector import connector
from hookline_openai.stream_resume import GO_ON, estimate_tokens

if TYPE_CHECKING:
    from hookline.action import JsonObject

CHAT = connector.actions["openai.chat"]
COMPLETE = connector.actions["openai.complete"]
BODY: JsonObject = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Tell a story."}],
    "stream": True,
    "stream_options": {"include_usage": True},
}
PROMPT: JsonObject = {"model": "m", "prompt": "Once", "stream": True}


def partial_chat(content: str | None = "Once upon", **message: object) -> JsonObject:
    full = {"role": "assistant", "content": content, "refusal": None, **message}
    choice = {"index": 0, "message": full, "logprobs": None, "finish_reason": "length"}
    return {"id": "1", "object": "chat.completion", "choices": [choice], "incomplete": True}


def partial_completion(text: str = " upon a") -> JsonObject:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": "length"}
    return {"object": "text_completion", "choices": [choice], "incomplete": True}


def resume(body: JsonObject, answer: JsonObject) -> JsonObject | None:
    """Return the body that goes on; neither argument is changed."""
    action = COMPLETE if "prompt" in body else CHAT
    assert action.resume_stream is not None
    before = copy.deepcopy((body, answer))
    resumed = action.resume_stream(body, answer)
    assert (body, answer) == before
    if resumed is not None:
        assert action.request_schema is not None
        jsonschema_rs.Draft202012Validator(action.request_schema).validate(resumed)
    return resumed


def test_chat_goes_on_after_its_own_words() -> None:
    assert resume(BODY, partial_chat()) == {
        **BODY,
        "messages": [
            {"role": "user", "content": "Tell a story."},
            {"role": "assistant", "content": "Once upon"},
            {"role": "user", "content": GO_ON},
        ],
    }


def test_completion_goes_on_behind_its_own_words() -> None:
    assert resume({**PROMPT, "max_tokens": 100}, partial_completion()) == {
        **PROMPT,
        "prompt": "Once upon a",
        "max_tokens": 99,
    }


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_completion_of_one_prompt_in_a_list_goes_on(prompt: object) -> None:
    resumed = resume({**PROMPT, "prompt": prompt}, partial_completion())

    assert resumed is not None
    assert resumed["prompt"] == "Once upon a"


@pytest.mark.parametrize(
    ("given", "delivered", "left"),
    [(100, "x" * 40, 90), (10, "x" * 40, 1), (5, "x" * 400, 1), (100, "é" * 4, 98)],
)
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_longest_answer_is_shortened_by_what_was_delivered(
    name: str, given: int, delivered: str, left: int
) -> None:
    resumed = resume({**BODY, name: given}, partial_chat(delivered))

    assert resumed is not None
    assert resumed[name] == left


@pytest.mark.parametrize(("delivered", "left"), [("x" * 24, 10), ("x" * 63, 1)])
def test_completion_without_a_limit_is_held_to_the_service_s_own(delivered: str, left: int) -> None:
    resumed = resume(PROMPT, partial_completion(delivered))

    assert resumed is not None
    assert resumed["max_tokens"] == left


def test_completion_that_went_beyond_that_limit_has_none() -> None:
    resumed = resume(PROMPT, partial_completion("x" * 64))

    assert resumed is not None
    assert "max_tokens" not in resumed


@pytest.mark.parametrize(
    "nothing",
    [
        {"object": "chat.completion", "choices": [], "incomplete": True},
        partial_chat(None),
        partial_chat(""),
        partial_chat("", refusal=""),
    ],
)
@pytest.mark.parametrize(
    "more", [{}, {"n": 2}, {"logprobs": True}, {"response_format": {"type": "json_object"}}]
)
def test_where_nothing_was_delivered_the_chat_is_asked_again(nothing: JsonObject, more: JsonObject) -> None:
    assert resume({**BODY, **more}, nothing) == {**BODY, **more}


def test_where_nothing_was_delivered_the_completion_is_asked_again() -> None:
    assert resume({**PROMPT, "n": 2, "echo": True}, partial_completion("")) == {
        **PROMPT,
        "n": 2,
        "echo": True,
    }


TOOL_CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COMPLETE_CHAT = {name: value for name, value in partial_chat().items() if name != "incomplete"}
TWO = {**partial_chat(), "choices": [*partial_chat()["choices"]] * 2}  # type: ignore[misc]  # it is a list
ENDED_EMPTY = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}],
    "incomplete": True,
}


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({"n": 2}, partial_chat()),
        ({"logprobs": True}, partial_chat()),
        ({"response_format": {"type": "json_object"}}, partial_chat()),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
            partial_chat(),
        ),
        ({"modalities": ["text", "audio"]}, partial_chat()),
        ({"audio": {"voice": "alloy", "format": "pcm16"}}, partial_chat()),
        ({"web_search_options": {}}, partial_chat()),
        ({"messages": None}, partial_chat()),
        ({}, partial_chat(refusal="No")),
        ({}, partial_chat(None, refusal="No")),
        ({}, partial_chat(tool_calls=[TOOL_CALL])),
        ({}, partial_chat(None, tool_calls=[TOOL_CALL])),
        ({}, {**partial_chat(), "hookline": {"tool_calls_left_out": 1}}),
        ({}, {**partial_chat(None), "hookline": {"tool_calls_left_out": 1}}),
        ({}, partial_chat(function_call={"name": "f", "arguments": "{}"})),
        ({}, partial_chat(audio={"id": "a", "transcript": "x"})),
        ({}, partial_chat(annotations=[{"type": "url_citation"}])),
        ({}, COMPLETE_CHAT),
        ({}, TWO),
        ({}, ENDED_EMPTY),
    ],
    ids=[
        "several answers",
        "token probabilities",
        "JSON",
        "JSON of a schema",
        "speech",
        "voice",
        "web search",
        "no messages",
        "refusal after text",
        "refusal",
        "tool call after text",
        "tool call",
        "tool call that was left out, after text",
        "tool call that was left out",
        "older tool call",
        "sound",
        "quotations",
        "not partial",
        "two choices",
        "one that ended without a word",
    ],
)
def test_chat_that_cannot_be_joined_soundly_is_not_resumed(more: JsonObject, answer: JsonObject) -> None:
    assert resume({**BODY, **more}, answer) is None


@pytest.mark.parametrize(
    "more",
    [
        {"n": 2},
        {"echo": True},
        {"logprobs": 0},
        {"prompt": ["a", "b"]},
        {"prompt": [1, 2]},
        {"prompt": [[1, 2]]},
        {"prompt": None},
    ],
)
def test_completion_that_cannot_be_joined_soundly_is_not_resumed(more: JsonObject) -> None:
    assert resume({**PROMPT, **more}, partial_completion()) is None


@pytest.mark.parametrize("more", [{}, {"stream": False}, {"stream_options": {"include_obfuscation": False}}])
def test_chat_is_made_to_ask_for_a_stream_that_counts_tokens(more: JsonObject) -> None:
    assert CHAT.ask_stream is not None
    body: JsonObject = {"model": "m", "messages": [], **more}

    CHAT.ask_stream(body)

    options = more.get("stream_options", {})
    assert isinstance(options, dict)
    assert body == {
        "model": "m",
        "messages": [],
        "stream": True,
        "stream_options": {**options, "include_usage": True},
    }


@pytest.mark.parametrize("more", [{"modalities": ["text", "audio"]}, {"audio": {"format": "mp3"}}])
def test_spoken_chat_is_not_made_a_stream(more: JsonObject) -> None:
    assert CHAT.ask_stream is not None
    body: JsonObject = {"model": "m", **more}

    CHAT.ask_stream(body)

    assert body == {"model": "m", **more}


@pytest.mark.parametrize(("best_of", "is_stream"), [(None, True), (0, True), (1, True), (2, False)])
def test_best_of_several_completions_is_not_made_a_stream(best_of: int | None, is_stream: bool) -> None:
    assert COMPLETE.ask_stream is not None
    body: JsonObject = {"model": "m", "best_of": best_of}

    COMPLETE.ask_stream(body)

    assert (body.get("stream") is True) is is_stream


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("abc", 0), ("abcd", 1), ("日本語の", 3), ("\ud800", 0)]
)
def test_tokens_are_estimated_from_bytes(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
