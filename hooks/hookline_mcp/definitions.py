"""Definitions of a JSON Schema: which of them are in use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hookline.engine.references import as_object

if TYPE_CHECKING:
    from hookline.connector import JsonObject

DEFINITIONS = ("$defs", "definitions")


def has_only_definitions(root: JsonObject) -> bool:
    """Tell whether every reference leads to a definition, or to the schema as a whole."""
    return all(one == "#" or _place_of(one, root) is not None for one in _references(root))


def used_definitions(body: JsonObject, root: JsonObject) -> JsonObject:
    """Return the definitions that a schema leads to, and those that they lead to.

    Args:
        body: The schema without its definitions.
        root: The schema with all of them.
    """
    used: set[tuple[str, str]] = set()
    wanted = list(_references(body))
    while wanted:
        reference = wanted.pop()
        if reference == "#":
            continue
        found = _place_of(reference, root)
        if found is None:  # it leads somewhere else: nothing can be left out safely
            return {place: root[place] for place in DEFINITIONS if place in root}
        if found not in used:
            used.add(found)
            place, name = found
            wanted += _references(as_object(root[place])[name])
    kept: JsonObject = {}
    for place in DEFINITIONS:
        named = {name: one for name, one in as_object(root.get(place)).items() if (place, name) in used}
        if named:
            kept[place] = named
    return kept


def _place_of(reference: str, root: JsonObject) -> tuple[str, str] | None:
    """Return under which keyword and name a reference finds a definition; None if it leads elsewhere."""
    place, _, name = unquote(reference).removeprefix("#/").partition("/")
    name = name.replace("~1", "/").replace("~0", "~")
    return (place, name) if place in DEFINITIONS and name in as_object(root.get(place)) else None


def _references(value: object) -> Iterator[str]:
    """Yield whatever may be a reference; data that only looks like one keeps a definition, no more."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
