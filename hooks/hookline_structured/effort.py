"""How much work it is to check a value against a schema that somebody else wrote.

References let a few lines of schema stand for millions of checks. So the steps are counted before the check
is made, and given up when there are too many. The count is never too low: it follows every branch. Nor does
counting take more time or memory than the bound allows: nothing is listed that is not counted.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

from hookline.engine.references import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonObject = dict[str, object]

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLES = ("not", "if", "then", "else")
_OF_MEMBERS = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_OF_ITEMS = ("items", "contains", "unevaluatedItems")
_REFERENCES = ("$ref", "$dynamicRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")


def count_steps(schema: JsonObject, value: object, *, most: int) -> int:
    """Return how many pairs of a schema and a value a check looks at, or ``most`` if that is reached.

    Args:
        schema: The whole schema.
        value: The value.
        most: Where to stop counting.
    """
    targets = _Targets(schema)
    steps = 0
    waiting: list[tuple[object, object]] = [(schema, value)]
    while waiting:
        one, found = waiting.pop()
        steps += 1
        if steps >= most:
            return most
        if isinstance(one, dict):
            waiting.extend(islice(_below(one, found, targets), most - len(waiting)))
            if len(waiting) >= most:
                return most
    return steps


class _Targets:
    """What references lead to. Each is followed once, however often a check comes by."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._anchors = dict(_anchors(root))
        self._found: dict[str, object] = {}

    def find(self, reference: object) -> object:
        if not isinstance(reference, str):
            return None  # the validator refuses it
        if reference not in self._found:
            self._found[reference] = _target(reference, self._root, self._anchors)
        return self._found[reference]


def _below(schema: JsonObject, value: object, targets: _Targets) -> Iterator[tuple[object, object]]:
    for name in _REFERENCES:
        if name in schema:
            yield targets.find(schema[name]), value
    for name in _LISTS:
        branches = schema.get(name)
        yield from ((branch, value) for branch in (branches if isinstance(branches, list) else ()))
    for name in _SINGLES:
        if name in schema:
            yield schema[name], value
    if isinstance(value, dict):
        yield from _of_members(schema, value)
    elif isinstance(value, list):
        prefix = schema.get("prefixItems")
        yield from zip(prefix if isinstance(prefix, list) else (), value, strict=False)
        for name in _OF_ITEMS:
            if isinstance(schema.get(name), dict):
                yield from ((schema[name], item) for item in value)


def _of_members(schema: JsonObject, value: JsonObject) -> Iterator[tuple[object, object]]:
    properties = schema.get("properties")
    if isinstance(properties, dict):
        names = value if len(value) < len(properties) else properties
        for name in names:  # to look in vain is a step too
            yield (properties[name], value[name]) if name in properties and name in value else (True, None)
    patterns = schema.get("patternProperties")
    for pattern in patterns.values() if isinstance(patterns, dict) else ():
        yield from ((pattern, member) for member in value.values())
    dependent = schema.get("dependentSchemas")
    for branch in dependent.values() if isinstance(dependent, dict) else ():
        yield branch, value
    for name in _OF_MEMBERS:
        if isinstance(schema.get(name), dict):
            yield from ((schema[name], member) for member in value.values())


def _target(reference: str, root: JsonObject, anchors: dict[str, object]) -> object:
    if not reference.startswith("#"):
        return None  # the validator refuses it
    pointer = reference[1:]
    if pointer and not pointer.startswith("/"):
        return anchors.get(pointer)
    found: object = root
    for step in parts_of(pointer):
        if isinstance(found, list):
            found = found[int(step)] if step.isdecimal() and int(step) < len(found) else None
        else:
            found = cast("JsonObject", found).get(step) if isinstance(found, dict) else None
    return found


def _anchors(schema: object) -> Iterator[tuple[str, object]]:
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for name in _ANCHORS:
                anchor = one.get(name)
                if isinstance(anchor, str):
                    yield anchor, one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
