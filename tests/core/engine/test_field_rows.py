from __future__ import annotations

import pytest

from hookline.engine.field_rows import read_fields

JsonObject = dict[str, object]


@pytest.mark.parametrize(
    ("schema", "words", "limits"),
    [
        ({"type": "string", "minLength": 1}, "text", "not empty"),
        ({"type": "string", "maxLength": 5}, "text", "0 to 5 characters"),
        ({"type": ["number", "null"], "minimum": 0, "maximum": 2}, "number", "0 to 2"),
        ({"type": "integer", "exclusiveMinimum": 0}, "whole number", "more than 0"),
        ({"type": "number", "maximum": 1}, "number", "at most 1"),
        ({"enum": ["a", "b", None]}, "text", "a, b"),
        (
            {"type": "array", "items": {"type": "integer"}, "maxItems": 4},
            "list of whole number",
            "0 to 4 items",
        ),
        ({"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}, "text or list", ""),
        ({"$ref": "#/$defs/Level"}, "whole number", "at least 1"),
        ({"$ref": "#/$defs/Loop"}, "anything", ""),
        ({"$ref": "#/$defs/Either"}, "text", ""),
        ({"$ref": "#/$defs/Lists"}, "list of list of list of list", ""),
        ({}, "anything", ""),
    ],
)
def test_a_schema_is_told_in_words(schema: JsonObject, words: str, limits: str) -> None:
    definitions = {
        "Level": {"type": "integer", "minimum": 1},
        "Loop": {"$ref": "#/$defs/Loop"},
        "Either": {"anyOf": [{"type": "string"}, *[{"$ref": "#/$defs/Either"}] * 9]},
        "Lists": {"type": "array", "items": {"$ref": "#/$defs/Lists"}},
    }
    [row] = read_fields({"type": "object", "properties": {"x": schema}, "$defs": definitions})
    assert (row.type, row.limits) == (words, limits)
