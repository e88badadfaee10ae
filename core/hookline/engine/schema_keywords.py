"""The keywords of JSON Schema 2020-12 that hold schemas, and to what part of a value these apply.

Source: JSON Schema Core 2020-12, section 10; JSON Schema Validation 2020-12, section 8.5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

JsonObject = dict[str, object]


class Label(NamedTuple):
    """Parts of a value.

    Attributes:
        kind: ``member`` of an object, ``item`` of a list, ``name`` of a member, or what is the ``content`` of
            a text.
        name: Which one; None for any.
        but: Of any, those that it is not for.
    """

    kind: str
    name: str | int | None = None
    but: Collection[str | int] = ()


_MEMBER, _ITEM, _NAME, _CONTENT = Label("member"), Label("item"), Label("name"), Label("content")

IN_PLACE = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"}
)
"""Keywords whose schemas are for the same value; ``dependencies`` is of older drafts and still read."""
INNER = frozenset(
    {
        "properties",
        "patternProperties",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "prefixItems",
        "items",
        "contains",
        "unevaluatedItems",
        "contentSchema",
    }
)
"""Keywords whose schemas are for parts of the value."""
DEFINITIONS = frozenset({"$defs", "definitions"})
"""Keywords whose schemas are for whoever refers to them."""

HOLDS_SCHEMAS = IN_PLACE | INNER | DEFINITIONS

BY_NAME = ("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions")
"""Keywords that hold schemas by name."""
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
"""Keywords that hold a list of schemas."""
SINGLE = {
    "not": _NAME,
    "if": _NAME,
    "then": _NAME,
    "else": _NAME,
    "propertyNames": _NAME,
    "contains": _ITEM,
    "unevaluatedItems": _ITEM,
    "unevaluatedProperties": _MEMBER,
    "contentSchema": _CONTENT,
}
"""Keywords that hold one schema, and what it is for, but for two whose neighbours tell that."""


def subschemas(schema: JsonObject) -> Iterator[tuple[str, Label, str | int | None, object]]:
    """Yield each schema that a schema holds, after its keyword, the parts it is for, and its key there.

    The label means nothing for keywords that are for the same value.
    """
    for keyword, value in schema.items():
        if keyword in BY_NAME:
            if isinstance(value, dict):
                if keyword == "properties":
                    for name, inner in value.items():
                        yield keyword, Label("member", name), name, inner
                else:
                    for name, inner in value.items():
                        yield keyword, _MEMBER, name, inner
        elif keyword in LISTS:
            if isinstance(value, list):
                for position, inner in enumerate(value):
                    yield keyword, Label("item", position), position, inner
        elif keyword in SINGLE:
            yield keyword, SINGLE[keyword], None, value
        elif keyword == "items":
            first = schema.get("prefixItems")
            yield (
                keyword,
                Label("item", None, range(len(first))) if isinstance(first, list) else _ITEM,
                None,
                value,
            )
        elif keyword == "additionalProperties":
            named = schema.get("properties")
            yield keyword, Label("member", None, named) if isinstance(named, dict) else _MEMBER, None, value
