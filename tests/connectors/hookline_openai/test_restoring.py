"""Writing a changed output back into the service's answer: what tools are called with, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hookline import Call
from hookline_openai.answers import present_chat
from hookline_openai.restoring import restore_texts

MakeCall = Callable[..., Call]


def chat(*messages: dict[str, Any]) -> dict[str, Any]:
    choices = [
        {"index": at, "message": {"role": "assistant", "content": None, **message}, "finish_reason": "stop"}
        for at, message in enumerate(messages)
    ]
    return {"id": "c", "model": "m", "choices": choices}


def tool(arguments: str, id: str = "call_1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "send", "arguments": arguments}}


CUSTOM = {"id": "call_2", "type": "custom", "custom": {"name": "run", "input": "ls"}}


def test_changed_arguments_are_written_as_json(make_call: MakeCall) -> None:
    call, raw = make_call("chat"), chat({"tool_calls": [tool('{"to": "a"}'), CUSTOM]})
    output: dict[str, Any] = present_chat(call, raw)
    output["tool_calls"] = [
        {"id": "call_1", "name": "send", "arguments": {"to": "ada"}},
        {"id": "call_2", "name": "run", "arguments": "pwd"},
    ]

    restored = restore_texts(raw, output)

    expected = {**CUSTOM, "custom": {"name": "run", "input": "pwd"}}
    assert restored == chat({"tool_calls": [tool('{"to":"ada"}'), expected]})
    assert present_chat(call, restored) == output
    assert raw == chat({"tool_calls": [tool('{"to": "a"}'), CUSTOM]})


def test_arguments_that_did_not_change_stay_as_they_were_written(make_call: MakeCall) -> None:
    raw = chat({"tool_calls": [tool('{"to":   "a"}'), tool('{"to":   "b"}', "call_2")]})
    output: dict[str, Any] = present_chat(make_call("chat"), raw)
    output["tool_calls"][1]["arguments"] = {"to": "bob"}

    assert restore_texts(raw, output) == chat(
        {"tool_calls": [tool('{"to":   "a"}'), tool('{"to":"bob"}', "call_2")]}
    )


def test_the_older_function_call_is_written_too(make_call: MakeCall) -> None:
    call, raw = make_call("chat"), chat({"function_call": {"name": "send", "arguments": "{}"}})
    output: dict[str, Any] = present_chat(call, raw)
    output["tool_calls"][0]["arguments"] = {"to": "ada"}

    restored = restore_texts(raw, output)

    assert restored == chat({"function_call": {"name": "send", "arguments": '{"to":"ada"}'}})
    assert present_chat(call, restored) == output


def test_each_of_several_choices_takes_its_own_arguments(make_call: MakeCall) -> None:
    call = make_call("chat")
    raw = chat({"tool_calls": [tool('{"n":1}')]}, {"tool_calls": [tool('{"n":2}')]})
    output: dict[str, Any] = present_chat(call, raw)
    output["tool_calls"] = [{"id": "call_1", "name": "send", "arguments": {"n": 10}}]
    output["choices"][0]["tool_calls"] = output["tool_calls"]
    output["choices"][1]["tool_calls"] = [{"id": "call_1", "name": "send", "arguments": {"n": 20}}]

    restored = restore_texts(raw, output)

    assert restored == chat({"tool_calls": [tool('{"n":10}')]}, {"tool_calls": [tool('{"n":20}')]})
    assert present_chat(call, restored) == output


@pytest.mark.parametrize("calls", [[], [{"id": "x", "name": "send", "arguments": {}}] * 2, "none"])
def test_calls_that_were_added_or_taken_away_do_not_pass_unnoticed(make_call: MakeCall, calls: Any) -> None:
    call, raw = make_call("chat"), chat({"tool_calls": [tool("{}")]})
    output: dict[str, Any] = {**present_chat(call, raw), "tool_calls": calls}

    assert present_chat(call, restore_texts(raw, output)) != output


def test_a_changed_refusal_is_written_where_it_stands(make_call: MakeCall) -> None:
    call, raw = make_call("chat"), chat({"refusal": "No [NAME_1]."})
    output: dict[str, Any] = {**present_chat(call, raw), "text": "No Ada.", "refusal": "No Ada."}

    restored = restore_texts(raw, output)

    assert restored == chat({"refusal": "No Ada."})
    assert present_chat(call, restored) == output
