"""The keywords of a Swagger 2.0 schema that stand for one type: choices, bounds, formats, defaults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline.exports.targets.power_platform.schema_shapes import key_of, type_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.targets.power_platform.schema_shapes import Range, Shape

_FORMATS = {
    "string": frozenset({"byte", "date", "date-time", "password", "email", "uri", "uuid"}),
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}
"""Formats that both Swagger 2.0 and the Power Platform know."""


def describe_values(shape: Shape, type: str | None) -> JsonObject:
    """Return a schema of all that a shape says of values of one type, or of several if ``type`` is None."""
    told: JsonObject = {} if type is None else {"type": type}
    description = shape.notes.get("description")
    if isinstance(description, str) and description.strip():
        told["description"] = description
    choices = [value for value in shape.choices or () if value is not None]
    if choices:
        told["enum"] = choices
        named = [
            {"value": value, "displayName": shape.labels.get(key_of(value), str(value))} for value in choices
        ]
        if any(one["displayName"] != str(one["value"]) for one in named):
            told["x-ms-enum-values"] = named
    elif type == "string":
        told.update(_bounds(shape.length, "minLength", "maxLength"))
        if shape.pattern is not None:
            told["pattern"] = shape.pattern
    elif type in ("integer", "number"):
        told.update(_number_bounds(shape.number))
        if shape.step is not None:
            told["multipleOf"] = shape.step
    elif type == "array":
        told.update(_bounds(shape.count, "minItems", "maxItems"))
        if shape.is_unique:
            told["uniqueItems"] = True
    elif type == "object":
        told.update(_bounds(shape.size, "minProperties", "maxProperties"))
    format = "byte" if shape.format == "binary" else shape.format
    if format in _FORMATS.get(type or "", ()):
        told["format"] = format
    if type in ("string", "integer", "number", "boolean"):
        for name, value in (("default", shape.notes.get("default")), ("example", _example_of(shape))):
            if _fits(value, told):
                told[name] = value
    return told


def _example_of(shape: Shape) -> object:
    examples = shape.notes.get("examples")
    return examples[0] if isinstance(examples, list) and examples else shape.notes.get("example")


def _bounds(bounds: Range, least: str, most: str) -> JsonObject:
    told: JsonObject = {}
    if bounds.least:
        told[least] = bounds.least
    if bounds.most is not None:
        told[most] = bounds.most
    return told


def _number_bounds(bounds: Range) -> JsonObject:
    told: JsonObject = {}
    if bounds.least is not None:
        told["minimum"] = bounds.least
        if bounds.is_above:
            told["exclusiveMinimum"] = True
    if bounds.most is not None:
        told["maximum"] = bounds.most
        if bounds.is_below:
            told["exclusiveMaximum"] = True
    return told


def _fits(value: object, schema: JsonObject) -> bool:
    """Tell whether a text, number or boolean fits a schema made here."""
    from jsonschema import Draft4Validator

    if type_of(value) not in ("string", "integer", "number", "boolean"):
        return False
    try:
        return bool(Draft4Validator(schema).is_valid(value))
    except (re.error, OverflowError, ArithmeticError):
        return False
