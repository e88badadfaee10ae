from __future__ import annotations

from typing import TYPE_CHECKING, cast

import jsonschema_rs
import pytest

from hookline.errors import InvalidInputError, InvalidUpstreamAnswerError
from hookline.upstream import UpstreamRequest
from hookline_openai.connector import connector
from hookline_openai.edit import prepare_edit, present_wire_edit

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

    from hookline.action import JsonObject
    from hookline.call import Door

COMPLETE = connector.actions["openai.complete"]
EDIT = connector.actions["openai.edit"]
USAGE: JsonObject = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
OUR_USAGE: JsonObject = {
    "input_tokens": 5,
    "output_tokens": 7,
    "total_tokens": 12,
    "cached_tokens": None,
    "reasoning_tokens": None,
}
GIVEN: JsonObject = {"model": "m", "instruction": "Correct it.", "input": "wek", "temperature": 0, "n": 2}
CHAT: JsonObject = {
    "id": "chatcmpl-1",
    "model": "m-1",
    "created": 7,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "week", "refusal": None},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": "Week", "refusal": None},
            "finish_reason": "length",
        },
    ],
    "usage": USAGE,
}
NATIVE: JsonObject = {
    "object": "edit",
    "created": 7,
    "choices": [{"text": "week", "index": 0}],
    "usage": USAGE,
}


def new_request() -> UpstreamRequest:
    return UpstreamRequest(method="POST", base_url="https://x.example/v1", path="/chat/completions")


def test_completion_body_is_the_input_without_our_own_fields(make_call: MakeCall) -> None:
    request = new_request()
    COMPLETE.prepare(
        make_call("complete", {"model": "m", "prompt": [1, 2], "stream": True, "raw": True}), request
    )
    assert request.body == {
        "model": "m",
        "prompt": [1, 2],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_completion_output_can_be_changed_and_written_back(make_call: MakeCall) -> None:
    call = make_call("complete")
    raw: JsonObject = {
        "id": "cmpl-1",
        "model": "m-1",
        "choices": [
            {"index": 0, "text": "a", "finish_reason": "stop", "logprobs": None},
            {"index": 1, "text": "b", "finish_reason": "length", "logprobs": None},
        ],
        "usage": USAGE,
    }
    output = COMPLETE.present(call, raw)
    assert output == {
        "text": "a",
        "finish_reason": "stop",
        "model": "m-1",
        "usage": OUR_USAGE,
        "id": "cmpl-1",
        "choices": [
            {"index": 0, "text": "a", "finish_reason": "stop"},
            {"index": 1, "text": "b", "finish_reason": "length"},
        ],
    }
    jsonschema_rs.Draft202012Validator(COMPLETE.output_schema).validate(output)
    output["text"] = "A"
    output["choices"] = [
        {"index": 0, "text": "A", "finish_reason": "stop"},
        {"index": 1, "text": "B", "finish_reason": "length"},
    ]
    assert COMPLETE.restore is not None
    restored = COMPLETE.restore(raw, output)
    assert COMPLETE.present(call, restored) == output
    assert restored == {
        **raw,
        "choices": [
            {"index": 0, "text": "A", "finish_reason": "stop", "logprobs": None},
            {"index": 1, "text": "B", "finish_reason": "length", "logprobs": None},
        ],
    }


@pytest.mark.parametrize(
    "raw", [{}, {"choices": []}, {"choices": [{"index": 0}]}, {"choices": [{"text": 1}]}]
)
def test_completion_of_another_shape_is_an_invalid_upstream_answer(make_call: MakeCall, raw: object) -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        COMPLETE.present(make_call("complete"), raw)


def test_edit_runs_as_a_chat(make_call: MakeCall) -> None:
    request = new_request()
    prepare_edit(make_call("edit", {**GIVEN, "raw": True}), request)
    assert request.path == "/chat/completions"
    assert request.body is not None
    system, user = cast("list[dict[str, str]]", request.body.pop("messages"))
    assert request.body == {"model": "m", "temperature": 0, "n": 2}
    assert system["role"] == "system"
    assert system["content"].endswith("Instruction: Correct it.")
    assert user == {"role": "user", "content": "wek"}


def test_edit_goes_to_its_own_endpoint_where_there_is_one(make_call: MakeCall) -> None:
    doors: tuple[Door, ...] = ("action", "wire")
    for door in doors:
        request = new_request()
        prepare_edit(make_call("edit", dict(GIVEN), door=door, native=True), request)
        assert (request.path, request.body) == ("/edits", GIVEN)


@pytest.mark.parametrize("native", [False, True])
def test_edit_bodies_fit_the_request_schema(make_call: MakeCall, native: bool) -> None:
    request = new_request()
    prepare_edit(make_call("edit", {"model": "m", "instruction": "x"}, native=native), request)
    assert EDIT.request_schema is not None
    validator = jsonschema_rs.Draft202012Validator(EDIT.request_schema)
    validator.validate(request.body)
    assert not validator.is_valid({**(request.body or {}), "temperature": 3})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"instruction": "x"}, "model"),
        ({"model": "m"}, "instruction"),
        ({"model": "m", "instruction": 5}, "instruction"),
        ({"model": "m", "instruction": "x", "input": []}, "input"),
        ({"model": "m", "instruction": "x", "stream": True}, "stream"),
        ({"model": "m", "instruction": "x", "messages": []}, "messages"),
        ({"model": "m", "instruction": "x", "raw": True}, "raw"),
    ],
)
def test_wire_edit_that_is_none_is_refused(make_call: MakeCall, body: JsonObject, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        prepare_edit(make_call("edit", body, door="wire"), new_request())
    assert caught.value.field == field


@pytest.mark.parametrize("native", [False, True])
def test_edit_output_is_the_same_shape_either_way(make_call: MakeCall, native: bool) -> None:
    raw = NATIVE if native else CHAT
    output = EDIT.present(make_call("edit", {"raw": True}, native=native), raw)
    shared: JsonObject = {"text": "week", "usage": OUR_USAGE, "refusal": None, "raw": raw}
    assert output == (
        {**shared, "finish_reason": None, "model": None, "id": None, "choices": None}
        if native
        else {
            **shared,
            "finish_reason": "stop",
            "model": "m-1",
            "id": "chatcmpl-1",
            "choices": [
                {"index": 0, "text": "week", "finish_reason": "stop"},
                {"index": 1, "text": "Week", "finish_reason": "length"},
            ],
        }
    )
    jsonschema_rs.Draft202012Validator(EDIT.output_schema).validate(output)
    assert EDIT.restore is not None
    assert EDIT.restore(raw, output) == raw


def test_wire_edit_is_answered_with_an_edit_object(make_call: MakeCall) -> None:
    assert present_wire_edit(make_call("edit", door="wire"), CHAT) == {
        "object": "edit",
        "created": 7,
        "choices": [
            {"text": "week", "index": 0, "finish_reason": "stop"},
            {"text": "Week", "index": 1, "finish_reason": "length"},
        ],
        "usage": USAGE,
    }
    single = {**CHAT, "choices": CHAT["choices"][:1], "usage": None}  # type: ignore[index]  # a list
    assert present_wire_edit(make_call("edit", door="wire"), single) == {
        "object": "edit",
        "created": 7,
        "choices": [{"text": "week", "index": 0, "finish_reason": "stop"}],
    }
    assert present_wire_edit(make_call("edit", door="wire", native=True), NATIVE) is NATIVE
