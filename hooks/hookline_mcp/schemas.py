"""JSON Schemas as MCP clients, and the models behind them, take them.

The protocol wants an object at the top and objects as the schemas of its properties. Models' own services
want more: no ``anyOf``, ``oneOf`` or ``allOf`` at the top, and no keywords that JSON Schema does not know.
A model reads every letter of it before each call, so labels inside of a field, fields that are on their way
out and definitions that nothing uses are left out. All is checked as ever when the tool is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hookline.connector import JsonObject

_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items",
    "contains",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
)
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
_DEFINITIONS = ("$defs", "definitions")
_MOST_STEPS = 20
_INSIDE = 9
"""Level of what stands inside of a field; the fields themselves are on level 1."""


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
    losses: tuple[str, ...] = ()


def shape_input(schema: JsonObject, *, hidden: Iterable[str] = ()) -> Shaped:
    """Return the schema of a tool's arguments.

    Args:
        schema: The schema of an action's input.
        hidden: Fields that are not offered.
    """
    root = _resolve(_cleaned(schema))
    groups: list[tuple[str, ...]] = []
    losses: list[str] = []
    for keyword in _AT_THE_TOP:
        if keyword not in root:
            continue
        rule = root.pop(keyword)
        group = _fields_of(rule) if keyword == "anyOf" else None
        if group is not None:
            groups.append(group)
            continue
        losses.append(f"`{keyword}` at the top is left out")
        if keyword in ("allOf", "anyOf", "oneOf") and isinstance(rule, list):
            _merge(root, rule, are_all=keyword == "allOf")
    unwanted = set(hidden)
    demanded = root.get("required")
    properties: JsonObject = {}
    for name, value in _as_dict(root.get("properties")).items():
        if name in unwanted:
            continue
        if _as_dict(value).get("deprecated") is True and name not in (demanded or ()):
            losses.append(f"`{name}` is left out: it is deprecated")
            unwanted.add(name)
            continue
        properties[name] = _as_object(value)
    root["type"] = "object"
    root["properties"] = properties
    required = root.get("required")
    if isinstance(required, list):
        root["required"] = [name for name in required if name not in unwanted]
        if not root["required"]:
            del root["required"]
    return Shaped(schema=_ordered(root), one_of=tuple(groups), losses=tuple(losses))


def shape_output(schema: JsonObject) -> JsonObject | None:
    """Return the schema of a tool's structured result; None if no object fits it.

    An output is always an object, so to say so at the top changes nothing.
    """
    root = _resolve(_cleaned(schema))
    kinds = root.get("type", "object")
    if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
        return None
    root["type"] = "object"
    if "properties" in root:
        root["properties"] = {name: _as_object(value) for name, value in _as_dict(root["properties"]).items()}
    return _ordered(root)


def _cleaned(schema: object) -> JsonObject:
    """Return a copy without keywords of ours, such as ``x-options``; what is data stays as it is."""
    copied = _clean(schema)
    return copied if isinstance(copied, dict) else {}


def _clean(schema: object, level: int = 0) -> object:
    if not isinstance(schema, dict):
        return schema
    found: JsonObject = {}
    for key, value in schema.items():
        if key.startswith("x-") or key in ("$id", "$schema", "$comment"):
            continue
        if key == "title" and level > 1:
            continue
        if key in _MAPS and isinstance(value, dict):
            below = level + 1 if key == "properties" else _INSIDE
            found[key] = {name: _clean(inner, below) for name, inner in value.items()}
        elif key in _LISTS and isinstance(value, list):
            found[key] = [_clean(inner, _INSIDE) for inner in value]
        elif key in _SINGLE:
            found[key] = _clean(value, _INSIDE)
        else:
            found[key] = value
    return found


def _resolve(root: JsonObject) -> JsonObject:
    """Return a schema whose top is no reference: what it leads to stands there itself."""
    found = dict(root)
    for _ in range(_MOST_STEPS):
        reference = found.pop("$ref", None)
        if reference is None:
            break
        target = _look_up(root, reference)
        if target is None:
            found["$ref"] = reference
            break
        found = {**target, **found}
    return found


def _look_up(root: JsonObject, reference: object) -> JsonObject | None:
    for place in _DEFINITIONS:
        prefix = f"#/{place}/"
        if isinstance(reference, str) and reference.startswith(prefix):
            name = reference.removeprefix(prefix).replace("~1", "/").replace("~0", "~")
            found = _as_dict(root.get(place)).get(name)
            return found if isinstance(found, dict) else None
    return None


def _fields_of(rule: object) -> tuple[str, ...] | None:
    """Return the fields of a rule that says no more than that one of them must be there."""
    if not isinstance(rule, list):
        return None
    names = []
    for one in rule:
        required = one.get("required") if isinstance(one, dict) and set(one) == {"required"} else None
        if not isinstance(required, list) or len(required) != 1:
            return None
        names.append(str(required[0]))
    return tuple(names)


def _merge(root: JsonObject, rules: list[object], *, are_all: bool) -> None:
    """Offer the fields of all alternatives; what only some of them demand is not demanded."""
    properties = dict(_as_dict(root.get("properties")))
    demands: list[set[str]] = []
    for rule in rules:
        resolved = _resolve({**_as_dict(rule), "$defs": root.get("$defs", {})})
        for name, value in _as_dict(resolved.get("properties")).items():
            properties.setdefault(name, value)
        required = resolved.get("required")
        demands.append(set(required) if isinstance(required, list) else set())
    root["properties"] = properties
    more = set().union(*demands) if are_all else set.intersection(*demands) if demands else set()
    present = root.get("required")
    own = list(present) if isinstance(present, list) else []
    root["required"] = own + sorted(more - set(own))


def _as_dict(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _as_object(value: object) -> JsonObject:
    """Return the schema of a property as an object: the protocol takes no ``true`` and ``false`` there."""
    if isinstance(value, dict):
        return value
    return {} if value is True else {"not": {}}


def _ordered(root: JsonObject) -> JsonObject:
    """Return a schema that begins with what a reader looks for, and ends with its definitions."""
    first = {key: root[key] for key in ("type", "properties", "required") if key in root}
    rest = {key: value for key, value in root.items() if key not in first and key not in _DEFINITIONS}
    rest.pop("title", None)
    rest.pop("description", None)
    return first | rest | _used_definitions(first | rest, root)


def _used_definitions(schema: JsonObject, root: JsonObject) -> JsonObject:
    """Return the definitions that a schema leads to, whatever they lead to included."""
    whole = {key: root[key] for key in _DEFINITIONS if isinstance(root.get(key), dict)}
    names = {f"#/{place}/{name}" for place, named in whole.items() for name in _as_dict(named)}
    seen: set[str] = set()
    wanted = list(_references(schema))
    while wanted:
        reference = wanted.pop()
        if reference in seen:
            continue
        if reference not in names:
            return whole  # it leads somewhere else in the document: nothing can be left out safely
        seen.add(reference)
        wanted += _references(_look_up(root, reference))
    kept = {
        place: {name: value for name, value in _as_dict(named).items() if f"#/{place}/{name}" in seen}
        for place, named in whole.items()
    }
    return {place: named for place, named in kept.items() if named}


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
