"""What forms send, turned into what a schema asks for."""

from __future__ import annotations

import copy
import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.engine.coercion import Coercion, JsonObject, coerce
from hookline.engine.json_text import parse_object
from hookline.engine.validation import SchemaValidator
from hookline.errors import InvalidInputError

MISSING = object()


def coerced(value: object, schema: JsonObject, *, required: bool = False) -> object:
    """Return what becomes of field ``x``, or MISSING if it is left out."""
    root: JsonObject = {"type": "object", "properties": {"x": schema}, "required": ["x"] if required else []}
    fields: JsonObject = {"x": copy.deepcopy(value)}
    coerce(fields, root)
    return fields.get("x", MISSING)


INTEGER: JsonObject = {"type": "integer"}
NUMBER: JsonObject = {"type": "number"}
BOOLEAN: JsonObject = {"type": "boolean"}
STRING: JsonObject = {"type": "string"}
NULLABLE: JsonObject = {"anyOf": [{"type": "string"}, {"type": "null"}]}
NUMBERS: JsonObject = {"type": "array", "items": {"type": "number"}}
WORDS: JsonObject = {"type": "array", "items": {"type": "string"}}
POINT: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}, "on": {"type": "boolean"}}}
CHOICE: JsonObject = {"type": "string", "enum": ["a", "b"]}
STOP: JsonObject = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
OPTIONAL_NUMBER: JsonObject = {"anyOf": [{"type": "number"}, {"type": "null"}]}

CONVERTED: list[tuple[object, JsonObject, object]] = [
    ("3", INTEGER, 3),
    (" 3 ", INTEGER, 3),
    ("-3", INTEGER, -3),
    ("+3", INTEGER, 3),
    ("3.0", INTEGER, 3),
    (3.0, INTEGER, 3),
    (-2.0, {"type": ["integer", "null"]}, -2),
    ([1.0, 2.0], {"type": "array", "items": {"type": "integer"}}, [1, 2]),
    ({"n": 1.0}, POINT, {"n": 1}),
    ("0.7", NUMBER, 0.7),
    (".5", NUMBER, 0.5),
    ("5.", NUMBER, 5.0),
    ("1e3", NUMBER, 1000.0),
    ("-2.5E-2", NUMBER, -0.025),
    ("7", {"type": ["integer", "null"]}, 7),
    ("0.7", OPTIONAL_NUMBER, 0.7),
    ("true", BOOLEAN, True),
    ("TRUE", BOOLEAN, True),
    ("on", BOOLEAN, True),
    ("yes", BOOLEAN, True),
    ("1", BOOLEAN, True),
    ("false", BOOLEAN, False),
    ("off", BOOLEAN, False),
    ("no", BOOLEAN, False),
    ("0", BOOLEAN, False),
    ("1, 2.5 ,3", NUMBERS, [1.0, 2.5, 3.0]),
    ("[1, 2.5]", NUMBERS, [1, 2.5]),
    ('["1", 2]', NUMBERS, [1.0, 2]),
    ("a,b", WORDS, ["a", "b"]),
    ("a", WORDS, ["a"]),
    ('["a,b"]', WORDS, ["a,b"]),
    (["1", "2"], NUMBERS, [1.0, 2.0]),
    ('{"n": "1"}', POINT, {"n": 1}),
    ({"n": "1", "on": "off"}, POINT, {"n": 1, "on": False}),
    ({"n": ""}, POINT, {}),
    ([{"n": "1"}], {"type": "array", "items": POINT}, [{"n": 1}]),
    ('[{"n": "1"}]', {"type": "array", "items": POINT}, [{"n": 1}]),
    ({"n": "1"}, {"anyOf": [POINT, {"type": "null"}]}, {"n": 1}),
]


@pytest.mark.parametrize(("value", "schema", "expected"), CONVERTED)
def test_text_becomes_what_the_schema_asks_for(value: object, schema: JsonObject, expected: object) -> None:
    result = coerced(value, schema)

    assert (result, type(result)) == (expected, type(expected))


