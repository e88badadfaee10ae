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

from hookline.engine.references import as_object, follow
from hookline.exports.schema_walk import map_schemas
from hookline.order import RAW_JSON
from hookline_mcp.definitions import DEFINITIONS, has_only_definitions, used_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hookline.connector import JsonObject

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
_PLAIN = re.compile(r"[a-zA-Z0-9_.-]{1,64}\Z")
_OURS = ("$comment", "$id", "$schema")


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
    root = _cleaned(schema)
    if not has_only_definitions(root):  # what is left out might be what a reference leads to
        return Shaped(schema=_ordered({**root, "type": "object"}))
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
            if isinstance(rule, list):
                _offer_all(root, rule, are_all=keyword == "allOf")
    fields = as_object(root.get("properties"))
    needed = _names(root.get("required"))
    left_out = set(hidden) & fields.keys()
    for name, value in fields.items():
        if name in left_out or name in needed or as_object(value).get("deprecated") is not True:
            continue
        left_out.add(name)
        losses.append(Lost(place=name, lost="A field on its way out.", instead="It is taken all the same."))
    odd = [name for name in fields if name not in left_out and not _PLAIN.match(name)]
    offered = {
        name: _as_schema(value) for name, value in fields.items() if name not in left_out and name not in odd
    }
    required = [name for name in needed if name not in left_out and name not in odd]
    if odd and RAW_JSON not in fields:
        offered[RAW_JSON] = _raw_field(odd, needed)
        required += [RAW_JSON] if any(name in needed for name in odd) else []
        losses += [
            Lost(place=name, lost="A name that models cannot write.", instead=f"Put it into `{RAW_JSON}`.")
            for name in odd
        ]
    root |= {"type": "object", "properties": offered, "required": required}
    if not required:
        del root["required"]
    return Shaped(schema=_ordered(root), one_of=tuple(groups), losses=tuple(losses))


def shape_output(schema: JsonObject) -> JsonObject | None:
    """Return the schema of a tool's structured result; None if no object fits it.

    An output is always an object, so to say so at the top changes nothing.
    """
    root = _cleaned(schema)
    kinds = root.get("type", "object")
    if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
        return None
    root["type"] = "object"
    if "properties" in root:
        root["properties"] = {
            name: _as_schema(value) for name, value in as_object(root["properties"]).items()
        }
    return _ordered(root)


_CHECKED = "It is checked when the tool is called; the error names the field."


def _cleaned(schema: JsonObject) -> JsonObject:
    """Return a copy whose top is no reference, without keywords of ours and labels inside of fields."""
    plain = map_schemas(schema, _without(lambda name: name.startswith("x-") or name in _OURS))
    target = follow(plain, plain)
    root = {**target, **{name: value for name, value in plain.items() if name != "$ref"}}
    root["properties"] = {**as_object(target.get("properties")), **as_object(plain.get("properties"))}
    root["required"] = list(dict.fromkeys([*_names(target.get("required")), *_names(plain.get("required"))]))
    for name in ("properties", "required"):
        if not root[name]:
            del root[name]
    for place in DEFINITIONS:
        if isinstance(root.get(place), dict):
            root[place] = {name: _unlabelled(one) for name, one in as_object(root[place]).items()}
    if "properties" in root:
        root["properties"] = {name: _with_label(one) for name, one in as_object(root["properties"]).items()}
    return root


def _without(is_unwanted: Callable[[str], bool]) -> Callable[[JsonObject], JsonObject]:
    return lambda one: {name: value for name, value in one.items() if not is_unwanted(name)}


def _unlabelled(schema: object) -> object:
    if not isinstance(schema, dict):
        return schema
    return map_schemas(schema, _without(lambda name: name == "title"))


def _with_label(schema: object) -> object:
    if not isinstance(schema, dict) or "title" not in schema:
        return _unlabelled(schema)
    return {"title": schema["title"], **as_object(_unlabelled(schema))}


def _group_in(rule: object) -> tuple[str, ...] | None:
    """Return the fields of a rule that says no more than that one of them must be there."""
    names = []
    for one in rule if isinstance(rule, list) else [None]:
        required = _names(as_object(one).get("required"))
        if len(required) != 1 or set(as_object(one)) != {"required"}:
            return None
        names += required
    return tuple(names)


def _offer_all(root: JsonObject, rules: list[object], *, are_all: bool) -> None:
    """Offer the fields of all alternatives; what only some of them demand is not demanded."""
    properties = dict(as_object(root.get("properties")))
    demands: list[set[str]] = []
    for rule in rules:
        resolved = follow(as_object(rule), root)
        for name, value in as_object(resolved.get("properties")).items():
            properties.setdefault(name, value)
        demands.append(set(_names(resolved.get("required"))))
    own = _names(root.get("required"))
    more = (set.union if are_all else set.intersection)(*demands) if demands else set()
    root["properties"] = properties
    root["required"] = own + sorted(more - set(own))


def _raw_field(odd: list[str], needed: list[str]) -> JsonObject:
    named = ", ".join(f"`{name}`" + (" (needed)" if name in needed else "") for name in odd)
    return {
        "type": "object",
        "description": f"Fields whose names cannot stand beside the others: {named}.",
        "additionalProperties": True,
    }


def _names(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


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
