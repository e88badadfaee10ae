"""Answers fit the schemas they are asked to fit, judged by jsonschema."""

from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest

from hookline_sandbox.patterns import text_for
from hookline_sandbox.schema_answers import answer_for
from hookline_sandbox.schema_effort import Effort, TooMuchError
from hookline_sandbox.schema_judge import explain_invalid_schema

TREE: dict[str, Any] = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "children", "next"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
EXPRESSION: dict[str, Any] = {
    "$defs": {
        "e": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"l": {"$ref": "#/$defs/e"}, "r": {"$ref": "#/$defs/e"}},
                    "required": ["l", "r"],
                },
                {"type": "number"},
            ]
        }
    },
    "$ref": "#/$defs/e",
}

SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": "null"},
    {"type": ["integer", "null"]},
    {"enum": [None]},
    {"enum": ["x", 1], "type": "integer"},
    {"const": {"a": [1]}},
    {"type": "string", "minLength": 300},
    {"type": "string", "maxLength": 3},
    {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": r"^[A-Z]{3}-\d{4}$"},
    {"type": "string", "pattern": r"^(foo|bar)+[^a-z]?x$", "minLength": 20},
    {"type": "string", "pattern": r"^\+?[1-9]\d{1,14}$"},
    {"type": "string", "pattern": r"^(?:\w+\.)+com$", "maxLength": 30},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "multipleOf": 0.1, "minimum": 0.25},
    {"type": "integer", "multipleOf": 2.5, "minimum": 1},
    {"type": "integer", "multipleOf": 7, "minimum": 100, "maximum": 110},
    {"type": "integer", "exclusiveMaximum": -5},
    {"type": "number", "maximum": -2.5, "multipleOf": 0.5},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "maxLength": 2}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {"type": "array", "contains": {"const": 7}, "minContains": 2, "items": {"type": "integer"}},
    {"type": "array", "maxItems": 0},
    {
        "type": "array",
        "minItems": 2,
        "uniqueItems": True,
        "items": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
    },
    {"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}},
    {"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}}, "required": ["b"]},
    {"type": "object", "propertyNames": {"pattern": "^k[0-9]$"}, "minProperties": 2},
    {"patternProperties": {"^x_": {"type": "integer"}}, "required": ["x_1"], "additionalProperties": False},
    {
        "allOf": [
            {"properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 3}}},
            {"type": "object"},
        ]
    },
    {"oneOf": [{"type": "integer"}, {"type": "number"}]},
    {"oneOf": [{"multipleOf": 3}, {"multipleOf": 5}], "type": "integer", "minimum": 14},
    {"anyOf": [{"type": "string"}, {"type": "null"}], "oneOf": [{"maxLength": 50}, {"type": "object"}]},
    {"not": {"type": "string"}},
    {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "va": {"type": "integer"}, "vb": {"type": "string"}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"required": ["va"]},
        "else": {"required": ["vb"]},
    },
    {
        "properties": {"a/b": {"$ref": "#/$defs/x~1y"}},
        "$defs": {"x/y": {"type": "boolean"}},
        "required": ["a/b"],
    },
    {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    {"type": "array", "items": {"$ref": "#"}},
    {"$ref": "#/$defs/a", "minimum": 5, "$defs": {"a": {"type": "number", "minimum": 2, "maximum": 6}}},
    {"allOf": [{"enum": [1, "a", None]}, {"enum": ["a", None]}, {"type": ["string", "boolean"]}]},
    {"allOf": [{"type": "number"}, {"type": ["integer", "string"]}, {"exclusiveMinimum": 3}]},
    {"allOf": [{"const": 2}, {"enum": [1, 2]}]},
    {"allOf": [{"prefixItems": [{"type": "integer"}]}, {"prefixItems": [{"minimum": 9}, {"const": 1}]}]},
    {
        "allOf": [{"items": {"type": "string"}}, {"items": {"minLength": 40}}, {"minItems": 2}],
        "type": "array",
    },
    {"$defs": {"x": {"$anchor": "here", "type": "boolean"}}, "$ref": "#here"},
    {
        "type": "object",
        "properties": {"card": {"type": "string"}},
        "required": ["card"],
        "dependentSchemas": {"card": {"properties": {"code": {"type": "integer"}}, "required": ["code"]}},
    },
    TREE,
    EXPRESSION,
    *(
        {"type": "string", "format": name}
        for name in ("date", "date-time", "email", "uuid", "uri", "ipv4", "ipv6", "hostname", "duration")
    ),
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=repr)
def test_the_answer_satisfies_the_schema(schema: dict[str, Any]) -> None:
    checker = jsonschema.FormatChecker()
    answer = answer_for(schema, about="ping")
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(answer)
    assert answer == answer_for(schema, about="ping")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/elsewhere.json"},
        {"$ref": "#/nowhere"},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"$ref": "#"},
        {"type": "string", "pattern": "(?<x"},
        {"type": 5},
        {"required": ["a"], "properties": {"a": {"$ref": "#"}}, "type": "object"},
    ],
    ids=repr,
)
def test_a_schema_that_nothing_satisfies_still_gets_an_answer(schema: dict[str, Any]) -> None:
    answer_for(schema)


