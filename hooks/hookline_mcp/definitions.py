"""Definitions of a JSON Schema: which of them are in use, and references that lead anywhere else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hookline.engine.references import as_object
from hookline.exports.schema_walk import map_schemas, move_references

if TYPE_CHECKING:
    from hookline.action import JsonObject

DEFINITIONS = ("$defs", "definitions")
_WHOLE = "whole"
_REFERENCES = ("$ref", "$dynamicRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")


def gather_definitions(root: JsonObject) -> JsonObject:
    """Return a copy of a schema whose references all lead to definitions, as far as they lead anywhere.

    What they led to is copied, so that the rest of the schema can be changed.
    """
    anchors = _anchors_in(root)
    names: dict[str, str] = {}
    copies: JsonObject = {}
    taken = {name for place in DEFINITIONS for name in as_object(root.get(place))}

    def move(reference: str) -> str:
        if _place_of(reference, root) is not None or _target_of(reference, root, anchors) is None:
            return reference
        if reference not in names:
            name = wanted = re.sub(r"\W+", "_", unquote(reference), flags=re.ASCII).strip("_") or _WHOLE
            number = 1
            while name in taken:
                number += 1
                name = f"{wanted}_{number}"
            taken.add(name)
            names[reference] = name
        return f"#/$defs/{names[reference]}"

    moved = move_references(root, move)
    while missing := [reference for reference, name in names.items() if name not in copies]:
        for reference in missing:
            target = _target_of(reference, root, anchors)
            copies[names[reference]] = move_references(target, move) if isinstance(target, dict) else target
    if copies:
        moved["$defs"] = {**as_object(moved.get("$defs")), **copies}
    return moved


def definition_of(reference: str, root: JsonObject) -> object:
    """Return the definition that a reference leads to; None if there is none."""
    found = _place_of(reference, root)
    return None if found is None else as_object(root[found[0]])[found[1]]


def leads_astray(body: JsonObject, root: JsonObject) -> bool:
    """Tell whether a schema has a reference that finds no definition, or leads to one that has."""
    return any(_place_of(one, root) is None for one in _all_references(body, root))


def used_definitions(body: JsonObject, root: JsonObject) -> JsonObject:
    """Return the definitions that a schema leads to, and those that they lead to.

    Args:
        body: The schema without its definitions.
        root: The schema with all of them.
    """
    used = {_place_of(reference, root) for reference in _all_references(body, root)}
    kept: JsonObject = {}
    for place in DEFINITIONS:
        named = {name: one for name, one in as_object(root.get(place)).items() if (place, name) in used}
        if named:
            kept[place] = named
    return kept


def _all_references(body: JsonObject, root: JsonObject) -> set[str]:
    """Return the references of a schema, and those of the definitions that they lead to."""
    seen: set[str] = set()
    wanted = list(_references(body))
    while wanted:
        reference = wanted.pop()
        if reference not in seen:
            seen.add(reference)
            wanted += _references(as_object(definition_of(reference, root)))
    return seen


def _place_of(reference: str, root: JsonObject) -> tuple[str, str] | None:
    """Return under which keyword and name a reference finds a definition; None if it leads elsewhere."""
    place, _, name = unquote(reference).removeprefix("#/").partition("/")
    name = _unescaped(name)
    return (place, name) if place in DEFINITIONS and name in as_object(root.get(place)) else None


def _target_of(reference: str, root: JsonObject, anchors: JsonObject) -> JsonObject | bool | None:
    """Return the schema that a local reference leads to; None if there is none."""
    if reference == "#":
        return {name: value for name, value in root.items() if name not in DEFINITIONS}
    target: object = root
    if reference.startswith("#/"):
        for part in unquote(reference[2:]).split("/"):
            name = _unescaped(part)
            if isinstance(target, list) and name.isascii() and name.isdigit() and int(name) < len(target):
                target = target[int(name)]
            else:
                target = as_object(target).get(name)
    else:
        target = anchors.get(unquote(reference).removeprefix("#")) if reference.startswith("#") else None
    return target if isinstance(target, (dict, bool)) else None


def _anchors_in(root: JsonObject) -> JsonObject:
    found: JsonObject = {}

    def note(one: JsonObject) -> JsonObject:
        for keyword in _ANCHORS:
            name = one.get(keyword)
            if isinstance(name, str):
                found.setdefault(name, {key: value for key, value in one.items() if key not in _ANCHORS})
        return one

    map_schemas(root, note)
    return found


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _references(schema: JsonObject) -> list[str]:
    found: list[str] = []

    def note(one: JsonObject) -> JsonObject:
        found.extend(value for name in _REFERENCES if isinstance(value := one.get(name), str))
        return one

    map_schemas(schema, note)
    return found
