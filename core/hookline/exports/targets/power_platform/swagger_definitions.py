"""Which schemas stand in place, and which become definitions that others refer to.

Forms are best understood where everything stands in place. What holds itself cannot, and what is used often
is named when all else would grow too large.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject

_UNFIT = re.compile(r"[^A-Za-z0-9]+")
_MOST = 400
_SHARED_FROM = (10_000, 40, 8, 1)
_MAX_HEIGHT = 64
_PREFIX = "#/definitions/"


class Definitions:
    """Collects schemas, each of which refers to others by their keys.

    Args:
        prefix: What the names of definitions begin with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._hints: dict[str, str] = {}
        self._made: dict[str, JsonObject] = {}
        self._heights: dict[str, int] = {}
        self._named: set[str] = set()

    def has(self, key: str) -> bool:
        """Tell whether a schema was begun."""
        return key in self._hints

    def refer(self, key: str) -> JsonObject:
        """Return a reference to a schema that was begun; one that is not finished holds itself."""
        if key not in self._made:
            self._named.add(key)
        return {"$ref": key}

    def begin(self, key: str, hint: str) -> None:
        """Note that a schema is being written; the hint makes its name, should it need one."""
        self._hints[key] = hint

    def finish(self, key: str, schema: JsonObject) -> JsonObject:
        """Keep a schema, and return a reference to it."""
        self._made[key] = schema
        height = 1 + max((self._heights.get(inner, 0) for inner in _references(schema)), default=0)
        if height > _MAX_HEIGHT:
            self._named.add(key)
        self._heights[key] = 0 if key in self._named else height
        return {"$ref": key}

    def settle(self, schema: JsonObject) -> tuple[JsonObject, Mapping[str, JsonObject]]:
        """Return a schema with what it refers to in place, and the definitions of the rest by name."""
        uses = Counter(_references(schema))
        for one in self._made.values():
            uses.update(_references(one))
        named = self._named
        for size in _SHARED_FROM:
            sizes = _Sizes(self._made, self._named)
            named = self._named | {key for key in self._made if uses[key] > 1 and sizes.of(key) > size}
            if _Sizes(self._made, named).whole(schema) <= _MOST:
                break
        names = self._name(key for key in self._made if key in named)
        found: dict[str, JsonObject] = {}
        whole = self._place(schema, names)
        waiting = list(_names(whole))
        by_name = {name: key for key, name in names.items()}
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._place(self._made[by_name[name]], names)
                waiting += _names(found[name])
        return whole, dict(sorted(found.items()))

    def _name(self, keys: Iterator[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for key in keys:
            words = [word for word in _UNFIT.split(self._hints[key]) if word]
            first = self._prefix + "".join(word[:1].upper() + word[1:] for word in words[-2:])
            name, number = first, 2
            while name in names.values():
                name, number = f"{first}{number}", number + 1
            names[key] = name
        return names

    def _place(self, schema: JsonObject, names: Mapping[str, str]) -> JsonObject:
        if "$ref" in schema:
            key = str(schema["$ref"])
            if key in names:
                return {"$ref": _PREFIX + names[key]}
            return self._place(self._made[key], names)
        return _with_parts(schema, lambda part: self._place(part, names))


class _Sizes:
    def __init__(self, made: Mapping[str, JsonObject], named: set[str]) -> None:
        self._made = made
        self._named = named
        self._known: dict[str, int] = {}

    def of(self, key: str) -> int:
        """Return how many schemas one has, with what would stand in place."""
        if key not in self._known:
            self._known[key] = self._count(self._made[key])
        return self._known[key]

    def whole(self, schema: JsonObject) -> int:
        """Return how many schemas there are with all definitions."""
        return self._count(schema) + sum(self.of(key) for key in self._made if key in self._named)

    def _count(self, schema: JsonObject) -> int:
        if "$ref" in schema:
            key = str(schema["$ref"])
            return 1 if key in self._named else self.of(key)
        return 1 + sum(self._count(part) for part in parts_of(schema))


def parts_of(schema: JsonObject) -> Iterator[JsonObject]:
    """Yield the schemas that stand right inside of a Swagger schema made here."""
    members = schema.get("properties")
    yield from members.values() if isinstance(members, dict) else ()
    for name in ("items", "additionalProperties"):
        part = schema.get(name)
        if isinstance(part, dict):
            yield part


def _with_parts(schema: JsonObject, change: object) -> JsonObject:
    assert callable(change)
    made = dict(schema)
    members = schema.get("properties")
    if isinstance(members, dict):
        made["properties"] = {name: change(member) for name, member in members.items()}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            made[name] = change(schema[name])
    return made


def _references(schema: JsonObject) -> Iterator[str]:
    if "$ref" in schema:
        yield str(schema["$ref"])
    for part in parts_of(schema):
        yield from _references(part)


def _names(schema: JsonObject) -> Iterator[str]:
    return (reference.removeprefix(_PREFIX) for reference in _references(schema))
