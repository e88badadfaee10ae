"""Which fields the schema of an object has, as far as a connector's declarations can be held against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from hookline.engine.references import as_object, follow
from hookline.engine.schema_keywords import DEFINITIONS

JsonObject = dict[str, object]

STREAM = "stream"
"""The field by which callers ask for a stream, where the gateway adds it."""

_STREAM_FIELD: JsonObject = {
    "title": "Stream",
    "description": "Whether to send the answer piece by piece while it arrives.",
    "type": "boolean",
    "default": False,
    "x-advanced": True,
}
_OPENING = ("anyOf", "oneOf", "if", "patternProperties", "dependentSchemas", "dependencies")


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaFields:
    """The fields of an object.

    Attributes:
        schemas: Schema of each, local references followed; what stands beside one counts.
        is_open: Whether there may be others.
        root: The schema that references in them are for.
    """

    schemas: dict[str, JsonObject] = field(repr=False)
    is_open: bool
    root: JsonObject = field(default_factory=dict, repr=False)

    def may_have(self, name: str) -> bool:
        """Tell whether there can be a field of this name."""
        return self.is_open or name in self.schemas


def fields_of(schema: JsonObject) -> SchemaFields:
    """Return the fields of an object's schema.

    A model of pydantic takes unknown fields without a word; they are none that a declaration may count on.
    """
    found: dict[str, JsonObject] = {}
    is_open = _collect(follow(schema, schema), schema, found)
    return SchemaFields(schemas=found, is_open=is_open, root=schema)


def with_stream_field(schema: JsonObject) -> JsonObject:
    """Return the schema of an input with the field ``stream``; as it is if it has one."""
    whole = follow(schema, schema)
    properties = as_object(whole.get("properties"))
    if STREAM in properties:
        return schema
    shared = {name: schema[name] for name in DEFINITIONS & schema.keys()}
    return {**whole, **shared, "properties": {**properties, STREAM: _STREAM_FIELD}}


def _collect(schema: JsonObject, root: JsonObject, found: dict[str, JsonObject]) -> bool:
    """Add the fields of a schema, and return whether there may be others."""
    properties = schema.get("properties")
    for name, member in as_object(properties).items():
        own = as_object(member)
        target = follow(own, root)
        beside = {} if target is own else {key: value for key, value in own.items() if key != "$ref"}
        found[name] = {**target, **beside} if beside else target
    parts = schema.get("allOf")
    parts_open = [
        _collect(follow(as_object(part), root), root, found)
        for part in (cast("list[object]", parts) if isinstance(parts, list) else [])
        if follow(as_object(part), root) is not schema
    ]
    if any(keyword in schema for keyword in _OPENING):
        return True
    additional = schema.get("additionalProperties")
    if additional is False:
        return False
    if additional is not None:
        return True
    return properties is None and (not parts_open or all(parts_open))
