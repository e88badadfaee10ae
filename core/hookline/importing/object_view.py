"""A schema as the fields of an object, where it is nothing else: references and ``allOf`` put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hookline.importing.document import MAX_HOPS, Document, JsonObject, list_of, object_of
from hookline.importing.findings import LeftOutError
from hookline.importing.keywords import types_of
from hookline.importing.texts import clean

Direction = Literal["input", "output"]
"""``input``: callers give it, so fields that are ``readOnly`` are left out. ``output``: they get it, so those
that are ``writeOnly`` are."""

MAX_FIELD_NAME = 200
"""Most characters of a field's name."""
MAX_DESCRIPTION = 300
"""Most characters of the description of a field."""

_MAX_DEPTH = 8
_MAX_PARTS = 200
_MAX_FIELDS = 500
_MAX_SIDES_LOOKED_AT = 20


@dataclass(kw_only=True, slots=True)
class ObjectView:
    """The fields of an object.

    Attributes:
        fields: Schemas by name, as the document has them.
        required: Names of those that must be there.
        left_out: Names of fields that only the other side fills in.
        others: What is said of further fields; None if nothing is.
        description: What the object is.
        is_object: Whether it is said to be an object.
        has_rules: Whether there are rules about which fields go together.
        steps: How many schemas were put together for it.
    """

    fields: dict[str, object] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    others: object = None
    description: str = ""
    is_object: bool = False
    has_rules: bool = False
    steps: int = 0


def view_object(document: Document, raw: object, *, direction: Direction) -> ObjectView | None:
    """Return the fields of a schema that is a plain object; None if it is anything else.

    Args:
        document: Whose schema it is.
        raw: The schema as the document has it.
        direction: Whether callers give it or get it.
    """
    found = ObjectView()
    is_plain = _collect(document, raw, direction, found, frozenset(), 0)
    return found if is_plain and found.is_object and len(found.fields) <= _MAX_FIELDS else None


def sides_of(document: Document, member: object) -> frozenset[Direction]:
    """Return in which directions a field is not there: it, what it refers to, or a part of it says so.

    Args:
        document: Whose field it is.
        member: Its schema as the document has it.
    """
    found: set[Direction] = set()
    waiting = [member]
    for one in waiting:
        try:
            raw = document.follow(one)
        except LeftOutError:
            continue
        for holder in (raw, object_of(one)):
            if holder.get("readOnly") is True:
                found.add("input")
            if holder.get("writeOnly") is True:
                found.add("output")
        if len(waiting) < _MAX_SIDES_LOOKED_AT:
            waiting += list_of(raw.get("allOf"))[:_MAX_SIDES_LOOKED_AT]
    return frozenset(found)


def other_side_fields(document: Document, raw: JsonObject, direction: Direction) -> set[str]:
    """Return the names of fields that only the other side fills in, in a schema and all its ``allOf``.

    Args:
        document: Whose schema it is.
        raw: The schema.
        direction: Whether callers give it or get it.
    """
    found: set[str] = set()
    seen: set[int] = set()
    waiting: list[object] = [raw]
    for one in waiting:
        try:
            told = document.follow(one)
        except LeftOutError:
            continue
        if id(told) in seen or len(seen) > _MAX_PARTS:
            continue
        seen.add(id(told))
        for name, member in object_of(told.get("properties")).items():
            if direction in sides_of(document, member):
                found.add(name)
        waiting += list_of(told.get("allOf"))[:_MAX_PARTS]
    return found


def _collect(
    document: Document,
    raw: object,
    direction: Direction,
    found: ObjectView,
    above: frozenset[int],
    depth: int,
) -> bool:
    """Add the fields of a schema; tell whether it is nothing but fields."""
    for _ in range(MAX_HOPS):
        if not isinstance(raw, dict):
            return False
        reference = raw.get("$ref")
        if not isinstance(reference, str):
            break
        try:
            raw = document.at(reference)
        except KeyError:
            return False
    else:
        return False
    found.steps += 1
    if id(raw) in above or depth > _MAX_DEPTH or found.steps > _MAX_PARTS:
        return False
    above |= {id(raw)}
    types = types_of(raw, lambda reason, what: None)
    if types and "object" not in types:
        return False
    properties = raw.get("properties")
    has_fields = isinstance(properties, dict)
    for keyword in ("oneOf", "anyOf"):
        branches = list_of(raw.get(keyword))
        if branches and not (has_fields and all(_only_narrows(one) for one in branches)):
            return False
        found.has_rules = found.has_rules or bool(branches)
    for part in list_of(raw.get("allOf")):
        if _only_narrows(part):
            found.required += [
                one for one in list_of(object_of(part).get("required")) if isinstance(one, str)
            ]
        elif not _collect(document, part, direction, found, above, depth + 1):
            return False
    found.is_object = found.is_object or has_fields or "object" in types
    for name, member in object_of(properties).items():
        if direction not in sides_of(document, member) and len(name) <= MAX_FIELD_NAME:
            found.fields[name] = member
        else:
            found.left_out.add(name)
    found.required += [one for one in list_of(raw.get("required")) if isinstance(one, str)]
    others = raw.get("additionalProperties")
    if others is not None:
        found.others = others
    found.description = found.description or clean(raw.get("description"), MAX_DESCRIPTION)
    found.has_rules = found.has_rules or any(name in raw for name in ("not", "if", "dependentSchemas"))
    return True


def _only_narrows(branch: object) -> bool:
    """Tell whether a branch only says which fields are needed."""
    return (
        isinstance(branch, dict)
        and bool(branch)
        and set(branch)
        <= {
            "required",
            "not",
            "title",
            "description",
            "type",
        }
    )
