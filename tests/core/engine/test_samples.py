"""Samples of outputs: every field that there can be, and each of them valid."""

from __future__ import annotations

from typing import Any

import pytest

from forms_lab import FormsLab, caller
from hookline import Connector, Sample
from hookline.engine.catalog import CatalogEntry
from hookline.engine.samples import sample_input_of, sample_of
from hookline.gateway import Gateway
from hookline.settings import Settings
from small_service import BASE_URL


def installed() -> Gateway:
    return Gateway(Settings.model_validate({"sandbox": True}), environ={})


@pytest.mark.parametrize("action_id", [action.id for action in installed().catalog])
def test_the_sample_of_every_action_is_whole_and_valid(action_id: str) -> None:
    entry = installed().catalog.entry(action_id)

    sample = sample_of(entry)

    properties: Any = entry.action.output_schema["properties"]
    assert set(properties) <= set(sample)
    assert entry.output.problems(sample) == []
    for declared in entry.action.samples:
        assert entry.output.problems(declared.output) == []
        assert entry.input.problems(declared.input) == []


@pytest.mark.parametrize("action_id", [action.id for action in installed().catalog])
def test_an_action_without_samples_gets_one_from_its_schema(action_id: str) -> None:
    from dataclasses import replace

    entry = installed().catalog.entry(action_id)

    bare = CatalogEntry(replace(entry.action, samples=()))

    assert set(entry.action.output_schema["properties"]) == set(sample_of(bare))  # type: ignore[call-overload]
    assert bare.output.problems(sample_of(bare)) == []


def entry_of(schema: dict[str, Any], *samples: Sample) -> CatalogEntry:
    connector = Connector("acme", title="Acme", base_url=BASE_URL)
    action = connector.endpoint(
        "look", "GET", "/look", input={"type": "object"}, output=schema, samples=samples
    )
    return CatalogEntry(action)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "title": "Name"}, "Name"),
        ({"type": "string", "minLength": 6}, "text.."),
        ({"type": "string", "format": "email"}, "ada@example.com"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "examples": ["Ada"], "enum": ["Bob"]}, "Ada"),
        ({"enum": ["red", "green"]}, "red"),
        ({"const": 7}, 7),
        ({"type": "integer", "default": 3}, 3),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "number", "exclusiveMinimum": 0}, 1),
        ({"type": ["integer", "null"]}, 1),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"anyOf": [{"type": "null"}, {"type": "string", "title": "T"}]}, "T"),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "array"}, []),
        ({"properties": {"b": {"type": "boolean"}}}, {"b": False}),
        ({"$ref": "#/$defs/city"}, {"name": "Graz"}),
        ({"$ref": "#/nowhere"}, None),
        ({}, None),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, 0.5),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "minimum": 0, "maximum": 0}, 0),
        ({"type": "integer", "minimum": 2.5}, 3),
        ({"type": "integer", "maximum": -5}, -5),
        ({"type": "integer", "exclusiveMaximum": -5}, -6),
        ({"type": "integer", "multipleOf": 5}, 0),
        ({"type": "integer", "multipleOf": 5, "minimum": 7}, 10),
        ({"type": "integer", "multipleOf": 5, "exclusiveMaximum": -5}, -10),
        ({"type": "number", "multipleOf": 0.25, "minimum": 0.3, "maximum": 0.6}, 0.5),
        ({"type": "integer", "minimum": 10**400}, 1),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["text", "text"]),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 0}, []),
        ({"allOf": [{"type": "string", "minLength": 1}, {"const": "a"}]}, "a"),
        ({"allOf": [{"type": "string", "title": "T"}, {"enum": ["a", "b"]}]}, "a"),
        ({"allOf": [{"type": "integer"}, {"minimum": 5}]}, 5),
        ({"allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"title": "T"}]}, 1),
        ({"allOf": [{"$ref": "#/$defs/city"}, {"required": ["name"]}]}, {"name": "Graz"}),
    ],
)
def test_a_value_is_made_of_its_schema(schema: dict[str, Any], value: object) -> None:
    city = {"type": "object", "properties": {"name": {"type": "string", "examples": ["Graz"]}}}
    entry = entry_of({"type": "object", "properties": {"a": schema}, "$defs": {"city": city}})

    assert sample_of(entry)["a"] == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "title": "A long title", "maxLength": 4},
        {"type": "integer", "minimum": -20, "maximum": -10, "multipleOf": 7},
        {"type": "number", "exclusiveMinimum": -0.5, "exclusiveMaximum": 0.5},
        {"type": "array", "items": {"type": "integer", "minimum": 3}, "minItems": 3, "maxItems": 3},
        {"allOf": [{"type": "integer"}, {"minimum": 3}, {"maximum": 3}]},
    ],
)
def test_a_value_keeps_to_bounds(schema: dict[str, Any]) -> None:
    whole = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    entry = entry_of(whole)

    assert entry.output.problems({**sample_of(entry), "warnings": []}) == []


def test_lists_of_lists_that_must_not_be_short_stay_small() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(8):
        schema = {"type": "array", "items": schema, "minItems": 20}
    entry = entry_of({"type": "object", "properties": {"a": schema}})

    assert 20 <= str(sample_of(entry)).count("text") <= 40


def test_a_schema_that_refers_to_itself_makes_an_end() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}

    assert str(sample_of(entry_of(tree))).count("children") < 20


def test_the_richest_sample_is_taken_and_what_does_not_fit_stays_away() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}, "b": {"type": "string", "pattern": "^never$"}},
    }
    poor = Sample(title="Poor", input={}, output={"a": None})
    rich = Sample(title="Rich", input={}, output={"a": "x"})

    assert sample_of(entry_of(schema, poor, rich)) == {"a": "x", "warnings": []}


def test_a_sample_costs_nothing_and_is_for_those_who_may_run_the_action() -> None:
    lab = FormsLab(principals=[caller("other", actions=("acme.*",))])

    assert lab.get("/actions/openai.chat/sample").json["usage"]["total_tokens"] == 33
    assert lab.get("/actions/openai.chat/sample", key="other").status_code == 404
    assert lab.get("/actions/openai.nothing/sample").status_code == 404
    assert lab.get("/actions/openai.chat/sample", key="nobody").status_code == 401
    assert (lab.sent, lab.door.calls) == ([], [])


def test_an_input_that_fits_is_not_followed_by_another_try() -> None:
    """Each of two equal parts of a whole is checked on its own, so that each level takes twice as long."""
    parts: dict[str, Any] = {f"A{one}": {"allOf": [{"$ref": f"#/$defs/A{one + 1}"}] * 2} for one in range(40)}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A0"}},
        "$defs": {**parts, "A40": {"type": "string"}},
    }
    connector = Connector("acme", title="Acme", base_url=BASE_URL)
    action = connector.endpoint("look", "GET", "/look", input=schema, output={"type": "object"})

    assert sample_input_of(CatalogEntry(action)) == {}
