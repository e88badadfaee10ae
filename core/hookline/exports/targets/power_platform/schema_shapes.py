"""What a JSON Schema takes, as one flat shape: references, `allOf`, `anyOf` and the rest worked into it.

A shape takes at least what its schema takes, and more where a flat form cannot say it; `Shape.lost` tells
what that was. Members of objects and entries of lists stay schemas, so that recursion does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from hookline.action import JsonObject

T = TypeVar("T")

ALL_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "default",
        "example",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$comment",
    }
)

MERGED = "x-merged"
"""Marks a schema that was put together here, and may grow without end when schemas hold each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Bounds of a number, a length or a count; None where there is none."""

    least: float | None = None
    most: float | None = None
    is_above: bool = False
    is_below: bool = False

    def within(self, other: Range) -> Range:
        """Return what lies in both."""
        least, is_above = _tighter((self.least, self.is_above), (other.least, other.is_above), 1)
        most, is_below = _tighter((self.most, self.is_below), (other.most, other.is_below), -1)
        return Range(least=least, most=most, is_above=is_above, is_below=is_below)

    def around(self, other: Range) -> Range:
        """Return what holds both."""
        least, is_above = _looser((self.least, self.is_above), (other.least, other.is_above), 1)
        most, is_below = _looser((self.most, self.is_below), (other.most, other.is_below), -1)
        return Range(least=least, most=most, is_above=is_above, is_below=is_below)


_Bound = tuple[float | None, bool]


def _tighter(one: _Bound, other: _Bound, sign: int) -> _Bound:
    if one[0] is None or other[0] is None:
        return one if other[0] is None else other
    if one[0] == other[0]:
        return one[0], one[1] or other[1]
    return one if (one[0] > other[0]) == (sign > 0) else other


def _looser(one: _Bound, other: _Bound, sign: int) -> _Bound:
    if one[0] is None or other[0] is None:
        return None, False
    if one[0] == other[0]:
        return one[0], one[1] and other[1]
    return one if (one[0] < other[0]) == (sign > 0) else other


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a schema takes.

    Attributes:
        types: Names of the types; what takes numbers takes integers.
        choices: The only values, all of them scalars; None if any will do.
        labels: What people read instead of a value, by the value as JSON.
        number: Bounds of numbers.
        step: What a number is a multiple of.
        length: Bounds of a text's length.
        pattern: Regular expression of a text.
        format: Format of a text or number.
        items: Schema of the entries of a list.
        count: Bounds of the number of entries.
        is_unique: Whether entries differ.
        members: Schemas of an object's members.
        needed: Names of members that have to be there.
        others: Schema of the members that have no schema of their own.
        size: Bounds of the number of members.
        notes: Title, description and what else says nothing of values.
        lost: What the schema says and the shape does not.
    """

    types: frozenset[str] = ALL_TYPES
    choices: tuple[object, ...] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    number: Range = Range()
    step: float | None = None
    length: Range = Range()
    pattern: str | None = None
    format: str | None = None
    items: object = True
    count: Range = Range()
    is_unique: bool = False
    members: dict[str, object] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    others: object = True
    size: Range = Range()
    notes: JsonObject = field(default_factory=dict)
    lost: frozenset[str] = frozenset()

    @property
    def is_nothing(self) -> bool:
        """Whether no value fits."""
        return not self.types or self.choices == ()


ANYTHING = Shape()
NOTHING = Shape(types=frozenset())


def join(one: Shape, other: Shape) -> Shape:
    """Return what fits both shapes; the first one's notes win."""
    types = one.types & other.types
    choices = one.choices
    if choices is None or other.choices is None:
        choices = other.choices if choices is None else choices
    else:
        known = {key_of(value) for value in other.choices}
        choices = tuple(value for value in choices if key_of(value) in known)
    names = dict.fromkeys([*one.members, *other.members])
    lost = one.lost | other.lost
    if one.pattern and other.pattern and one.pattern != other.pattern:
        lost |= {"pattern"}
    if one.step and other.step and one.step != other.step:
        lost |= {"step"}
    return Shape(
        types=types,
        choices=None if choices is None else fitting(choices, types),
        labels={**other.labels, **one.labels},
        number=one.number.within(other.number),
        step=one.step or other.step,
        length=one.length.within(other.length),
        pattern=one.pattern or other.pattern,
        format=one.format or other.format,
        items=both([one.items, other.items]),
        count=one.count.within(other.count),
        is_unique=one.is_unique or other.is_unique,
        members={
            name: both([one.members.get(name, one.others), other.members.get(name, other.others)])
            for name in names
        },
        needed=tuple(dict.fromkeys([*one.needed, *other.needed])),
        others=both([one.others, other.others]),
        size=one.size.within(other.size),
        notes={**other.notes, **one.notes},
        lost=lost,
    )


