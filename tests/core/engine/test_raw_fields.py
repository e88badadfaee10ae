"""``raw_json``: what a form cannot show joins the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forms_lab import FormsLab
from hookline import Connector
from hookline.engine.raw_fields import join_raw
from hookline.errors import InvalidInputError
from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline.webhook.app import create_app


@pytest.fixture
def gateways_with_items() -> Iterator[Callable[[Any], Any]]:
    """Post a body to the chat of a gateway with every bundled plugin, on the sandbox."""
    key = "a-key-for-tests-only-0001"
    gateway = Gateway(Settings.model_validate({"sandbox": True, "api_keys": [key]}), environ={})
    client = create_app(gateway).test_client()
    yield lambda body: client.post("/actions/openai.chat", json=body, headers={"x-api-key": key}).json
    gateway.close()


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


def test_an_action_keeps_a_field_of_that_name_wherever_its_schema_has_it() -> None:
    inner = {"type": "object", "properties": {"raw_json": {"type": "string"}}}
    schemas: list[dict[str, object]] = [
        {"$ref": "#/$defs/In", "$defs": {"In": inner}},
        {"allOf": [{"type": "object"}, inner]},
        {"anyOf": [{"type": "object"}, {"oneOf": [inner]}]},
    ]
    for schema in schemas:
        own = Connector("own", title="Own", base_url="https://api.own.example").endpoint(
            "say", "POST", "/say", input=schema, output={"type": "object"}
        )
        assert join_raw({"raw_json": "plain text"}, own) == {"raw_json": "plain text"}


def test_a_wrong_one_leaves_a_record_like_any_wrong_input() -> None:
    lab = FormsLab()

    answer = lab.post("/actions/openai.chat", {"model": "gpt-5.4-mini", "raw_json": "{"})

    assert (answer.status_code, answer.json["field"]) == (422, "raw_json")
    assert [call.action.id for call in lab.door.calls] == ["openai.chat"]
    assert lab.sent == []


def test_rights_are_asked_with_what_it_says() -> None:
    from forms_lab import caller

    lab = FormsLab(principals=[caller("narrow", models=("gpt-5.4-mini",))])

    def status(raw: str) -> int:
        body = {"model": "gpt-5.4-mini", "prompt": "Hi", "raw_json": raw}
        return int(lab.post("/actions/openai.chat", body, key="narrow").status_code)

    assert status('{"model": "gpt-5.4"}') == 403
    assert status("{}") == 200
    assert len(lab.sent) == 1


def test_it_cannot_ask_for_a_stream() -> None:
    lab = FormsLab()

    answer = lab.post("/actions/openai.chat", {"model": "x", "prompt": "Hi", "raw_json": {"stream": True}})

    assert (answer.status_code, answer.json["field"]) == (422, "raw_json.stream")


def test_each_of_several_items_can_have_its_own(gateways_with_items: Any) -> None:
    items = [{"prompt": "a", "raw_json": {"max_completion_tokens": 2}}, {"prompt": "b", "raw_json": "{"}]

    answer = gateways_with_items({"model": "sandbox", "items": items})

    assert [one["status"] for one in answer["items"]] == [200, 422]
    assert answer["items"][0]["output"]["finish_reason"] == "length"
    assert answer["items"][1]["error"]["field"] == "raw_json"
