"""The shape of JSON: which members there are and of which types, whatever their values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_NAMES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}


@dataclass
class Shape:
    """What values at one place look like.

    Attributes:
        types: Names of JSON types, without ``null``: whether a value is there is no shape.
        members: Shapes of an object's members.
        items: Shape of a list's items, all taken together; None if no item was seen.
    """

    types: set[str] = field(default_factory=set)
    members: dict[str, Shape] = field(default_factory=dict)
    items: Shape | None = None

    def add(self, value: object) -> None:
        """Take one more value into account."""
        if value is None:
            return
        self.types.add(_NAMES[type(value)])
        if isinstance(value, dict):
            for name, member in value.items():
                self.members.setdefault(str(name), Shape()).add(member)
        elif isinstance(value, list):
            for member in value:
                self.items = self.items or Shape()
                self.items.add(member)


def shape_of(values: Iterable[object]) -> Shape:
    """Return the shape that values have together."""
    shape = Shape()
    for value in values:
        shape.add(value)
    return shape


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that is not as it was.

    Attributes:
        where: Place, such as ``exchanges[0].answer.body.data[].name``.
        kind: ``added``, ``removed``, ``type``, ``status``, ``media type``, ``requests`` or ``kind``.
        before: What was recorded.
        now: What there is.
    """

    where: str
    kind: str
    before: str
    now: str

    def __str__(self) -> str:
        match self.kind:
            case "added":
                return f"{self.where} is new: {self.now}."
            case "removed":
                return f"{self.where} is gone: it was {self.before}."
            case _:
                return f"{self.where}: {self.kind} was {self.before} and is {self.now}."


def changes_between(before: Shape, now: Shape, where: str) -> Iterator[Change]:
    """Yield what is different between two shapes. What was or is null or empty may be anything."""
    if before.types and now.types and before.types != now.types:
        yield Change(where=where, kind="type", before=_types(before), now=_types(now))
        return
    if "object" in before.types and "object" in now.types:
        for name, member in before.members.items():
            if name not in now.members:
                yield Change(where=f"{where}.{name}", kind="removed", before=_types(member), now="nothing")
            else:
                yield from changes_between(member, now.members[name], f"{where}.{name}")
        for name, member in now.members.items():
            if name not in before.members:
                yield Change(where=f"{where}.{name}", kind="added", before="nothing", now=_types(member))
    if before.items is not None and now.items is not None:
        yield from changes_between(before.items, now.items, f"{where}[]")


def _types(shape: Shape) -> str:
    return " or ".join(sorted(shape.types)) or "null"
