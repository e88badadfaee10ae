"""JSON Schema 2020-12 written as Swagger 2.0: always valid, never stricter, and it ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from hookline.exports.targets.power_platform.swagger_schema import LOSSES, SwaggerSchemas
from swagger_checks import schema_problems, value_problems

NAMES = st.sampled_from(["a", "b", "c", "größe", "$ref", "", "with space"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -1.5]),
    st.sampled_from(["", "a", "ab"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
REFERENCES = st.sampled_from(
    ["#", "#/$defs/One", "#/$defs/Two", "#/$defs/Tw%6f", "#/$defs/No", "#/properties/a"]
)
COUNTS = st.integers(0, 3)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    members = st.dictionaries(NAMES, inner, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "minimum": st.integers(-2, 2),
        "maximum": st.integers(-2, 2),
        "exclusiveMinimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": COUNTS,
        "maxLength": COUNTS,
        "pattern": st.sampled_from(["^a", "b$"]),
        "format": st.sampled_from(["date", "uri", "regex", "int32"]),
        "items": inner,
        "prefixItems": several,
        "minItems": COUNTS,
        "maxItems": COUNTS,
        "uniqueItems": st.booleans(),
        "contains": inner,
        "properties": members,
        "required": st.lists(NAMES, max_size=2, unique=True),
        "additionalProperties": inner,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "."]), inner, max_size=1),
        "propertyNames": inner,
        "minProperties": COUNTS,
        "maxProperties": COUNTS,
        "dependentRequired": st.just({"a": ["b"]}),
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": REFERENCES,
        "title": st.sampled_from(["One", "Two"]),
        "description": st.just("Some text."),
        "default": VALUES,
        "examples": st.lists(VALUES, max_size=1),
        "contentEncoding": st.just("base64"),
        "readOnly": st.booleans(),
    }
    pairs = [st.tuples(st.just(name), value) for name, value in keywords.items()]
    return st.lists(st.one_of(pairs), min_size=1, max_size=4).map(dict)


SCHEMAS = st.recursive(st.booleans() | _schemas(st.booleans()), _schemas, max_leaves=8)
ROOTS = st.builds(
    lambda root, one, two: {**(root if isinstance(root, dict) else {}), "$defs": {"One": one, "Two": two}},
    SCHEMAS,
    SCHEMAS,
    SCHEMAS,
)
THOROUGH = settings(
    max_examples=150,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # explaining takes minutes
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


NARROWER = {
    "alternatives",
    "anything",
    "more_than_text",
    "nullable",
    "object_choices",
    "untyped",
    "written_out",
    "deep",
}
"""What a form loses of what its schema takes."""


def fits(schema: dict[str, Any], value: object) -> bool:
    """Tell whether a value surely fits; it does not where the schema itself leads nowhere or in circles."""
    try:
        return bool(Draft202012Validator(schema).is_valid(value))
    except (Unresolvable, RecursionError):
        return False


@THOROUGH
@given(schema=ROOTS, is_form=st.booleans())
def test_every_schema_becomes_valid_swagger(schema: dict[str, Any], is_form: bool) -> None:
    whole, definitions = SwaggerSchemas(root=schema, name="It", is_form=is_form).write()
    assert schema_problems(whole, definitions) == []


@THOROUGH
@given(schema=ROOTS, values=st.lists(VALUES, min_size=1, max_size=12))
def test_what_fitted_still_fits(schema: dict[str, Any], values: list[object]) -> None:
    whole, definitions = SwaggerSchemas(root=schema, name="It").write()
    for value in values:
        if fits(schema, value):
            assert value_problems(value, whole, definitions) == []


@THOROUGH
@given(schema=ROOTS, values=st.lists(VALUES, min_size=1, max_size=12))
def test_what_no_longer_fits_a_form_is_noted_as_lost(schema: dict[str, Any], values: list[object]) -> None:
    noted: set[str] = set()
    writer = SwaggerSchemas(root=schema, name="It", is_form=True, note=lambda place, code: noted.add(code))
    whole, definitions = writer.write()

    assert noted <= LOSSES.keys()
    for value in values:
        if fits(schema, value) and value_problems(value, whole, definitions):
            assert noted & NARROWER


def write(schema: Any, *, is_form: bool = False) -> tuple[Any, Any, list[tuple[str, str]]]:
    noted: list[tuple[str, str]] = []
    writer = SwaggerSchemas(
        root=schema, name="It", is_form=is_form, note=lambda place, code: noted.append((place, code))
    )
    whole, definitions = writer.write()
    assert schema_problems(whole, definitions) == []
    return whole, definitions, noted


@pytest.mark.parametrize(
    ("schema", "written", "form", "lost"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "x-nullable": True}, None, {"nullable"}),
        ({"const": 7}, {"type": "integer", "enum": [7]}, None, set()),
        ({"enum": ["a", None]}, {"type": "string", "enum": ["a"], "x-nullable": True}, None, {"nullable"}),
        (
            {"type": "number", "exclusiveMinimum": 0, "minimum": -1, "exclusiveMaximum": 5, "maximum": 4},
            {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 4},
            None,
            set(),
        ),
        (
            {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "number", "minimum": 1}]},
            {"type": "number", "minimum": 1},
            None,
            set(),
        ),
        (
            {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "array", "items": {"type": "string"}}]},
            {},
            {"type": "string", "maxLength": 3},
            {"more_than_text"},
        ),
        ({"type": ["integer", "boolean"]}, {}, {"type": "string"}, {"written_out"}),
        (True, {}, {"type": "string"}, {"anything"}),
        (
            {"type": "string", "contentEncoding": "base64"},
            {"type": "string", "format": "byte"},
            None,
            set(),
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}], "items": False},
            {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            None,
            {"tuple"},
        ),
        ({"allOf": [{"type": "string"}, {"minLength": 2}]}, {"type": "string", "minLength": 2}, None, set()),
        (
            {
                "type": "object",
                "patternProperties": {"^x": {"type": "string"}},
                "additionalProperties": False,
            },
            {"type": "object"},
            None,
            {"pattern_members"},
        ),
    ],
    ids=str,
)
def test_what_swagger_cannot_say_is_said_as_near_as_can_be(
    schema: Any, written: Any, form: Any, lost: set[str]
) -> None:
    assert write(schema)[:2] == (written, {})
    whole, _, noted = write(schema, is_form=True)
    assert whole == (written if form is None else form)
    assert {code for _, code in noted} == lost


def test_objects_of_several_kinds_become_one_with_the_members_of_all() -> None:
    schema = {
        "oneOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
                "required": ["kind", "radius"],
            },
            {
                "type": "object",
                "properties": {"kind": {"const": "box"}, "side": {"type": "number"}},
                "required": ["kind", "side"],
            },
        ]
    }
    kind = {"type": "string", "enum": ["circle", "box"]}

    whole, definitions, noted = write(schema, is_form=True)

    assert definitions == {}
    assert noted == [("", "alternatives")]
    assert whole == {
        "type": "object",
        "properties": {"kind": kind, "radius": {"type": "number"}, "side": {"type": "number"}},
        "required": ["kind"],
    }
    # for those who read, a box may have a radius of any kind
    assert write(schema)[0]["properties"] == {"kind": kind, "radius": {}, "side": {}}


def test_choices_of_objects_become_choices_of_their_members() -> None:
    whole, _, noted = write({"enum": [{"x": 0, "y": 0}, {"x": 1}]}, is_form=True)

    assert whole == {
        "type": "object",
        "properties": {"x": {"type": "integer", "enum": [0, 1]}, "y": {"type": "integer", "enum": [0]}},
        "required": ["x"],
        "additionalProperties": False,
    }
    assert noted == [("", "object_choices")]


def test_what_holds_itself_becomes_a_definition() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
    }

    whole, definitions, _ = write({"$ref": "#/$defs/Node", "$defs": {"Node": node}})

    assert whole["properties"]["next"] == {"$ref": "#/definitions/ItNext"}
    assert definitions == {
        "ItNext": {
            "type": "object",
            "properties": {"next": {"$ref": "#/definitions/ItNext"}},
            "x-nullable": True,
        }
    }


def test_what_is_used_everywhere_does_not_make_a_schema_explode() -> None:
    levels: dict[str, Any] = {
        f"L{n}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/L{n + 1}"} for side in ("left", "middle", "right")},
        }
        for n in range(16)
    }
    levels["L16"] = {"type": "string"}

    whole, definitions, _ = write({"$ref": "#/$defs/L0", "$defs": levels})

    assert len(definitions) <= 16
    assert len(str([whole, definitions])) < 30_000


def test_unions_that_hold_each_other_end() -> None:
    parts = {
        name: {
            "type": "object",
            "properties": {
                "next": {"anyOf": [{"$ref": f"#/$defs/{other}"} for other in "ABCD" if other != name]},
                "both": {"allOf": [{"$ref": f"#/$defs/{name}"}, {"anyOf": [{"$ref": "#/$defs/A"}]}]},
            },
        }
        for name in "ABCD"
    }

    for is_form in (False, True):
        whole, definitions, _ = write({"$ref": "#/$defs/A", "$defs": parts}, is_form=is_form)
        assert len(str([whole, definitions])) < 200_000


def test_a_schema_that_is_nested_without_end_is_cut() -> None:
    schema: Any = {"type": "string"}
    for _ in range(100):
        schema = {"type": "array", "items": schema}

    whole, definitions, noted = write(schema)

    assert ("[]" * 21, "deep") in noted
    assert len(str([whole, definitions])) < 10_000
