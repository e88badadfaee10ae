"""Going through a JSON Schema: every schema in it, and no data that only looks like one.

A member called ``$ref`` of ``properties`` is a field of that name, and what stands in ``enum``, ``const``,
``default`` and ``examples`` is data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from hookline.engine.schema_keywords import BY_NAME, LISTS, SINGLE

if TYPE_CHECKING:
    from hookline.action import JsonObject

# A list of `items`, and `additionalItems` behind it, are of older drafts.
_ONE = SINGLE.keys() | {"additionalItems", "additionalProperties", "items"}
_SEVERAL = frozenset({*LISTS, "items"})
_REFERENCES = ("$ref", "$dynamicRef")


def map_schemas(schema: JsonObject, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """Return a copy of a schema in which every schema was changed, the innermost first."""
    return change({name: _map_member(name, value, change) for name, value in schema.items()})


def _map_member(name: str, value: object, change: Callable[[JsonObject], JsonObject]) -> object:
    if name in BY_NAME and isinstance(value, dict):
        return {key: _map_one(one, change) for key, one in value.items()}
    if name in _SEVERAL and isinstance(value, list):
        return [_map_one(one, change) for one in value]
    if name in _ONE:
        return _map_one(value, change)
    return value


def _map_one(value: object, change: Callable[[JsonObject], JsonObject]) -> object:
    return map_schemas(cast("JsonObject", value), change) if isinstance(value, dict) else value


def move_references(schema: JsonObject, move: Callable[[str], str]) -> JsonObject:
    """Return a copy of a schema whose local references lead elsewhere.

    Args:
        schema: The schema.
        move: Returns the new reference for one such as ``#/$defs/Place`` or ``#``.
    """

    def change(one: JsonObject) -> JsonObject:
        for name in _REFERENCES:
            reference = one.get(name)
            if isinstance(reference, str) and reference.startswith("#"):
                one[name] = move(reference)
        return one

    return map_schemas(schema, change)
