"""Reading a JSON Schema the way a form does: one row per field, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hookline.engine.references import as_object, follow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookline.action import JsonObject

_TYPE_WORDS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
}
_MAX_CHOICES = 6
_MAX_NESTING = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldRow:
    """One field of an input or output.

    Attributes:
        name: Name in JSON.
        type: What it takes, in words.
        is_required: Whether it must be given.
        limits: Range, length or choices; empty if there are none.
        meaning: What it means.
        is_advanced: Whether a form hides it at first.
    """

    name: str
    type: str
    is_required: bool
    limits: str
    meaning: str
    is_advanced: bool


def read_fields(schema: JsonObject) -> list[FieldRow]:
    """Return the fields of an object schema in their order; required ones are not moved."""
    required = schema.get("required")
    names = cast("list[object]", required) if isinstance(required, list) else []
    return [
        row_of(name, as_object(member), schema, is_required=name in names)
        for name, member in as_object(schema.get("properties")).items()
    ]


def row_of(name: str, member: JsonObject, root: JsonObject, *, is_required: bool) -> FieldRow:
    """Return the row of one field.

    Args:
        name: Name in JSON.
        member: Its schema.
        root: The whole schema, which references lead into.
        is_required: Whether it must be given.
    """
    return FieldRow(
        name=name,
        type=_type_of(member, root),
        is_required=is_required,
        limits=_limits_of(member, root),
        meaning=str(member.get("description") or member.get("title") or ""),
        is_advanced=member.get("x-advanced") is True,
    )


def branches_of(member: JsonObject, root: JsonObject) -> Iterator[JsonObject]:
    """Yield the alternatives of a schema, local references followed; what several lead to comes once."""
    yield from _branches_of(member, root, {})


def _branches_of(member: JsonObject, root: JsonObject, seen: dict[int, JsonObject]) -> Iterator[JsonObject]:
    member = follow(member, root)
    if id(member) in seen:
        return
    seen[id(member)] = member
    alternatives = [one for keyword in ("anyOf", "oneOf") for one in _as_list(member.get(keyword))]
    if not alternatives:
        yield member
    for one in alternatives:
        yield from _branches_of(as_object(one), root, seen)


def _type_of(member: JsonObject, root: JsonObject) -> str:
    return _types_of(member, root, 0, {})


def _types_of(member: JsonObject, root: JsonObject, depth: int, known: dict[tuple[int, int], str]) -> str:
    if (id(member), depth) in known:
        return known[id(member), depth]
    words: dict[str, None] = {}
    for branch in branches_of(member, root):
        types = branch.get("type")
        for type_name in types if isinstance(types, list) else [types]:
            if type_name == "array":
                items = as_object(branch.get("items"))
                inner = _types_of(items, root, depth + 1, known) if items and depth < _MAX_NESTING else ""
                words.setdefault(f"list of {inner}" if inner and " or " not in inner else "list")
            elif type_name in _TYPE_WORDS:
                words.setdefault(_TYPE_WORDS[str(type_name)])
            elif type_name is None and ("const" in branch or "enum" in branch):
                words.setdefault("text")
    known[id(member), depth] = " or ".join(words) or "anything"
    return known[id(member), depth]


def _limits_of(member: JsonObject, root: JsonObject) -> str:
    found: dict[str, None] = {}
    for branch in branches_of(member, root):
        for text in _limits_of_branch(branch):
            found.setdefault(text)
    return "; ".join(found)


def _limits_of_branch(branch: JsonObject) -> Iterator[str]:
    low = branch.get("minimum", branch.get("exclusiveMinimum"))
    high = branch.get("maximum", branch.get("exclusiveMaximum"))
    if low is not None and high is not None:
        yield f"{low} to {high}"
    elif low is not None:
        yield f"at least {low}" if "minimum" in branch else f"more than {low}"
    elif high is not None:
        yield f"at most {high}" if "maximum" in branch else f"less than {high}"
    choices = [*_as_list(branch.get("enum")), *([branch["const"]] if "const" in branch else [])]
    shown = [str(choice) for choice in choices if choice is not None]
    if shown:
        yield ", ".join(shown[:_MAX_CHOICES]) + (", …" if len(shown) > _MAX_CHOICES else "")
    for keyword, unit in (("Length", "characters"), ("Items", "items"), ("Properties", "members")):
        least, most = branch.get(f"min{keyword}"), branch.get(f"max{keyword}")
        if most is not None:
            yield f"{least or 0} to {most} {unit}"
        elif least == 1:
            yield "not empty"
        elif least is not None:
            yield f"at least {least} {unit}"
    if "pattern" in branch:
        yield f"like {branch['pattern']}"


def _as_list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
