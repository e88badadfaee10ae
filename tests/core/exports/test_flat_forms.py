"""Forms of plain fields: their keys, their help, and what they hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.exports.blueprint import ActionBlueprint, Blueprint, OutputField
from hookline.exports.field_keys import field_keys, is_plain, marked_key
from hookline.exports.flat_forms import help_of, ordered_form, plain_value, survives_as_text
from hookline.exports.form_fields import read_form, read_one_of
from hookline.exports.targets.make.fields import MakeForm
from hookline.exports.targets.zapier.fields import ZapierForm
from hookline.exports.whole_samples import whole_sample

if TYPE_CHECKING:
    from hookline.action import JsonObject


def action_of(schema: JsonObject, **more: Any) -> ActionBlueprint:
    made = ActionBlueprint(
        id="acme.send",
        path="/actions/acme.send",
        title="Send",
        description="Sends.",
        connector="acme",
        connector_title="Acme",
        is_read_only=False,
        is_idempotent=False,
        streams=False,
        input_schema=schema,
        output_schema={},
        fields=read_form(schema),
        one_of=read_one_of(schema),
        outputs=(),
        sample_input={},
        sample_output={},
    )
    return replace(made, **more)


def form_of(**properties: JsonObject) -> ActionBlueprint:
    return action_of({"type": "object", "properties": {**properties}, "required": list(properties)})


def zapier_field(action: ActionBlueprint) -> JsonObject:
    blueprint = Blueprint(server_url="https://x", version="1", actions=(action,))
    return ZapierForm(action, blueprint, {}).fields[0]


def make_parameter(action: ActionBlueprint) -> JsonObject:
    blueprint = Blueprint(server_url="https://x", version="1", actions=(action,))
    return MakeForm(action, blueprint, {}).parameters[0]


@given(st.lists(st.text(max_size=200), unique=True, max_size=20))
def test_every_name_gets_a_plain_key_of_its_own(names: list[str]) -> None:
    keys = field_keys(names)

    assert list(keys) == names
    assert len(set(keys.values())) == len(names)
    assert all(is_plain(key) for key in keys.values())


def test_a_key_does_not_change_when_others_come() -> None:
    alone = field_keys(["größe"])["größe"]

    assert field_keys(["gr_e", "größe", "gr e"])["größe"] == alone == marked_key("größe") == "gr_e_d353a2"


@pytest.mark.parametrize(
    ("schema", "help"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 2_000_000}, "From 1 to 2000000."),
        ({"type": "number", "minimum": 0.5}, "At least 0.5."),
        ({"type": "number", "maximum": 2}, "At most 2."),
        ({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, ""),
        ({"type": "string", "description": "What it is", "default": "a"}, "What it is. If empty: a."),
        ({"type": "object", "description": "Where."}, "Where. Written as JSON."),
        ({"type": "string", "contentEncoding": "base64"}, "Base64."),
        ({"type": ["string", "array"]}, "Anything but text goes into Raw JSON."),
        ({"type": "string", "description": "Say {{name}}."}, "Say { {name} }."),
    ],
)
def test_help_says_what_a_field_takes(schema: JsonObject, help: str) -> None:
    action = action_of({"type": "object", "properties": {"field": schema}})

    assert help_of(action.fields[0], action, raw_label="Raw JSON") == help


def test_help_says_that_one_of_several_is_needed() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"title": "First"}, "b": {"title": "Second"}, "c": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}],
    }
    action = action_of(schema)

    assert [help_of(field, action, raw_label="") for field in action.form] == [
        "Needed unless Second and C is filled in.",
        "Needed unless First is filled in.",
        "Needed unless First is filled in.",
    ]


def test_advanced_fields_come_last_unless_they_are_needed() -> None:
    properties: JsonObject = {
        "a": {"type": "string", "x-advanced": True},
        "b": {"type": "string"},
        "c": {"type": "string", "x-advanced": True},
    }
    action = action_of({"type": "object", "properties": properties, "required": ["a"]})

    assert [field.name for field in ordered_form(action)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("schema", "value", "survives"),
    [
        ({"type": "integer"}, 3, True),
        ({"type": "boolean"}, True, True),
        ({"type": "string"}, "3", True),
        ({"type": "array", "items": {"type": "integer"}}, [1], True),
        ({"enum": ["a", 3]}, 3, False),
        ({"type": ["string", "integer"]}, 3, False),
    ],
)
def test_a_form_sends_only_what_the_gateway_reads_back(
    schema: JsonObject, value: object, survives: bool
) -> None:
    action = form_of(field=schema)

    assert survives_as_text(value, action.fields[0], action.input_schema) is survives


def test_a_default_is_filled_in_only_where_something_has_to_be() -> None:
    needed = form_of(n={"type": "integer", "default": 3})
    free = action_of({"type": "object", "properties": {"n": {"type": "integer", "default": 3}}})
    template = form_of(n={"type": "string", "default": "{{x}}"})

    assert (zapier_field(needed)["default"], make_parameter(needed)["default"]) == ("3", 3)
    assert "default" not in zapier_field(free)
    assert "default" not in make_parameter(free)
    assert zapier_field(free)["helpText"] == "If empty: 3."
    assert "default" not in zapier_field(template)
    assert "default" not in make_parameter(template)


@pytest.mark.parametrize(
    ("schema", "zapier", "make"),
    [
        ({"type": "string"}, {"type": "string"}, {"type": "text"}),
        (
            {"type": "string", "x-multiline": True},
            {"type": "text"},
            {"type": "text", "multiline": True},
        ),
        ({"type": "string", "format": "date-time"}, {"type": "datetime"}, {"type": "date"}),
        ({"type": "string", "format": "password"}, {"type": "password"}, {"type": "text"}),
        ({"type": "boolean"}, {"type": "boolean"}, {"type": "boolean"}),
        ({"type": "number"}, {"type": "number"}, {"type": "number"}),
        ({"type": "object"}, {"type": "text"}, {"type": "any"}),
        (
            {"type": "array", "items": {"type": "integer"}},
            {"type": "integer", "list": True},
            {"type": "array", "spec": {"type": "integer", "label": "Item"}},
        ),
        (
            {"type": "array", "items": {"enum": ["a", "b"]}},
            {"type": "string", "list": True, "choices": ["a", "b"]},
            {
                "type": "select",
                "multiple": True,
                "options": [{"label": "a", "value": "a"}, {"label": "b", "value": "b"}],
            },
        ),
        (
            {"enum": ["a"], "type": "string"},
            {"type": "string", "choices": [{"value": "a", "sample": "a", "label": "a"}]},
            {"type": "select", "options": [{"label": "a", "value": "a"}]},
        ),
        ({"type": ["string", "array"]}, {"type": "string"}, {"type": "any"}),
    ],
)
def test_kinds_become_those_of_the_platforms(
    schema: JsonObject, zapier: JsonObject, make: JsonObject
) -> None:
    action = form_of(field=schema)
    common = ("key", "name", "label", "required", "help", "helpText")

    shown = [
        {name: value for name, value in told.items() if name not in common}
        for told in (zapier_field(action), make_parameter(action))
    ]
    assert shown == [zapier, make]


def test_samples_lose_their_templates() -> None:
    assert plain_value({"a": ["{{x}}", 1], "{{b}}": 2}) == {"a": ["{ {x} }", 1]}


def test_a_whole_sample_holds_every_output() -> None:
    outputs = (
        OutputField(name="text", label="Text"),
        OutputField(
            name="rows",
            label="Rows",
            kind="object",
            is_list=True,
            members=(
                OutputField(name="id", label="Id"),
                OutputField(name="n", label="N", kind="integer"),
                OutputField(name="ok", label="Ok", kind="boolean"),
                OutputField(name="raw", label="Raw", kind="json"),
            ),
        ),
        OutputField(name="tags", label="Tags", is_list=True),
    )
    action = form_of()

    assert whole_sample(replace(action, outputs=outputs, sample_output={"text": "Hi.", "rows": None})) == {
        "text": "Hi.",
        "rows": [{"id": "Id", "n": 1, "ok": False, "raw": None}],
        "tags": ["Tags"],
    }
    assert whole_sample(replace(action, outputs=outputs[:2], sample_output={"rows": [{"id": "7"}]})) == {
        "rows": [{"id": "7", "n": 1, "ok": False, "raw": None}],
        "text": "Text",
    }
