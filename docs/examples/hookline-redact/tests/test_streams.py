"""Streams: restored while they run, wherever a placeholder is cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

if TYPE_CHECKING:
    from conftest import Lab, Model

MAIL = "ada@example.com"
PROMPT = f"Hello [dear] {MAIL}, are you {MAIL}"


def events_of(text: str) -> list[dict[str, Any]]:
    """Return the JSON of every event but the mark of the end."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [orjson.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("piece_chars", [*range(1, 13), 1000])
def test_the_action_s_text_is_restored_however_it_is_cut(lab: Lab, model: Model, piece_chars: int) -> None:
    model.piece_chars = piece_chars

    answer = lab.post("/actions/openai.chat", {"model": "m", "prompt": PROMPT, "stream": True})
    *pieces, last = events_of(answer.text)

    assert "".join(piece["text"] for piece in pieces) == PROMPT
    assert last["output"]["text"] == PROMPT
    assert MAIL not in lab.last_sent()


@pytest.mark.parametrize("piece_chars", [*range(1, 13), 1000])
def test_the_wire_s_text_is_restored_however_it_is_cut(lab: Lab, model: Model, piece_chars: int) -> None:
    model.piece_chars = piece_chars

    answer = lab.wire([{"role": "user", "content": PROMPT}], stream=True)
    deltas = [event["choices"][0]["delta"] for event in events_of(answer.text)]

    assert "".join(delta.get("content", "") for delta in deltas) == PROMPT
    assert answer.text.endswith("data: [DONE]\n\n")


def test_no_more_is_held_back_than_what_may_be_a_placeholder(lab: Lab, model: Model) -> None:
    model.piece_chars = 1
    model.say = lambda text: "[a] [E [EMAIL_1]"

    answer = lab.wire([{"role": "user", "content": MAIL}], stream=True)
    contents = [event["choices"][0]["delta"].get("content", "") for event in events_of(answer.text)]

    assert [text for text in contents if text] == ["[a", "]", " ", "[E ", MAIL]


def test_a_stream_that_ends_inside_of_what_looks_like_a_placeholder_loses_nothing(
    lab: Lab, model: Model
) -> None:
    model.say = lambda text: "It is [EMAIL_"

    action = lab.post("/actions/openai.chat", {"model": "m", "prompt": MAIL, "stream": True})
    wire = lab.wire([{"role": "user", "content": MAIL}], stream=True)

    assert "".join(event.get("text", "") for event in events_of(action.text)) == "It is [EMAIL_"
    choices = [event["choices"][0] for event in events_of(wire.text)]
    assert "".join(choice["delta"].get("content", "") for choice in choices) == "It is [EMAIL_"
    assert [choice["finish_reason"] for choice in choices][-2:] == [None, "stop"]


@pytest.mark.parametrize("piece_chars", [1, 4, 1000])
def test_streamed_arguments_of_a_tool_are_restored_as_json(
    make_lab: Callable[..., Lab], model: Model, piece_chars: int
) -> None:
    lab = make_lab(names=['Ada "Lady" Lovelace'])
    model.piece_chars = piece_chars
    model.tool = lambda text: '{"mail": "[EMAIL_1]", "name": "[NAME_1]"}'
    prompt = f'{MAIL} is Ada "Lady" Lovelace'
    expected = {"mail": MAIL, "name": 'Ada "Lady" Lovelace'}

    wire = lab.wire([{"role": "user", "content": prompt}], stream=True)
    deltas = [event["choices"][0]["delta"] for event in events_of(wire.text)]
    parts = [delta["tool_calls"][0]["function"]["arguments"] for delta in deltas if "tool_calls" in delta]
    assert orjson.loads("".join(parts)) == expected

    action = lab.post("/actions/openai.chat", {"model": "m", "prompt": prompt, "stream": True})
    *pieces, last = events_of(action.text)
    assert [piece["arguments"] for piece in pieces] == [expected]
    assert last["output"]["tool_calls"][0]["arguments"] == expected


def test_an_invented_placeholder_stops_a_stream_before_it_is_delivered(
    make_lab: Callable[..., Lab], model: Model
) -> None:
    lab = make_lab(on_unknown="fail")
    model.piece_chars = 1
    model.say = lambda text: "Ask [EMAIL_9] now"

    answer = lab.wire([{"role": "user", "content": MAIL}], stream=True)

    *before, last = events_of(answer.text)
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in before) == "Ask "
    assert last["error"]["code"] == "unknown_placeholder"