KEPT: list[tuple[object, JsonObject]] = [
    ("3", STRING),
    ("true", STRING),
    ("[1]", STRING),
    ("", STRING),
    ("3", {}),
    ("", {}),
    (None, {}),
    ("3", NULLABLE),
    ("", NULLABLE),
    (None, NULLABLE),
    ("null", NULLABLE),
    ("a,b", STOP),
    ('["a"]', STOP),
    ("[1", NUMBERS),
    ("{", POINT),
    ("a", CHOICE),
    ("", {"enum": ["", "a"]}),
    ("", {"anyOf": [{"type": "string"}, {"enum": ["a"]}]}),
    ("3.5", INTEGER),
    ("1e3", INTEGER),
    ("three", INTEGER),
    ("٣", INTEGER),
    ("1_000", INTEGER),
    ("0x10", INTEGER),
    ("1" * 30, INTEGER),
    ("nan", NUMBER),
    ("Infinity", NUMBER),
    ("1e999", NUMBER),
    ("1,5", NUMBER),
    ("2", BOOLEAN),
    ("y", BOOLEAN),
    (3, STRING),
    (1, BOOLEAN),
    (3.5, INTEGER),
    (1e300, INTEGER),
    (3.0, NUMBER),
    (3.0, {"type": ["integer", "number"]}),
    (3.0, {}),
    ("x", {"$ref": "#/$defs/unknown"}),
    ("3", {"$ref": "https://elsewhere.example/schema"}),
]


@pytest.mark.parametrize(("value", "schema"), KEPT)
def test_what_is_right_or_cannot_be_read_stays_as_it_is(value: object, schema: JsonObject) -> None:
    result = coerced(value, schema)

    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize("value", ["", None])
@pytest.mark.parametrize("schema", [INTEGER, NUMBER, BOOLEAN, NUMBERS, POINT, CHOICE, {"const": "a"}])
def test_an_empty_optional_field_means_not_set_and_a_required_one_is_reported(
    value: object, schema: JsonObject
) -> None:
    assert coerced(value, schema) is MISSING
    assert coerced(value, schema, required=True) is value


def test_an_empty_field_that_may_be_null_is_left_out_and_a_null_stays() -> None:
    assert coerced("", OPTIONAL_NUMBER) is MISSING
    assert coerced(None, OPTIONAL_NUMBER) is None


