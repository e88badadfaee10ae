"""JSON Schemas as MCP clients, and the models behind them, take them.

The protocol wants an object at the top and objects as the schemas of its properties. Models' own services
want more: no ``anyOf``, ``oneOf`` or ``allOf`` at the top, no keywords that JSON Schema does not know, and
names of plain letters. A model reads every letter of a schema before each call, so labels inside of a field,
fields that are on their way out and definitions that nothing uses are left out. All is checked as ever when
the tool is called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.engine.references import as_names, as_object
from hookline.order import RAW_JSON
from hookline_mcp.alternatives import offer_all
from hookline_mcp.cleaning import cleaned
from hookline_mcp.definitions import DEFINITIONS, leads_astray, used_definitions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.action import JsonObject

_AT_THE_TOP = (
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependentRequired",
)
_CLOSING = ("additionalProperties", "unevaluatedProperties")
_ABOUT_ALL = (*_CLOSING, "patternProperties", "propertyNames", "minProperties", "maxProperties")
"""What a schema says of fields whatever their names are, or of how many there are."""
_PLAIN = re.compile(r"[a-zA-Z0-9_.-]{1,64}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """Something that a schema does not say.

    Attributes:
        place: The field; empty if it is the input as a whole.
        lost: What is not said.
        instead: What to do.
    """

    place: str
    lost: str
    instead: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaped:
    """A schema that clients take.

    Attributes:
        schema: The schema.
        one_of: Groups of fields of which at least one must be filled in; the schema does not say so.
        losses: What else it does not say.
    """

    schema: JsonObject
    one_of: tuple[tuple[str, ...], ...] = ()
    losses: tuple[Lost, ...] = ()


def shape_input(schema: JsonObject, *, hidden: Iterable[str] = ()) -> Shaped:
    """Return the schema of a tool's arguments.

    Args:
        schema: The schema of an action's input.
        hidden: Fields that are not offered.
    """
    root = cleaned(schema)
    groups: list[tuple[str, ...]] = []
    losses: list[Lost] = []
    for keyword in _AT_THE_TOP:
        if keyword in root:
            rule = root.pop(keyword)
            group = _group_in(rule) if keyword == "anyOf" else None
            if group is not None:
                groups.append(group)
                continue
            losses.append(Lost(place="", lost=f"`{keyword}` for the input as a whole.", instead=_CHECKED))
            root.pop("unevaluatedProperties", None)  # it counts what the rule names
            if isinstance(rule, list):
                offer_all(root, rule, are_all=keyword == "allOf")
    losses += _drop_unreadable(root)
    fields = as_object(root.get("properties"))
    needed = as_names(root.get("required"))
    left_out = set(hidden) & fields.keys()
    kept = {*left_out, *needed, *(name for group in groups for name in group)}
    for name, value in fields.items():
        if name in kept or as_object(value).get("deprecated") is not True:
            continue
        left_out.add(name)
        losses.append(Lost(place=name, lost="A field on its way out.", instead="It is taken all the same."))
        losses += _drop(root, _CLOSING)
    odd = [name for name in fields if name not in left_out and not _PLAIN.match(name)]
    offered = {
        name: _as_schema(value) for name, value in fields.items() if name not in left_out and name not in odd
    }
    required = [name for name in needed if name not in left_out and name not in odd]
    way = "The action has a field of that name, so it cannot be given."
    if odd and RAW_JSON not in fields:
        offered[RAW_JSON] = _raw_field(odd, needed)
        required += [RAW_JSON] if any(name in needed for name in odd) else []
        way = f"Put it into `{RAW_JSON}`."
    losses += [Lost(place=name, lost="A name that models cannot write.", instead=way) for name in odd]
    if odd and any(name in root for name in _ABOUT_ALL[2:]):
        losses += _drop(root, _ABOUT_ALL)
    root |= {"type": "object", "properties": offered, "required": required}
    if not required:
        del root["required"]
    return Shaped(schema=_ordered(root), one_of=tuple(groups), losses=tuple(losses))


def shape_output(schema: JsonObject) -> JsonObject | None:
    """Return the schema of a tool's structured result; None if no object fits it.

    An output is always an object, so to say so at the top changes nothing.
    """
    root = cleaned(schema)
    kinds = root.get("type", "object")
    if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
        return None
    root["type"] = "object"
    if "properties" in root:
        root["properties"] = {
            name: _as_schema(value) for name, value in as_object(root["properties"]).items()
        }
    return {"type": "object"} if leads_astray(root, root) else _ordered(root)


_CHECKED = "It is checked when the tool is called; the error names the field."


def _drop(root: JsonObject, keywords: tuple[str, ...]) -> list[Lost]:
    """Take rules about fields that are not named away; return what that loses."""
    found = [name for name in keywords if root.pop(name, True) is not True]
    named = ", ".join(f"`{name}`" for name in found)
    return [Lost(place="", lost=f"{named} for the input as a whole.", instead=_CHECKED)] if found else []


def _drop_unreadable(root: JsonObject) -> list[Lost]:
    """Take away what has a reference that leads nowhere in the schema; return what that loses."""
    losses = []
    fields = as_object(root.get("properties"))
    for name, value in fields.items():
        if leads_astray(as_object(value), root):
            about = {key: one for key, one in as_object(value).items() if key in ("title", "description")}
            fields[name] = about
            losses.append(Lost(place=name, lost="What it takes: its schema leads outside.", instead=_CHECKED))
    if any(leads_astray({name: root[name]}, root) for name in _ABOUT_ALL if name in root):
        losses += _drop(root, _ABOUT_ALL)
    return losses


def _group_in(rule: object) -> tuple[str, ...] | None:
    """Return the fields of a rule that says no more than that one of them must be there."""
    names = []
    for one in rule if isinstance(rule, list) else [None]:
        required = as_names(as_object(one).get("required"))
        if len(required) != 1 or set(as_object(one)) != {"required"}:
            return None
        names += required
    return tuple(names)


def _raw_field(odd: list[str], needed: list[str]) -> JsonObject:
    named = ", ".join(f"`{name}`" + (" (needed)" if name in needed else "") for name in odd)
    return {
        "type": "object",
        "description": f"Fields whose names cannot stand beside the others: {named}.",
        "additionalProperties": True,
    }


def _as_schema(value: object) -> JsonObject:
    """Return the schema of a property as an object: the protocol takes no ``true`` and ``false`` there."""
    if isinstance(value, dict):
        return value
    return {} if value is True else {"not": {}}


def _ordered(root: JsonObject) -> JsonObject:
    """Return a schema that begins with what a reader looks for, and ends with the definitions in use."""
    first = {key: root[key] for key in ("type", "properties", "required") if key in root}
    left = (*first, *DEFINITIONS, "title", "description")
    body = first | {key: value for key, value in root.items() if key not in left}
    return body | used_definitions(body, root)
