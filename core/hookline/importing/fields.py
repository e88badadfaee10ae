"""The fields of one action's input: where each goes, and what it is called where names collide."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hookline.importing import reasons
from hookline.importing.texts import words_of

if TYPE_CHECKING:
    from hookline.importing.document import JsonObject
    from hookline.importing.findings import Findings

Where = Literal["path", "query", "header", "cookie", "body", "content"]
Style = Literal["repeat", "comma", "brackets"]

_ORDER: tuple[Where, ...] = ("path", "query", "body", "content", "header", "cookie")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")


@dataclass(kw_only=True, slots=True)
class InputField:
    """One field.

    Attributes:
        name: What the service calls it.
        where: Where it goes.
        schema: Its JSON Schema.
        is_required: Whether it must be given.
        style: How lists and objects are written.
    """

    name: str
    where: Where
    schema: JsonObject
    is_required: bool = False
    style: Style = "repeat"


@dataclass(kw_only=True, slots=True)
class InputForm:
    """The fields as a manifest has them.

    Attributes:
        schema: JSON Schema of the input.
        places: Where fields go that do not go there by default.
        names: The input's names by where they go and the service's names.
    """

    schema: JsonObject
    places: JsonObject = field(default_factory=dict)
    names: dict[tuple[Where, str], str] = field(default_factory=dict)


def make_form(
    fields: list[InputField], *, takes_body: bool, others: object, findings: Findings, place: str
) -> InputForm:
    """Return the input of an action.

    Args:
        fields: Its fields, in the document's order.
        takes_body: Whether fields go into the body by default; if not, into the query.
        others: JSON Schema of further members of the body; False if there are none.
        findings: Told which fields were renamed.
        place: The operation, for findings.
    """
    rest: Where = "body" if takes_body else "query"
    form = InputForm(schema={"type": "object"})
    properties: dict[str, JsonObject] = {}
    required: list[str] = []
    taken: set[str] = set()
    names = _names(fields, findings, place)
    for one in sorted(fields, key=lambda one: (not one.is_required, _ORDER.index(one.where))):
        name = names[one.where, one.name]
        if name in taken:
            continue
        taken.add(name)
        properties[name] = one.schema
        if one.is_required:
            required.append(name)
        there = one.name if one.name != name else None
        is_default = one.where == rest or (one.where == "path" and there is None)
        if is_default and there is None and one.style == "repeat":
            continue
        if there is None and one.style == "repeat":
            form.places[name] = one.where
        elif one.where != "path":
            told: JsonObject = {"where": one.where}
            if there is not None:
                told["name"] = there
            if one.style != "repeat":
                told["style"] = one.style
            form.places[name] = told
    form.names = names
    form.schema["properties"] = properties
    if required:
        form.schema["required"] = required
    form.schema["additionalProperties"] = others
    return form


def _names(fields: list[InputField], findings: Findings, place: str) -> dict[tuple[Where, str], str]:
    """Return a name for each field: its own, cleaned, and with where it goes in front if that is taken.

    Names in bodies are kept as they are, because a dot in the name of a place has a meaning there.
    """
    found: dict[tuple[Where, str], str] = {}
    numbers: dict[str, int] = {}  # how far those of a name were counted
    taken = {one.name for one in fields if one.where == "body" and not _can_rename(one)}
    for one in sorted(fields, key=lambda one: (_ORDER.index(one.where), one.name)):
        key = (one.where, one.name)
        if key in found:
            continue
        if one.where == "body" and not _can_rename(one):
            found[key] = one.name
            continue
        plain = one.name if one.where == "body" else field_name(one.name, is_header=one.where == "header")
        name = plain
        if name in taken:
            name = wanted = f"{one.where}_{plain}"
            number = numbers.get(wanted, 2)
            while name in taken:
                name, number = f"{wanted}_{number}", number + 1
            numbers[wanted] = number
            findings.add(reasons.RENAMED, place, f"{plain} → {name}")
        taken.add(name)
        found[key] = name
    return found


def _can_rename(one: InputField) -> bool:
    return "." not in one.name


def field_name(name: str, *, is_header: bool = False) -> str:
    """Return a name that is pleasant in a form and in an expression: ``filter[state]`` is `filter_state`."""
    if _PLAIN_NAME.match(name) and not is_header:
        return name
    text = "_".join(words_of(name))[:100]
    if not text:
        return "field"
    return text if not text[0].isdigit() else f"field_{text}"
