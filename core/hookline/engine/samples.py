"""A sample of what an action answers, with every field that its output can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from hookline.connector import JsonObject
    from hookline.engine.catalog import CatalogEntry

_MAX_DEPTH = 12
_TEXTS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1M",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "6f1c2b1e-3d5a-4f0a-9a57-0d2f1f6b7c11",
}


def sample_of(entry: CatalogEntry) -> JsonObject:
    """Return a sample of an action's output.

    It is the richest of the samples that the action declares. What it lacks is made from the output's
    schema: its examples, or a value of its type.
    """
    action = entry.action
    schema = action.output_schema
    declared = max((sample.output for sample in action.samples), key=_richness, default=None)
    if declared is None:
        made = _make(schema, schema, 0)
        return made if isinstance(made, dict) else {}
    whole = dict(declared)
    for name, member in _properties(schema, schema).items():
        if name not in whole:
            whole[name] = [] if name == "warnings" else _make(member, schema, 0)
            if entry.output.problems(whole):
                del whole[name]
    return whole


def _richness(output: JsonObject) -> int:
    return sum(value not in (None, [], {}, "") for value in output.values())


def _make(schema: object, root: JsonObject, depth: int) -> object:
    """Return a value that a schema takes, as far as that can be told from a quick look."""
    schema = _resolve(schema, root)
    if depth > _MAX_DEPTH:
        return None
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        values = schema.get(name)
        if isinstance(values, list) and values:
            return values[0]
    for name in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(name)
        if isinstance(branches, list) and branches and "properties" not in schema:
            found = next((one for one in branches if one != {"type": "null"}), branches[0])
            return _make(found, root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object" or "properties" in schema:
        members = _properties(schema, root).items()
        return {name: _make(member, root, depth + 1) for name, member in members}
    if kind == "array":
        return [_make(schema["items"], root, depth + 1)] if isinstance(schema.get("items"), dict) else []
    return _simple(kind, schema)


def _simple(kind: object, schema: JsonObject) -> object:
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum"))
        if not isinstance(least, (int, float)):
            return 1
        return least if "minimum" in schema and least > 0 else least + 1
    if kind == "string":
        text = _TEXTS.get(str(schema.get("format")), str(schema.get("title") or "text"))
        length = schema.get("minLength")
        return text.ljust(length, ".") if isinstance(length, int) and length < 1000 else text
    return None


def _properties(schema: JsonObject, root: JsonObject) -> dict[str, object]:
    properties = _resolve(schema, root).get("properties")
    return cast("dict[str, object]", properties) if isinstance(properties, dict) else {}


def _resolve(schema: object, root: JsonObject) -> JsonObject:
    """Return a schema, or the one in the same document that it refers to."""
    for _ in range(_MAX_DEPTH):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        found: object = root
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step) if isinstance(found, dict) else None
        schema = found
    return cast("JsonObject", schema) if isinstance(schema, dict) else {}
