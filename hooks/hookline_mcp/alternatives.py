"""Rules at the top of a JSON Schema, as plain fields: what any of the alternatives takes may be written.

Models' own services take no ``anyOf``, ``oneOf`` or ``allOf`` there. What comes of them here is never
stricter than they are, but for one thing: a field that only some alternatives name keeps its type in all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hookline.engine.references import as_names, as_object
from hookline_mcp.definitions import definition_of

if TYPE_CHECKING:
    from hookline.action import JsonObject

_ABOUT = ("title", "description", "default", "examples", "deprecated")


def offer_all(root: JsonObject, rules: list[object], *, are_all: bool) -> None:
    """Add the fields of the rules of an ``allOf``, or of alternatives, to a schema.

    Args:
        root: The schema; its own fields stay as they are.
        rules: The rules.
        are_all: Whether all of them hold; of alternatives only what each of them demands is demanded.
    """
    parts = [_fields_of(as_object(rule), root) for rule in rules]
    properties = dict(as_object(root.get("properties")))
    for name in dict.fromkeys(name for fields, _ in parts for name in fields):
        if name in properties:
            continue
        found = [fields[name] for fields, _ in parts if name in fields]
        if are_all:
            properties[name] = found[0]
        elif (merged := _merge(found, is_in_all=len(found) == len(parts))) is not None:
            properties[name] = merged
    demands = [demanded for _, demanded in parts]
    own = as_names(root.get("required"))
    more = (set.union if are_all else set.intersection)(*demands) if demands else set()
    root["properties"] = properties
    root["required"] = own + sorted(more - set(own))


def _fields_of(rule: JsonObject, root: JsonObject) -> tuple[JsonObject, set[str]]:
    """Return the fields of a rule, with those of what it refers to and combines, and which it demands."""
    fields: JsonObject = {}
    demanded: set[str] = set()
    followed: set[str] = set()
    waiting = [rule]
    while waiting:
        one = waiting.pop(0)
        for name, value in as_object(one.get("properties")).items():
            fields.setdefault(name, value)
        demanded.update(as_names(one.get("required")))
        inner, reference = one.get("allOf"), one.get("$ref")
        waiting += [as_object(part) for part in inner] if isinstance(inner, list) else []
        if isinstance(reference, str) and reference not in followed:
            followed.add(reference)
            waiting.append(as_object(definition_of(reference, root)))
    return fields, demanded


def _merge(found: list[object], *, is_in_all: bool) -> object | None:
    """Return a schema that takes what one of several takes; None for a field that need not be offered."""
    possible = [one for one in _distinct(found) if one is not False]
    if not possible:
        return None
    if any(not isinstance(one, dict) for one in possible):
        return True
    schemas = [as_object(one) for one in possible]
    values = [_values_of(one) for one in schemas]
    if not is_in_all and any(one is not None for one in values):
        # An alternative that does not name the field takes any value of it.
        schemas = [
            _without(one, "const", "enum", "type") if _values_of(one) is not None else one for one in schemas
        ]
        schemas = [as_object(one) for one in _distinct(list(schemas))]
        values = [None]
    if len(schemas) == 1:
        return schemas[0]
    about = {
        name: schemas[0][name]
        for name in _ABOUT
        if all(one.get(name) == schemas[0].get(name, ...) for one in schemas)
    }
    bare = [_without(one, "const", "enum", *_ABOUT) for one in schemas]
    if len(_distinct(list(bare))) == 1 and all(one is not None for one in values):
        return {**about, **bare[0], "enum": _distinct([value for one in values for value in one or ()])}
    if any(not _without(one, *_ABOUT) for one in schemas):
        return about
    return {**about, "anyOf": [_without(one, *about) for one in schemas]}


def _values_of(schema: JsonObject) -> list[object] | None:
    """Return the only values that a schema takes; None if it does not list them."""
    values = schema.get("enum")
    if isinstance(values, list):
        return values if "const" not in schema else [schema["const"]]
    return [schema["const"]] if "const" in schema else None


def _without(schema: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in schema.items() if name not in names}


def _distinct(values: list[object]) -> list[object]:
    """Return values without repeats; JSON tells 1 from true, which Python does not."""
    return list({json.dumps(one, sort_keys=True, default=repr): one for one in values}.values())