def unite(shapes: Iterable[Shape], *, is_closed: bool = False) -> Shape:
    """Return what holds every one of some shapes.

    Args:
        shapes: The shapes.
        is_closed: Whether a member that one object names is taken to be absent from one that does not, as
            people who fill in a form take it; else it may be anything there.
    """
    some = [one for one in shapes if not one.is_nothing]
    if not some:
        return NOTHING
    if len(some) == 1:
        return some[0]
    values = [one for one in some if one.types != {"null"}]
    texts = [one for one in some if "string" in one.types]
    numbers = [one for one in some if one.types & {"integer", "number"}]
    lists = [one for one in some if "array" in one.types]
    objects = [one for one in some if "object" in one.types]
    lost = frozenset().union(*(one.lost for one in some))
    if len({tuple(one.members) for one in objects}) > 1 or any(one.members for one in objects[1:]):
        lost |= {"alternatives"}
    elif len({one.needed for one in objects}) > 1:
        lost |= {"needed"}
    return Shape(
        types=frozenset().union(*(one.types for one in some)),
        choices=_all_choices(some),
        labels={key: text for one in some for key, text in one.labels.items()},
        number=_around([one.number for one in numbers]),
        step=_same([one.step for one in numbers]),
        length=_around([one.length for one in texts]),
        pattern=_same([one.pattern for one in texts]),
        format=_same([one.format for one in (texts or numbers)]),
        items=either([one.items for one in lists]) if lists else True,
        count=_around([one.count for one in lists]),
        is_unique=bool(lists) and all(one.is_unique for one in lists),
        members=_all_members(objects, is_closed=is_closed),
        needed=tuple(
            name
            for name in (objects[0].needed if objects else ())
            if all(name in one.needed for one in objects)
        ),
        others=either([one.others for one in objects]) if objects else True,
        size=_around([one.size for one in objects]),
        notes=values[0].notes if len(values) == 1 else {},
        lost=lost,
    )


def _all_choices(shapes: list[Shape]) -> tuple[object, ...] | None:
    found: dict[str, object] = {}
    for one in shapes:
        if one.types == {"null"}:
            found.setdefault("null", None)
        elif one.choices is None:
            return None
        else:
            found.update((key_of(value), value) for value in one.choices if key_of(value) not in found)
    return tuple(found.values())


def _all_members(objects: list[Shape], *, is_closed: bool) -> dict[str, object]:
    members: dict[str, object] = {}
    for name in dict.fromkeys(name for one in objects for name in one.members):
        here = [one.members.get(name, one.others) for one in objects]
        if is_closed:
            named = [one.members[name] for one in objects if name in one.members]
            here = named + [
                one.others for one in objects if name not in one.members and not is_anything(one.others)
            ]
        members[name] = either(here)
    return members


def _around(ranges: list[Range]) -> Range:
    found = ranges[0] if ranges else Range()
    for one in ranges[1:]:
        found = found.around(one)
    return found


def _same(values: list[T | None]) -> T | None:
    return values[0] if values and all(value == values[0] for value in values) else None


def either(schemas: Iterable[object]) -> object:
    """Return a schema that takes what any of some schemas takes."""
    some = _distinct(schemas, "anyOf")
    some = [one for one in some if one is not False]
    if not some:
        return False
    if len(some) == 1:
        return some[0]
    if any(is_anything(one) for one in some):
        return _telling(some) or True
    return {"anyOf": some, MERGED: True, **_telling(some)}


def both(schemas: Iterable[object]) -> object:
    """Return a schema that takes what each of some schemas takes."""
    some = _distinct(schemas, "allOf")
    if any(one is False for one in some):
        return False
    bare = [one for one in some if not (is_anything(one) and not _telling([one]))]
    if len(bare) <= 1:
        return bare[0] if bare else True
    return {"allOf": bare, MERGED: True, **_telling(bare)}


def _distinct(schemas: Iterable[object], keyword: str) -> list[object]:
    """Return schemas without repetitions; those within schemas of the same kind stand on their own."""
    several = list({key_of(one): one for one in schemas}.values())
    if len(several) == 1:
        return several
    found: dict[str, object] = {}
    for one in several:
        inner = one.get(keyword) if isinstance(one, dict) else None
        if (
            isinstance(one, dict)
            and isinstance(inner, list)
            and set(one) <= {keyword, MERGED, "title", "description"}
        ):
            found.update((key_of(part), part) for part in inner if key_of(part) not in found)
        elif one is True or one is False or isinstance(one, dict):
            found.setdefault(key_of(one), one)
        else:
            found.setdefault("true", True)  # no schema at all
    return list(found.values())


def _telling(schemas: list[object]) -> JsonObject:
    """Return title and description of the first schema that has them."""
    found: JsonObject = {}
    for one in schemas:
        for name in ("title", "description"):
            if isinstance(one, dict) and isinstance(one.get(name), str):
                found.setdefault(name, one[name])
    return found


def is_anything(schema: object) -> bool:
    """Tell whether a schema plainly takes everything."""
    return schema is True or (
        isinstance(schema, dict) and all(name in ANNOTATIONS or name.startswith("x-") for name in schema)
    )


def key_of(value: object) -> str:
    """Return a value as JSON that is the same for the same value; 1 and true differ, 1 and 1.0 do not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def type_of(value: object) -> str:
    """Return the name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if isinstance(value, int) or value.is_integer() else "number"
    return {"str": "string", "list": "array"}.get(type(value).__name__, "object")


def fitting(values: Iterable[object], types: frozenset[str]) -> tuple[object, ...]:
    """Return those of some values that are of some types."""
    return tuple(value for value in values if type_of(value) in types)


def restrict(shape: Shape, types: frozenset[str]) -> Shape:
    """Return a shape that takes only some of its types."""
    choices = None if shape.choices is None else fitting(shape.choices, types)
    return replace(shape, types=types, choices=choices)