def test_local_references_are_followed_and_circles_are_left_alone() -> None:
    root: JsonObject = {
        "$defs": {
            "count": {"$ref": "#/$defs/inner~1count"},
            "inner/count": {"type": "integer"},
            "loop": {"$ref": "#/$defs/loop"},
            "tree": {
                "type": "object",
                "properties": {
                    "size": {"$ref": "#/$defs/count"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                },
            },
        },
        "properties": {"tree": {"$ref": "#/$defs/tree"}, "loop": {"$ref": "#/$defs/loop"}},
    }
    fields: JsonObject = {"tree": {"size": "1", "children": [{"size": "2"}, '{"size": "3"}']}, "loop": "4"}

    coerce(fields, root)

    assert fields == {"tree": {"size": 1, "children": [{"size": 2}, {"size": 3}]}, "loop": "4"}


def test_the_branch_of_a_union_is_chosen_by_its_constant() -> None:
    def branch(kind: str, schema: JsonObject) -> JsonObject:
        return {"type": "object", "properties": {"type": {"const": kind}, "value": schema}}

    union: JsonObject = {"oneOf": [branch("number", NUMBER), branch("text", STRING), branch("flag", BOOLEAN)]}
    items: JsonObject = {"type": "array", "items": union}

    assert coerced(
        [{"type": kind, "value": "1"} for kind in ("number", "text", "flag", "unknown")], items
    ) == [
        {"type": "number", "value": 1.0},
        {"type": "text", "value": "1"},
        {"type": "flag", "value": True},
        {"type": "unknown", "value": "1"},
    ]


def test_fields_that_the_schema_does_not_know_are_not_touched() -> None:
    fields: JsonObject = {"x": "1", "y": "", "z": None}

    coerce(fields, {"properties": {"x": {"type": "integer"}}})

    assert fields == {"x": 1, "y": "", "z": None}


NESTED: JsonObject = {
    "$defs": {"nest": {"type": "array", "items": {"$ref": "#/$defs/nest"}}},
    "type": "object",
    "properties": {"x": {"$ref": "#/$defs/nest"}},
}


def nested_text(depth: int, inner: str = "") -> str:
    return "[" * depth + inner + "]" * depth


@pytest.mark.parametrize(
    "text",
    [
        nested_text(100),
        nested_text(1000),
        nested_text(100_000),
        nested_text(98, json.dumps(nested_text(98, json.dumps(nested_text(98))))),
    ],
)
def test_text_that_nests_deeper_than_a_body_may_is_not_read_but_reported(text: str) -> None:
    fields: JsonObject = {"x": text}

    coerce(fields, NESTED)

    with pytest.raises(InvalidInputError) as caught:
        SchemaValidator(NESTED, name="x").check(fields)
    assert caught.value.field is not None
    assert caught.value.field.startswith("x")


def test_text_that_nests_as_deep_as_a_body_may_is_read() -> None:
    fields: JsonObject = {"x": nested_text(99)}

    coerce(fields, NESTED)

    assert fields == parse_object(f'{{"x": {nested_text(99)}}}'.encode())


SCHEMAS: list[JsonObject] = [
    {"properties": {name: schema}}
    for name, schema in zip(
        "abcdefgh",
        [INTEGER, NUMBERS, POINT, STOP, OPTIONAL_NUMBER, {"type": "array", "items": POINT}, CHOICE, BOOLEAN],
        strict=True,
    )
]
EVERYTHING: JsonObject = {
    "properties": {
        name: schema
        for part in SCHEMAS
        for name, schema in cast("dict[str, JsonObject]", part["properties"]).items()
    },
    "required": ["a", "c"],
}
words = st.sampled_from(
    [
        "",
        "1",
        "0.5",
        "1e9",
        "true",
        "off",
        "a",
        "a,b",
        "1,,2",
        "[1]",
        "[",
        '["1", [2]]',
        '{"n": "1"}',
        '{"n":',
    ]
)
names = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", "n", "on", "other"])
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(names, values)


@given(fields=objects)
def test_converting_twice_is_converting_once(fields: JsonObject) -> None:
    coerce(fields, EVERYTHING)
    once = json.dumps(fields)

    coerce(fields, EVERYTHING)

    assert json.dumps(fields) == once


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
keywords = st.fixed_dictionaries(
    {},
    optional={
        name: anything
        for name in [
            "type",
            "properties",
            "additionalProperties",
            "items",
            "anyOf",
            "oneOf",
            "enum",
            "const",
            "minLength",
            "required",
            "$ref",
        ]
    },
)


@given(
    fields=st.dictionaries(names, anything),
    schema=st.one_of(keywords, st.dictionaries(names, keywords).map(lambda some: {"properties": some})),
)
def test_no_input_and_no_schema_makes_it_fail(fields: JsonObject, schema: JsonObject) -> None:
    before = set(fields)

    coerce(fields, schema)

    assert set(fields) <= before


members = st.one_of(
    keywords,
    st.sampled_from(
        [
            *[INTEGER, NUMBER, NUMBERS, WORDS, POINT, STOP, OPTIONAL_NUMBER, NULLABLE, CHOICE, BOOLEAN],
            {"type": "array", "items": POINT},
            {"type": ["integer", "number", "null"]},
        ]
    ),
)
typed = st.one_of(anything, st.sampled_from([2.0, 2.5, [1.0, "1"], ["a", ""], {"n": "1"}, [{"n": 1.0}]]))


@given(
    bodies=st.lists(st.dictionaries(names, typed), max_size=3),
    properties=st.dictionaries(names, members),
    required=st.lists(names, max_size=2),
    others=st.one_of(st.booleans(), members),
)
def test_what_was_worked_out_for_a_schema_converts_as_without_it(
    bodies: list[JsonObject], properties: JsonObject, required: list[str], others: object
) -> None:
    schema: JsonObject = {"properties": properties, "required": required, "additionalProperties": others}
    coercion = Coercion(schema)

    for body in [*bodies, *bodies]:
        plain, fields = copy.deepcopy(body), copy.deepcopy(body)
        coerce(plain, schema)
        coercion.apply(fields)

        assert repr(fields) == repr(plain)


def test_only_names_of_the_schema_are_kept() -> None:
    coercion = Coercion({"properties": {"x": INTEGER, "y": INTEGER}, "additionalProperties": NUMBER})
    fields: JsonObject = {"x": "1", "z": "2", "other": None}

    coercion.apply(fields)

    assert fields == {"x": 1, "z": 2.0, "other": None}
    assert list(coercion) == ["x"]
