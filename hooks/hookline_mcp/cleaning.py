"""JSON Schemas without what clients need not read, and whose top is no reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.engine.references import as_object
from hookline.exports.schema_walk import map_schemas
from hookline_mcp.definitions import DEFINITIONS, definition_of, gather_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject

_OURS = ("$anchor", "$comment", "$dynamicAnchor", "$id", "$schema", "dependencies")
_BESIDE = (*DEFINITIONS, "title", "description", "default", "examples", "deprecated", "type")
"""What may stand beside a reference at the top without narrowing what it leads to."""
_MOST_HOPS = 16


def cleaned(schema: JsonObject) -> JsonObject:
    """Return a copy whose top is no reference, without keywords of ours and labels inside of fields."""
    plain = gather_definitions(schema)
    plain = map_schemas(plain, _without(lambda name: name.startswith("x-") or name in _OURS))
    root = _resolved(plain)
    for name in ("properties", "required"):
        if not root.get(name):
            root.pop(name, None)
    for place in DEFINITIONS:
        if isinstance(root.get(place), dict):
            root[place] = {name: _unlabelled(one) for name, one in as_object(root[place]).items()}
    if "properties" in root:
        root["properties"] = {name: _with_label(one) for name, one in as_object(root["properties"]).items()}
    return root


def _resolved(root: JsonObject) -> JsonObject:
    """Return a schema whose top is no reference: it is what it leads to, or demands that beside the rest."""
    for _ in range(_MOST_HOPS):
        reference = root.get("$ref")
        if not isinstance(reference, str):
            return root
        own = {name: value for name, value in root.items() if name != "$ref"}
        target = definition_of(reference, root)
        if target is not None and set(own) <= {*_BESIDE}:
            root = {**as_object(target), **own}
        else:
            rules = own.get("allOf")
            return {**own, "allOf": [*(rules if isinstance(rules, list) else []), {"$ref": reference}]}
    return {name: value for name, value in root.items() if name != "$ref"}


def _without(is_unwanted: Callable[[str], bool]) -> Callable[[JsonObject], JsonObject]:
    return lambda one: {name: value for name, value in one.items() if not is_unwanted(name)}


def _unlabelled(schema: object) -> object:
    if not isinstance(schema, dict):
        return schema
    return map_schemas(schema, _without(lambda name: name == "title"))


def _with_label(schema: object) -> object:
    if not isinstance(schema, dict) or "title" not in schema:
        return _unlabelled(schema)
    return {"title": schema["title"], **as_object(_unlabelled(schema))}
