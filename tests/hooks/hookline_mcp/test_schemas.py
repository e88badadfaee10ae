"""Schemas that clients and models take, and that never refuse what the action takes."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hookline_mcp.schemas import shape_input, shape_output

TEXT: dict[str, Any] = {"type": "string"}
CARD = {"properties": {"kind": {"const": "card"}, "number": TEXT}, "required": ["kind", "number"]}
BANK = {"properties": {"kind": {"const": "bank"}, "iban": TEXT}, "required": ["kind", "iban"]}


def takes(schema: Any, value: object) -> bool:
    return bool(Draft202012Validator(schema).is_valid(value))


@pytest.mark.parametrize(
    ("keyword", "fields", "required"),
    [
        ("oneOf", {"kind": {"enum": ["a", "b"]}, "a": {}}, ["kind"]),
        ("anyOf", {"kind": {"enum": ["a", "b"]}, "a": {}}, ["kind"]),
        ("allOf", {"kind": {"const": "a"}, "a": {}, "b": {"not": {}}}, ["a", "b", "kind"]),
    ],
)
def test_rules_at_the_top_become_fields(keyword: str, fields: Any, required: list[str]) -> None:
    branches = [
        {"properties": {"kind": {"const": "a"}, "a": True}, "required": ["kind", "a"]},
        {"$ref": "#/$defs/B"},
    ]
    definition = {"properties": {"kind": {"const": "b"}, "b": False}, "required": ["kind", "b"]}
    shaped = shape_input({keyword: branches, "$defs": {"B": definition}})
    assert shaped.schema["properties"] == fields
    assert sorted(shaped.schema["required"]) == required  # type: ignore[call-overload]
    assert set(shaped.schema) == {"type", "properties", "required"}
    assert [loss.place for loss in shaped.losses] == [""]


@pytest.mark.parametrize(
    ("branches", "merged"),
    [
        ([{"const": 1}, {"const": True}, {"enum": [1, 2]}], {"enum": [1, True, 2]}),
        (
            [
                {"type": "string", "const": "a", "title": "Kind"},
                {"type": "string", "const": "b", "title": "Kind"},
            ],
            {"title": "Kind", "type": "string", "enum": ["a", "b"]},
        ),
        ([{"const": "a", "default": "a"}, {"const": "b", "default": "b"}], {"enum": ["a", "b"]}),
        ([{"const": "a"}, TEXT], {"anyOf": [{"const": "a"}, TEXT]}),
        ([TEXT, {"type": "integer"}], {"anyOf": [TEXT, {"type": "integer"}]}),
        ([TEXT, TEXT], TEXT),
        ([TEXT, False], TEXT),
        ([TEXT, True], {}),
        ([{"const": "a"}, None], {}),
        ([TEXT, None], TEXT),
        ([{"const": "a"}, {"description": "Any."}], {}),
    ],
)
def test_a_field_of_several_alternatives_takes_what_any_of_them_takes(branches: Any, merged: Any) -> None:
    rules = [{} if one is None else {"properties": {"a": one}} for one in branches]
    shaped = shape_input({"oneOf": rules})
    assert shaped.schema == {"type": "object", "properties": {"a": merged}}


@pytest.mark.parametrize(
    ("schema", "inputs"),
    [
        ({"oneOf": [CARD, BANK]}, [{"kind": "card", "number": "1"}, {"kind": "bank", "iban": "x"}]),
        ({"anyOf": [CARD, BANK, True]}, [{"kind": "cash"}, {}]),
        ({"anyOf": [CARD, BANK], "unevaluatedProperties": False}, [{"kind": "bank", "iban": "x"}]),
        (
            {
                "oneOf": [{"allOf": [{"$ref": "#/$defs/Base"}, CARD]}, BANK],
                "$defs": {"Base": {"properties": {"id": {"type": "integer"}}, "required": ["id"]}},
            },
            [{"kind": "card", "number": "1", "id": 7}],
        ),
        (
            {"properties": {"old": {**TEXT, "deprecated": True}}, "additionalProperties": False},
            [{"old": "x"}, {}],
        ),
        (
            {"properties": {"old": {"deprecated": True}}, "unevaluatedProperties": {"type": "integer"}},
            [{"old": "x"}],
        ),
        ({"$ref": "#/$defs/A", "properties": {"b": TEXT}, "$defs": {"A": {"minProperties": 1}}}, [{"c": 1}]),
        ({"$ref": "https://schemas.example/a"}, []),
    ],
)
def test_a_tool_takes_what_its_action_takes(schema: Any, inputs: list[object]) -> None:
    shaped = shape_input(schema)
    for one in inputs:
        assert takes(schema, one)
        assert takes(shaped.schema, one)
    assert shaped.losses


def test_references_that_go_in_circles_come_to_an_end() -> None:
    circle = {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}], "properties": {"a": TEXT}}
    definitions = {"A": circle, "B": {**circle, "properties": {"b": TEXT}}, "C": {"$ref": "#/$defs/C"}}
    shaped = shape_input({"oneOf": [{"$ref": "#/$defs/A"}], "$defs": definitions})
    assert shaped.schema == {"type": "object", "properties": {"a": TEXT, "b": TEXT}}
    assert shape_input({"$ref": "#/$defs/C", "$defs": definitions}).schema["properties"] == {}


def test_a_field_on_its_way_out_leaves_the_rest_open_and_says_so() -> None:
    fields = {"a": TEXT, "old": {**TEXT, "deprecated": True}}
    shaped = shape_input({"properties": fields, "additionalProperties": False})
    assert shaped.schema == {"type": "object", "properties": {"a": TEXT}}
    assert [(loss.place, loss.lost) for loss in shaped.losses] == [
        ("old", "A field on its way out."),
        ("", "`additionalProperties` for the input as a whole."),
    ]


def test_a_field_of_which_one_must_be_there_is_offered_even_on_its_way_out() -> None:
    fields = {"a": TEXT, "old": {**TEXT, "deprecated": True}}
    shaped = shape_input({"properties": fields, "anyOf": [{"required": ["a"]}, {"required": ["old"]}]})
    assert (shaped.schema, shaped.one_of) == ({"type": "object", "properties": fields}, (("a", "old"),))


@pytest.mark.parametrize("keyword", ["propertyNames", "patternProperties", "maxProperties", "minProperties"])
def test_rules_about_all_fields_do_not_refuse_the_raw_field(keyword: str) -> None:
    rules: dict[str, Any] = {
        "propertyNames": {"maxLength": 5},
        "patternProperties": {"": TEXT},
        "maxProperties": 2,
        "minProperties": 2,
    }
    schema = {"properties": {"größe": TEXT, "maße": TEXT}, "additionalProperties": False}
    shaped = shape_input({**schema, keyword: rules[keyword]})
    assert set(shaped.schema) == {"type", "properties"}
    assert takes(shaped.schema, {"raw_json": {"größe": "1", "maße": "2"}})


def test_an_odd_name_beside_a_raw_field_of_the_action_is_told_to_be_lost() -> None:
    shaped = shape_input({"properties": {"größe": TEXT, "raw_json": TEXT}})
    assert shaped.schema == {"type": "object", "properties": {"raw_json": TEXT}}
    assert [loss.instead for loss in shaped.losses] == [
        "The action has a field of that name, so it cannot be given."
    ]


def test_what_models_need_not_read_is_left_out() -> None:
    schema = {
        "title": "Input",
        "description": "Said already.",
        "x-form": True,
        "type": "object",
        "properties": {
            "place": {"title": "Place", "x-options": "a.b", "x-mcp-header": "Place", "$ref": "#/$defs/Place"},
            "old": {"type": "string", "deprecated": True},
            "needed": {"type": "string", "deprecated": True},
            "data": {"const": {"x-kept": 1, "title": "kept"}},
            "x-name": {"type": "string"},
            "title": {"type": "string"},
        },
        "required": ["needed"],
        "$defs": {
            "Place": {"title": "Place", "type": "object", "properties": {"title": {"title": "T"}}},
            "Unused": {"$ref": "#/$defs/Place"},
        },
    }
    assert shape_input(schema, hidden=["stream"]).schema == {
        "type": "object",
        "properties": {
            "place": {"title": "Place", "$ref": "#/$defs/Place"},
            "needed": {"type": "string", "deprecated": True},
            "data": {"const": {"x-kept": 1, "title": "kept"}},
            "x-name": {"type": "string"},
            "title": {"type": "string"},
        },
        "required": ["needed"],
        "$defs": {"Place": {"type": "object", "properties": {"title": {}}}},
    }


def test_fields_that_models_cannot_name_go_into_the_raw_field() -> None:
    fields = {"größe": {"type": "number"}, "plain": {"type": "string"}}
    shaped = shape_input({"type": "object", "properties": fields, "required": ["größe"]})
    assert shaped.schema == {
        "type": "object",
        "properties": {
            "plain": {"type": "string"},
            "raw_json": {
                "type": "object",
                "description": "Fields whose names cannot stand beside the others: `größe` (needed).",
                "additionalProperties": True,
            },
        },
        "required": ["raw_json"],
    }


def test_what_references_lead_to_is_copied_before_anything_is_left_out() -> None:
    schema: Any = {
        "properties": {
            "a": {**TEXT, "deprecated": True},
            "b": {"$ref": "#/properties/a"},
            "c": {"$ref": "#/$defs/A/properties/x"},
            "d": {"items": {"$ref": "#"}},
            "e": {"$ref": "#place"},
            "f": {"$ref": "#/anyOf/0/properties/g"},
            "größe": {"$ref": "#/x-more/y"},
            "stream": {"type": "boolean"},
        },
        "anyOf": [{"required": ["b"], "properties": {"g": {"$ref": "#/properties/c"}}}],
        "$defs": {"A": {"properties": {"x": {"$anchor": "place", "type": "integer"}}}, "place": True},
        "x-more": {"y": {"$ref": "#/properties/b"}},
    }
    shaped = shape_input(schema, hidden=["stream"]).schema
    properties: Any = shaped["properties"]
    definitions: Any = shaped["$defs"]
    assert list(properties) == ["b", "c", "d", "e", "f", "g", "raw_json"]
    assert "anyOf" not in shaped
    assert properties["b"] == {"$ref": "#/$defs/properties_a"}
    assert properties["e"] == {"$ref": "#/$defs/place_2"}
    assert definitions["defs_A_properties_x"] == {"type": "integer"}
    assert definitions["place_2"] == {"type": "integer"}
    assert definitions["whole"]["anyOf"] == [
        {"required": ["b"], "properties": {"g": {"$ref": "#/$defs/properties_c"}}}
    ]
    for good, bad in (({"b": "x"}, {"b": 1}), ({"b": "x", "c": 1}, {"b": "x", "c": "x"})):
        assert takes(shaped, good)
        assert not takes(shaped, bad)
    nested = {"b": "x", "d": [{"b": "y", "stream": True}]}
    assert takes(shaped, nested)
    assert takes(schema, nested)
    assert not takes(shaped, {"b": "x", "d": [{"c": 1}]})


def test_what_leads_out_of_the_schema_takes_anything_and_is_told() -> None:
    far = {"$ref": "https://schemas.example/far"}
    shaped = shape_input(
        {
            "properties": {"a": {"title": "A", "not": {"$ref": "#/$defs/Far"}}, "b": TEXT, "stream": True},
            "patternProperties": {"^z": far},
            "additionalProperties": False,
            "anyOf": [far],
            "$defs": {"Far": {"items": far}},
        },
        hidden=["stream"],
    )
    assert shaped.schema == {"type": "object", "properties": {"a": {"title": "A"}, "b": TEXT}}
    assert [loss.place for loss in shaped.losses] == ["", "a", ""]


@pytest.mark.parametrize(
    ("schema", "output"),
    [
        (
            {
                "$ref": "#/$defs/A",
                "allOf": [{"properties": {"y": TEXT}}],
                "unevaluatedProperties": False,
                "$defs": {"A": {"allOf": [{"properties": {"x": TEXT}}]}},
            },
            {"x": "1"},
        ),
        (
            {
                "$ref": "#/$defs/A",
                "patternProperties": {"^y": TEXT},
                "$defs": {"A": {"patternProperties": {"^x": TEXT}, "additionalProperties": True}},
            },
            {"x1": "1", "y1": "1", "z": 1},
        ),
        (
            {"$ref": "#/$defs/A", "if": {"required": ["b"]}, "$defs": {"A": {"then": {"required": ["c"]}}}},
            {"b": 1},
        ),
        (
            {
                "$ref": "#/$defs/A",
                "unevaluatedProperties": False,
                "$defs": {"A": {"patternProperties": {"x": True}}},
            },
            {"x": 1},
        ),
    ],
)
def test_what_stands_beside_a_reference_makes_no_output_schema_stricter(schema: Any, output: Any) -> None:
    shaped: Any = shape_output(schema)
    assert takes(schema, output)
    assert takes(shaped, output)
    assert "$ref" not in shaped


def test_an_output_schema_that_leads_outside_says_only_that_it_is_an_object() -> None:
    schema: Any = {"properties": {"a": {"$ref": "https://schemas.example/far"}}, "required": ["a"]}
    assert shape_output(schema) == {"type": "object"}


@pytest.mark.parametrize("kind", ["array", "string", ["array", "null"]])
def test_an_output_that_says_it_is_no_object_has_no_schema(kind: object) -> None:
    assert shape_output({"type": kind}) is None


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {"type": "object"}),
        ({"type": ["object", "null"], "oneOf": [{}]}, {"type": "object", "oneOf": [{}]}),
        ({"properties": {"a": True}}, {"type": "object", "properties": {"a": {}}}),
        (
            {"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"next": {"$ref": "#/$defs/A"}}}}},
            {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"properties": {"next": {"$ref": "#/$defs/A"}}}},
            },
        ),
    ],
)
def test_an_output_is_said_to_be_the_object_that_it_is(schema: Any, expected: Any) -> None:
    assert shape_output(schema) == expected