def test_a_schema_that_is_no_schema_is_explained() -> None:
    assert explain_invalid_schema({"type": "integer"}) is None
    problem = explain_invalid_schema({"properties": {"a": {"type": "number or so"}}})
    assert problem is not None
    assert "$.properties.a.type" in problem


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?<=x)y", "[", "a{2", "(", r"\p{L}"])
def test_a_pattern_beyond_the_simple_ones_ends_without_harm(pattern: str) -> None:
    text = text_for(pattern)
    assert text is None or isinstance(text, str)


NESTED_REFERENCES: dict[str, Any] = {
    "$ref": "#/$defs/x0",
    "$defs": {
        **{f"x{at}": {"allOf": [{"$ref": f"#/$defs/x{at + 1}"}] * 2} for at in range(40)},
        "x40": {"type": "object"},
    },
}
SLOW_TO_JUDGE: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {"a" * 40 + "!": {"type": "string"}},
        "patternProperties": {"^(a+)+$": {"type": "string"}},
    },
    {"type": "string", "pattern": "^(a+)+[b]$", "not": {"pattern": "^(a+)+$"}},
    {"type": "string", "pattern": "^(a|a)*$", "minLength": 5_000, "maxLength": 5_001},
    {"type": "string", "pattern": "((a{999}){999}){999}"},
    {"type": "string", "pattern": "[一]" * 600},
    {"type": "array", "minItems": 5_000, "uniqueItems": True, "items": {"type": "string", "maxLength": 2}},
    NESTED_REFERENCES,
]
BEYOND_MEASURE: list[dict[str, Any]] = [
    {"type": "string", "minLength": 400_000_000},
    {"type": "array", "items": {"type": "string", "minLength": 40_000}, "minItems": 1_000},
    {"type": "array", "items": {"const": "x" * 100_000}, "minItems": 10_000},
    {"type": "array", "items": {"enum": [["x" * 100_000]]}, "minItems": 10_000},
    {"type": "object", "minProperties": 10**9},
    {"type": "object", "minProperties": 10**9, "propertyNames": {"enum": ["a", "b"]}},
    {
        "type": "object",
        "minProperties": 10**9,
        "patternProperties": {"^a$": {"type": "string"}},
        "additionalProperties": False,
    },
    {"allOf": [*[{"anyOf": [{"title": "a"}, {"title": "b"}]}] * 30, False]},
    {"allOf": [{"enum": [f"a{at}" for at in range(9_000)]}, {"enum": [f"b{at}" for at in range(9_000)]}]},
    {"type": "array", "minItems": 10_000, "items": {"type": "integer", "minimum": 5, "maximum": 4}},
]


@pytest.mark.parametrize("schema", SLOW_TO_JUDGE, ids=range(len(SLOW_TO_JUDGE)))
def test_neither_expressions_nor_references_slow_an_answer_down(schema: dict[str, Any]) -> None:
    began = time.thread_time()
    answer_for(schema)
    assert time.thread_time() - began < 1.5


@pytest.mark.parametrize("schema", BEYOND_MEASURE, ids=range(len(BEYOND_MEASURE)))
def test_a_schema_that_asks_for_too_much_is_given_up_soon(schema: dict[str, Any]) -> None:
    began = time.thread_time()
    with pytest.raises(TooMuchError):
        answer_for(schema)
    assert time.thread_time() - began < 3


def test_answers_of_one_request_share_what_they_may_cost() -> None:
    effort = Effort(clock=lambda: 0.0)
    schema = {"type": "string", "minLength": 1_500_000}
    for _ in range(2):
        assert len(answer_for(schema, effort=effort)) == 1_500_000
    with pytest.raises(TooMuchError):
        answer_for(schema, effort=effort)


def test_what_neither_steps_nor_characters_foresee_ends_by_the_clock() -> None:
    seconds = iter(range(100))
    effort = Effort(clock=lambda: float(next(seconds)))
    with pytest.raises(TooMuchError):
        answer_for({"type": "object", "properties": {"a": {}, "b": {}}}, effort=effort)


def test_the_draft_that_a_schema_names_is_not_fetched() -> None:
    schema = {"$schema": "https://example.invalid/draft", "$id": "https://example.invalid/me", "const": 3}
    assert explain_invalid_schema(schema) is None
    assert answer_for(schema) == 3


def test_an_expression_that_is_none_is_explained() -> None:
    problem = explain_invalid_schema({"properties": {"a": {"pattern": "(?<x"}}})
    assert problem is not None
    assert "'(?<x'" in problem
    assert explain_invalid_schema({"properties": {"pattern": {"pattern": r"\p{L}"}}}) is None
