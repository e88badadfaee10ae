"""What Swagger 2.0 calls a schema, and whether a value fits one; written from its specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator
from jsonschema.validators import extend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.exceptions import ValidationError

_COUNT = {"type": "integer", "minimum": 0}
_PART = {"$ref": "#"}

SCHEMA_OBJECT: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": "The Schema Object of Swagger 2.0",
    "type": "object",
    "properties": {
        "$ref": {"type": "string", "pattern": "^#/definitions/[A-Za-z0-9_]+$"},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "format": {"type": "string"},
        "default": {},
        "multipleOf": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "maximum": {"type": "number"},
        "exclusiveMaximum": {"type": "boolean"},
        "minimum": {"type": "number"},
        "exclusiveMinimum": {"type": "boolean"},
        "maxLength": _COUNT,
        "minLength": _COUNT,
        "pattern": {"type": "string"},
        "maxItems": _COUNT,
        "minItems": _COUNT,
        "uniqueItems": {"type": "boolean"},
        "maxProperties": _COUNT,
        "minProperties": _COUNT,
        "required": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
        "type": {"enum": ["array", "boolean", "integer", "number", "object", "string"]},
        "items": _PART,
        "allOf": {"type": "array", "items": _PART, "minItems": 1},
        "properties": {"type": "object", "additionalProperties": _PART},
        "additionalProperties": {"anyOf": [{"type": "boolean"}, _PART]},
        "discriminator": {"type": "string"},
        "readOnly": {"type": "boolean"},
        "xml": {"type": "object"},
        "externalDocs": {"type": "object", "required": ["url"]},
        "example": {},
    },
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
    "dependencies": {"exclusiveMinimum": ["minimum"], "exclusiveMaximum": ["maximum"]},
    "anyOf": [
        {"not": {"properties": {"type": {"enum": ["array"]}}, "required": ["type"]}},
        {"required": ["items"]},
    ],
}


def _pass_null(keyword: Any) -> Any:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if not (instance is None and schema.get("x-nullable") is True):
            yield from keyword(validator, value, instance, schema) or ()

    return check


def _is_integer(checker: Any, value: object) -> bool:
    """Tell whether a value is an integer; 1.0 is one in JSON Schema 2020-12, which the gateway goes by."""
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and value % 1 == 0)
    )


SwaggerValidator = extend(  # type: ignore[no-untyped-call]  # the stubs know no types of it
    Draft4Validator,
    {name: _pass_null(check) for name, check in Draft4Validator.VALIDATORS.items() if name != "$ref"},
    type_checker=Draft4Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
"""Judges values by a Swagger schema; null fits where ``x-nullable`` says so."""


def schema_problems(schema: object, definitions: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a schema and its definitions as Swagger 2.0; nothing if all is well."""
    found = []
    for name, one in {"": schema, **definitions}.items():
        for error in Draft4Validator(SCHEMA_OBJECT).iter_errors(one):
            found.append(f"{name}/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
        found += [f"{name}: leads nowhere: {to}" for to in _references(one) if to not in definitions]
    return found


def value_problems(value: object, schema: object, definitions: Mapping[str, object]) -> list[str]:
    """Return why a value does not fit a schema; nothing if it does."""
    whole = {"definitions": dict(definitions), "allOf": [schema]}
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in SwaggerValidator(whole).iter_errors(value)
    ]


def _references(schema: object) -> Iterator[str]:
    """Yield the names of the definitions that a schema refers to; a member called $ref is none."""
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("$ref"), str):
        yield schema["$ref"].removeprefix("#/definitions/")
    members = schema.get("properties")
    parts = [*(members.values() if isinstance(members, dict) else ()), *schema.get("allOf", ())]
    for part in [*parts, schema.get("items"), schema.get("additionalProperties")]:
        yield from _references(part)
