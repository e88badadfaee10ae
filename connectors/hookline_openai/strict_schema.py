"""Tell whether a JSON Schema keeps the rules under which OpenAI guarantees that the answer fits it.

Source: OpenAI's guide "Structured model outputs", section on supported schemas. Only what is certain to be
accepted counts: for any other schema ``strict`` is left out, and the model is merely asked to follow it.
"""

from __future__ import annotations

from collections.abc import Mapping

MAX_DEPTH = 10
MAX_PROPERTIES = 5000

_ANNOTATIONS = frozenset({"title", "description", "$defs", "definitions"})
_BY_TYPE = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "string": frozenset({"pattern", "format"}),
    "number": frozenset({"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"}),
    "integer": frozenset({"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"}),
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})


def fits_strict_rules(schema: Mapping[str, object]) -> bool:
    """Return True if a schema may be sent with ``strict: true``."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return False
    count = _count(schema, depth=1)
    return count is not None and count <= MAX_PROPERTIES


def _count(schema: object, *, depth: int) -> int | None:
    """Return the number of properties of a schema, or None if it breaks a rule."""
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return None
    if not _has_known_keywords(schema):
        return None
    parts: list[int | None] = []
    properties = schema.get("properties")
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False or not isinstance(properties, Mapping):
            return None
        required = schema.get("required", [])
        if not isinstance(required, list) or set(map(str, required)) != set(properties):
            return None
        parts += [len(properties), *(_count(member, depth=depth + 1) for member in properties.values())]
    if "items" in schema or schema.get("type") == "array":
        parts.append(_count(schema.get("items"), depth=depth + 1))
    branches = schema.get("anyOf", [])
    if not isinstance(branches, list):
        return None
    parts += [_count(branch, depth=depth) for branch in branches]
    for group in ("$defs", "definitions"):
        definitions = schema.get(group, {})
        if not isinstance(definitions, Mapping):
            return None
        parts += [_count(definition, depth=1) for definition in definitions.values()]
    return None if None in parts else sum(part for part in parts if part is not None)


def _has_known_keywords(schema: Mapping[str, object]) -> bool:
    keywords = set(schema) - _ANNOTATIONS
    if "$ref" in keywords:
        reference = schema["$ref"]
        return keywords == {"$ref"} and isinstance(reference, str) and reference.startswith("#")
    if "anyOf" in keywords:
        return keywords == {"anyOf"} and bool(schema["anyOf"])
    if "type" not in keywords:
        return keywords in ({"enum"}, {"const"})
    named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = [name for name in named if isinstance(name, str) and name in _BY_TYPE]
    if not types or len(types) < len(named):
        return False
    if len(types) > 1 and ("object" in types or "array" in types):
        return False
    allowed = frozenset[str]().union(*(_BY_TYPE[name] for name in types)) | {"type", "enum", "const"}
    return keywords <= allowed and ("format" not in keywords or schema["format"] in _FORMATS)
