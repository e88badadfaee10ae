"""Gives names to schemas that stand in many places, where a document was written without references.

Some documents have every reference written out, so that the same object stands in them hundreds of times.
Their manifests would be ten times as long as they need to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from hookline.importing.schemas import PREFIX, clean_name, free_name

if TYPE_CHECKING:
    from hookline.importing.document import JsonObject

MOST_NODES = 20_000
"""Most schemas that may stand in a manifest before repeated ones are looked for."""

_LEAST_SIZE = 6
_BY_NAME = ("properties", "patternProperties")
_LISTS = ("anyOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "contains", "propertyNames")


def share_repeats(roots: Iterable[JsonObject], shared: dict[str, JsonObject]) -> None:
    """Put schemas that are repeated below some others among the shared ones, if there are very many in all.

    Args:
        roots: Schemas of inputs and outputs; what is below them is changed in place.
        shared: Shared schemas by name; changed in place.
    """
    index = _Index()
    tops = [*roots, *shared.values()]
    for position, top in enumerate(tops):
        index.add_top(top, position)
    if len(index.numbers) > MOST_NODES:
        sharer = _Sharer(index, shared)
        for top in tops:
            sharer.rewrite(top)


class _Index:
    """Numbers schemas, equal ones alike, and counts in how many different places each stands."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}  # by identity; the caller keeps the schemas
        self.sizes: list[int] = []
        self.places: list[set[tuple[int, object]]] = []
        self._known: dict[object, int] = {}

    def add_top(self, schema: JsonObject, position: int) -> None:
        """Number a schema that nothing holds; equal ones are places of their own for what is in them."""
        self.add(schema)
        for keyword, value in schema.items():
            for key, one in _children(keyword, value):
                self.places[self.numbers[id(one)]].add((-1 - position, key))

    def add(self, schema: JsonObject) -> int:
        """Number a schema and all below it; return its number."""
        known = self.numbers.get(id(schema))
        if known is not None:
            return known
        parts: list[object] = []
        inside: list[tuple[object, int]] = []
        for keyword, value in schema.items():
            below = [(key, self.add(one)) for key, one in _children(keyword, value)]
            inside += below
            parts.append((keyword, tuple(below) if below else repr(value)))
        number = self._known.setdefault(tuple(parts), len(self._known))
        self.numbers[id(schema)] = number
        if number == len(self.sizes):
            self.sizes.append(1 + sum(self.sizes[one] for _, one in inside))
            self.places.append(set())
        for key, one in inside:
            self.places[one].add((number, key))
        return number


class _Sharer:
    """Puts references where repeated schemas stand.

    Args:
        index: Knows which are.
        shared: Shared schemas by name; added to.
    """

    def __init__(self, index: _Index, shared: dict[str, JsonObject]) -> None:
        self._index = index
        self._shared = shared
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._done: set[int] = set()

    def rewrite(self, schema: JsonObject) -> None:
        """Put references below a schema."""
        if id(schema) in self._done:
            return
        self._done.add(id(schema))
        for keyword, value in list(schema.items()):
            for key, one in list(_children(keyword, value)):
                replaced = self._replaced(one, str(one.get("title") or key))
                if replaced is one:
                    continue
                if isinstance(value, list):
                    value[cast("int", key)] = replaced
                elif keyword in _BY_NAME:
                    cast("JsonObject", value)[cast("str", key)] = replaced
                else:
                    schema[keyword] = replaced

    def _replaced(self, schema: JsonObject, hint: str) -> JsonObject:
        number = self._index.numbers.get(id(schema))
        if number is None:
            return schema  # a reference that was put here for another place
        is_repeated = len(self._index.places[number]) > 1 and self._index.sizes[number] >= _LEAST_SIZE
        if not is_repeated or "$ref" in schema:
            self.rewrite(schema)
            return schema
        if number not in self._names:
            name = self._names[number] = free_name(clean_name(hint), self._shared, self._numbers)
            self._shared[name] = schema
            self.rewrite(schema)
        return {"$ref": PREFIX + self._names[number]}


def _children(keyword: str, value: object) -> Iterator[tuple[object, JsonObject]]:
    """Yield the schemas that stand below a keyword, with their keys there."""
    if keyword in _BY_NAME and isinstance(value, dict):
        yield from ((name, one) for name, one in value.items() if isinstance(one, dict))
    elif keyword in _LISTS and isinstance(value, list):
        yield from ((position, one) for position, one in enumerate(value) if isinstance(one, dict))
    elif keyword in _SINGLE and isinstance(value, dict):
        yield keyword, value
