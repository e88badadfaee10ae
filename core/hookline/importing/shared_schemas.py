"""Schemas that get a name: how they refer to each other, and which references would never end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.importing import reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hookline.importing.document import JsonObject
    from hookline.importing.findings import Findings
    from hookline.importing.object_view import Direction

Key = tuple[str, "Direction"]
"""Where a schema stands in the document, and for which direction it was converted."""


@dataclass(kw_only=True, slots=True)
class SharedSchema:
    """A schema that gets a name.

    Attributes:
        key: Where it stands in the document, and for which direction it was converted.
        raw: As the document has it.
        hint: What its name is made of.
        made: As JSON Schema; None until it is converted.
        references: References inside of it to others, and whether nothing lies between.
        has_sides: Whether it has fields for one direction only.
    """

    key: Key
    raw: object
    hint: str
    made: JsonObject | None = None
    references: list[tuple[JsonObject, Key, bool]] = field(default_factory=list)
    has_sides: bool = False
    name: str = ""


def closure_of_sides(shared: Mapping[Key, SharedSchema]) -> set[Key]:
    """Return the shared schemas that have fields for one direction, themselves or in what they refer to."""
    users: dict[Key, list[Key]] = {}
    for key, one in shared.items():
        for _, target, _ in one.references:
            users.setdefault(target, []).append(key)
    found = {key for key, one in shared.items() if one.has_sides}
    waiting = list(found)
    while waiting:
        for user in users.get(waiting.pop(), ()):
            if user not in found:
                found.add(user)
                waiting.append(user)
    return found


def break_circles(shared: Mapping[Key, SharedSchema], findings: Findings) -> None:
    """Cut references by which a schema is a part of itself with nothing between: none could be checked."""
    done: set[Key] = set()
    for start in sorted(shared):
        if start in done:
            continue
        path: dict[Key, Iterator[tuple[JsonObject, Key]]] = {start: _in_place_of(shared, start)}
        stack = [start]
        while stack:
            step = next(path[stack[-1]], None)
            if step is None:
                key = stack.pop()
                del path[key]
                done.add(key)
                continue
            reference, target = step
            if target in path:
                _cut(reference, shared[target], findings)
            elif target not in done:
                path[target] = _in_place_of(shared, target)
                stack.append(target)


def _in_place_of(shared: Mapping[Key, SharedSchema], key: Key) -> Iterator[tuple[JsonObject, Key]]:
    for reference, target, is_in_place in shared[key].references:
        if is_in_place:
            yield reference, target


def _cut(reference: JsonObject, target: SharedSchema, findings: Findings) -> None:
    """Put the plain fields of a schema where it would be inside of itself: those of a base type, mostly."""
    made = target.made or {}
    del reference["$ref"]
    kept: JsonObject = {name: made[name] for name in ("type", "properties", "required") if name in made}
    reference.update(kept)
    if "properties" not in kept:
        findings.add(reasons.CIRCLE, target.key[0])
