"""Schemas of a document: named, free of clashes, and with references that lead where they led."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from hookline.exports.components import Components
from hookline.exports.schema_walk import map_schemas
from hookline.exports.wording import shorten


def test_definitions_get_the_name_of_their_action_in_front() -> None:
    components = Components("#/components/schemas/")
    schema: dict[str, Any] = {
        "$id": "https://example.com/x.json",
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/Place"}, "b": {"$ref": "#"}, "$ref": {"type": "string"}},
        "$defs": {"Place": {"type": "string"}, "a/b c": {"$ref": "#/$defs/Place"}},
    }

    assert components.add("Find", schema) == {"$ref": "#/components/schemas/Find"}
    assert components.add("Find", {"type": "null"}) == {"$ref": "#/components/schemas/Find2"}
    assert components.schemas == {
        "Find": {
            "type": "object",
            "properties": {
                "a": {"$ref": "#/components/schemas/FindPlace"},
                "b": {"$ref": "#/components/schemas/Find"},
                "$ref": {"type": "string"},
            },
        },
        "FindPlace": {"type": "string"},
        "FindA_b_c": {"$ref": "#/components/schemas/FindPlace"},
        "Find2": {"type": "null"},
    }


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("#/$defs/a~1b%20c", 1),
        ("#/properties/x", 1),
        ("#/$defs/deep/properties/y", 1),
        ("#/definitions/old", 1),
    ],
)
def test_a_reference_leads_where_it_led(reference: str, value: object) -> None:
    number = {"type": "integer"}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"x": number, "z": {"$ref": reference}},
        "$defs": {"a/b c": number, "deep": {"type": "object", "properties": {"y": number}}},
        "definitions": {"old": number},
    }
    components = Components("#/components/schemas/")
    whole = {**components.add("One", schema), "components": {"schemas": components.schemas}}

    validator = jsonschema.Draft202012Validator(whole)

    assert validator.is_valid({"z": value})
    assert not validator.is_valid({"z": "text"})


def test_a_reference_that_goes_in_a_circle_is_left_out() -> None:
    components = Components("#/c/")
    components.add("A", {"properties": {"a": {"$ref": "#/$defs/L"}}, "$defs": {"L": {"$ref": "#/$defs/L"}}})

    assert components.schemas == {"A": {"properties": {"a": {}}}, "AL": {}}


def test_data_that_looks_like_a_schema_is_left_alone() -> None:
    data: Any = {"enum": [{"$ref": "#/x"}], "default": {"type": "string"}, "examples": [{"items": {}}]}

    assert map_schemas(data, lambda one: {**one, "seen": True}) == {**data, "seen": True}


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [
        ("Short.", 10, "Short."),
        ("One sentence. And another one.", 20, "One sentence."),
        ("No. But then a very long sentence without an end", 20, "No. But then a very…"),
        ("wordwithoutanyspace", 5, "word…"),
        ("two\n lines", 20, "two lines"),
        ("Version 1.5 is here. More follows now.", 25, "Version 1.5 is here."),
    ],
)
def test_a_text_is_shortened_where_it_reads_well(text: str, most: int, short: str) -> None:
    assert shorten(text, most) == short
    assert len(shorten(text, most)) <= most


@pytest.mark.parametrize(
    "reference",
    [
        "#place",
        "https://x.example/in#place",
        "https://x.example/in#/$defs/P",
        "p.json",
        "https://x.example/p.json",
    ],
)
def test_a_reference_by_name_becomes_a_pointer(reference: str) -> None:
    schema: dict[str, Any] = {
        "$id": "https://x.example/in",
        "type": "object",
        "properties": {"a": {"$ref": reference}},
        "$defs": {"P": {"$anchor": "place", "$id": "p.json", "type": "integer"}},
    }
    if reference in ("#place", "https://x.example/in#place"):
        del schema["$defs"]["P"]["$id"]
    components = Components("#/components/schemas/")
    components.add("In", schema)

    assert components.schemas == {
        "In": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/InP"}}},
        "InP": {"type": "integer"},
    }


def test_a_reference_that_leads_elsewhere_is_left_out() -> None:
    components = Components("#/c/")
    components.add("A", {"properties": {"a": {"$ref": "https://else.example/x", "title": "A"}}})

    assert components.schemas == {"A": {"properties": {"a": {"title": "A"}}}}
