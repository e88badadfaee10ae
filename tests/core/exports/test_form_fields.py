"""Reading schemas as forms."""

from __future__ import annotations

from typing import Any

import pytest

from hookline.exports.blueprint import FormField, OptionsLink, OutputField
from hookline.exports.form_fields import read_form, read_one_of, read_outputs
from nasty_connector import make_connector


def field_of(schema: Any, *, root: dict[str, Any] | None = None, needed: bool = False) -> FormField:
    whole = {
        "type": "object",
        "properties": {"a": schema},
        "required": ["a"] if needed else [],
        **(root or {}),
    }
    (found,) = read_form(whole)
    return found


@pytest.mark.parametrize(
    ("schema", "kind", "takes_more"),
    [
        ({"type": "string"}, "text", False),
        ({"type": ["string", "null"]}, "text", False),
        ({"type": "integer"}, "integer", False),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number", False),
        ({"type": "boolean"}, "boolean", False),
        ({"enum": ["a", "b"]}, "choice", False),
        ({"anyOf": [{"const": "a"}, {"const": "b"}, {"type": "null"}]}, "choice", False),
        ({"enum": [{"x": 1}]}, "json", False),
        ({"const": 7}, "choice", False),
        ({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}, "text", False),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "text", True),
        ({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}, "text", True),
        ({"type": "array", "items": {"type": "string"}}, "list", False),
        ({"type": "array", "items": {"type": "object"}}, "json", False),
        ({"type": "array"}, "json", False),
        ({"type": "object"}, "json", False),
        ({"anyOf": [{"type": "object"}, {"type": "integer"}]}, "json", False),
        ({}, "text", True),
        (True, "text", True),
        ({"not": {}}, "text", True),
        ({"$ref": "#/$defs/City"}, "json", False),
        ({"$ref": "#/$defs/Around"}, "text", True),
        ({"$ref": "#"}, "json", False),
        ({"allOf": [{"type": "string"}, {"minLength": 2}]}, "text", False),
    ],
)
def test_a_field_takes_what_its_schema_takes(schema: Any, kind: str, takes_more: bool) -> None:
    definitions = {"City": {"type": "object"}, "Around": {"$ref": "#/$defs/Around"}}

    found = field_of(schema, root={"$defs": definitions})

    assert (found.kind, found.takes_more) == (kind, takes_more)


def test_a_field_has_what_a_form_shows() -> None:
    schema = {
        "type": ["string", "null"],
        "title": "Model",
        "description": "Which one.",
        "examples": ["gpt"],
        "default": "x",
        "minLength": 1,
        "maxLength": 9,
        "pattern": "^g",
        "x-options": "openai.models?kind=chat&a=b%20c",
        "x-advanced": True,
        "x-multiline": True,
        "x-placeholder": "…",
        "x-group": "basic",
    }

    assert field_of(schema, needed=True) == FormField(
        name="a",
        label="Model",
        help="Which one.",
        kind="text",
        item_kind="json",
        is_required=True,
        is_advanced=True,
        is_multiline=True,
        is_nullable=True,
        group="basic",
        default="x",
        example="gpt",
        placeholder="…",
        options=OptionsLink(source="openai.models", query=(("kind", "chat"), ("a", "b c"))),
        min_length=1,
        max_length=9,
        pattern="^g",
        schema=schema,
    )


def test_a_choice_keeps_values_that_python_takes_for_equal() -> None:
    assert field_of({"enum": [1, True, 1.0, "1", None, 1]}).choices == (
        (1, "1"),
        (True, "true"),
        (1.0, "1.0"),
        ("1", "1"),
    )


def test_a_list_knows_what_its_entries_are() -> None:
    assert field_of({"type": "array", "items": {"enum": ["a", "b"]}}).item_kind == "choice"
    assert field_of({"type": ["array", "null"], "items": {"type": "number"}}).item_kind == "number"


def test_a_list_that_holds_itself_is_read() -> None:
    assert field_of({"type": "array", "items": {"$ref": "#/properties/a"}}).kind == "json"
    assert field_of({"items": {"anyOf": [{"$ref": "#/properties/a"}, {"type": "string"}]}}).kind == "json"


def test_a_schema_that_is_its_own_alternative_is_read_at_once() -> None:
    itself = {"$ref": "#/properties/a"}

    assert field_of({"anyOf": [itself, itself, itself, {"type": "string"}]}).kind == "text"


def test_fields_stand_in_the_order_that_they_give_themselves() -> None:
    members = {"c": {}, "b": {"x-order": 2}, "a": {"x-order": 1}, "d": {}}

    assert [one.name for one in read_form({"properties": members})] == ["a", "b", "c", "d"]


def test_groups_of_which_one_is_needed_are_found() -> None:
    assert read_one_of({"anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}]}) == (("a",), ("b", "c"))
    assert read_one_of({"oneOf": [{"properties": {}}, {"required": ["b"]}]}) == ()
    assert read_one_of({}) == ()


def test_an_output_is_a_tree_of_what_can_be_mapped() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {
                "title": "Items",
                "type": "array",
                "items": {"type": "object", "properties": {"id": {"type": "string"}}},
            },
            "scores": {"type": "object", "additionalProperties": {"type": "number"}},
            "tags": {"type": ["array", "null"], "items": {"type": "string"}},
            "either": {"anyOf": [{"type": "string"}, {"type": "array"}]},
        },
    }

    assert read_outputs(schema) == (
        OutputField(
            name="items",
            label="Items",
            kind="object",
            is_list=True,
            is_always_there=True,
            members=(OutputField(name="id", label="Id"),),
        ),
        OutputField(name="scores", label="Scores", kind="json"),
        OutputField(name="tags", label="Tags", kind="text", is_list=True),
        OutputField(name="either", label="Either", kind="json"),
    )


@pytest.mark.parametrize("action", make_connector().actions.values(), ids=lambda action: action.id)
def test_no_schema_is_too_odd_to_be_read(action: Any) -> None:
    fields = read_form(action.input_schema)
    outputs = read_outputs(action.output_schema)

    assert len({one.name for one in fields}) == len(fields)
    assert all(one.label or not one.name for one in fields)
    assert all(one.label or not one.name for one in outputs)
