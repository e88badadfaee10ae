"""Alternatives of schemas that lead into themselves."""

from __future__ import annotations

from hookline.exports.form_fields import read_form


def test_an_alternative_inside_of_itself_is_left_out() -> None:
    """Followed each time, nine references to itself would be 9 to the power of the depth."""
    inward = {"anyOf": [{"type": "string"}, *[{"$ref": "#/$defs/Inward"}] * 9]}
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/Inward"}},
        "$defs": {"Inward": inward},
    }

    [field] = read_form(schema)

    assert (field.kind, field.takes_more) == ("text", False)


def test_parts_of_a_whole_inside_of_themselves_end() -> None:
    inward = {"allOf": [{"$ref": "#/$defs/Inward"}, {"minLength": 2}], "type": "string"}
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/Inward"}},
        "$defs": {"Inward": inward},
    }

    [field] = read_form(schema)

    assert field.name == "x"
