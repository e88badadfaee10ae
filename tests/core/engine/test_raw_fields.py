"""``raw_json``: what a form cannot show joins the input."""

from __future__ import annotations

from typing import Any

import pytest

from forms_lab import FormsLab
from hookline import Connector
from hookline.engine.raw_fields import join_raw
from hookline.errors import InvalidInputError

ACTION = Connector("acme", title="Acme", base_url="https://api.acme.example").endpoint(
    "say", "POST", "/say", input={"type": "object"}, output={"type": "object"}
)


@pytest.mark.parametrize("raw", ['{"stop": ["a"], "n": 2}', {"stop": ["a"], "n": 2}])
def test_its_members_join_the_input_and_win(raw: object) -> None:
    fields: Any = {"n": 1, "text": "hi", "raw_json": raw}

    assert join_raw(fields, ACTION) == {"n": 2, "text": "hi", "stop": ["a"]}
    assert fields["n"] == 1


@pytest.mark.parametrize("raw", ["", "  ", None])
def test_an_empty_one_counts_as_not_there(raw: object) -> None:
    assert join_raw({"text": "hi", "raw_json": raw}, ACTION) == {"text": "hi"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("[1]", "`raw_json` must be a JSON object such as {…}, not an array."),
        ("{", "`raw_json` is not valid JSON"),
        ('{"a": 1, "a": 2}', "has the key"),
        (7, "`raw_json` must be a JSON object."),
        (["a"], "`raw_json` must be a JSON object."),
        ('{"raw_json": "{}"}', "`raw_json` holds a member `raw_json`."),
        ('{"a": NaN}', "`raw_json` is not valid JSON"),
        ("\ud800", "`raw_json` is not valid JSON"),
        ("[" * 500 + "]" * 500, "`raw_json`"),
        ('{"a":' * 200 + "1" + "}" * 200, "nested"),
    ],
)
def test_what_is_no_object_is_refused_by_its_name(raw: object, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        join_raw({"raw_json": raw}, ACTION)

    assert message in caught.value.message
    assert "The body" not in caught.value.message
    assert str(caught.value.field).startswith("raw_json")


def test_an_action_with_a_field_of_that_name_keeps_it() -> None:
    own = Connector("own", title="Own", base_url="https://api.own.example").endpoint(
        "say",
        "POST",
        "/say",
        input={"type": "object", "properties": {"raw_json": {"type": "string"}}},
        output={"type": "object"},
    )

    assert join_raw({"raw_json": "not json"}, own) == {"raw_json": "not json"}


def test_a_form_reaches_what_it_cannot_show() -> None:
    lab = FormsLab()
    body = {"model": "gpt-5.4-mini", "prompt": "Hello", "n": "", "raw_json": '{"stop": ["END", "STOP"]}'}

    answer = lab.post("/actions/openai.chat", body)

    assert answer.status_code == 200
    assert lab.bodies[-1]["stop"] == ["END", "STOP"]


def test_an_estimate_reads_it_too() -> None:
    lab = FormsLab()
    body = {"model": "gpt-5.4-mini", "raw_json": '{"prompt": "Hello", "max_completion_tokens": 7}'}

    assert lab.post("/actions/openai.chat/estimate", body).json["output_tokens"] == 7
