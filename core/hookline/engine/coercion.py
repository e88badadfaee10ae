"""Turning what forms send into what a schema asks for.

Low-code tools send numbers, booleans and lists as text, and an empty field as an empty string. A string is
converted only where the schema does not take a string, so nothing that was right is changed. Some of them
write the whole number 4 as 4.0.
"""

from __future__ import annotations

import math
import re
from typing import cast

import orjson

from hookline.engine.json_text import MAX_DEPTH
from hookline.engine.references import as_object, follow

JsonObject = dict[str, object]

_INTEGER = re.compile(r"[+-]?\d{1,18}(\.0+)?\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?\Z", re.ASCII)
_BOOLEANS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_KEPT: dict[frozenset[type], frozenset[type]] = {}  # one of each; there are only so many
_MAX_LISTED = 10_000
_MOST_EXACT = 2.0**53  # whole numbers beyond it cannot be told apart as floats


class Coercion(dict[str, frozenset[type]]):
    """Converts values for one schema, which must not change; safe to share between threads.

    It holds, by the name of a field, the types of values that stay as they are, each from the field's
    first value on: most values are right, and a look at their types tells that.
    """

    def __init__(self, schema: JsonObject) -> None:
        super().__init__()
        self._schema = schema
        self._properties = as_object(schema.get("properties"))
        others = as_object(schema.get("additionalProperties"))
        self._kept_of_others = _types_kept(_branches(others, schema), is_optional=False)

    def apply(self, fields: JsonObject) -> None:
        """Convert in place, as `coerce` does."""
        doubted = [name for name, value in fields.items() if type(value) not in self[name] or value == ""]
        if doubted:
            _coerce_members(fields, doubted, self._schema, self._schema, MAX_DEPTH - 1)

    def __missing__(self, name: str) -> frozenset[type]:
        if name not in self._properties:  # callers may send any number of such names
            return self._kept_of_others
        branches = _branches(as_object(self._properties[name]), self._schema)
        kept = self[name] = _types_kept(branches, is_optional=name not in _required_of(self._schema))
        return kept


def coerce(fields: JsonObject, schema: JsonObject) -> None:
    """Convert strings, and integers written as 4.0, in place to the types that ``schema`` asks for.

    Optional fields that hold null or an empty string and whose schema takes neither are left out:
    a form's empty field means "not set". What cannot be converted stays as it is, for validation
    to report.
    """
    _coerce_members(fields, list(fields), schema, schema, MAX_DEPTH - 1)


def _coerce_members(
    fields: JsonObject, names: list[str], schema: JsonObject, root: JsonObject, levels: int
) -> None:
    properties = as_object(schema.get("properties"))
    required_names = _required_of(schema)
    for name in [name for name in names if name in properties]:
        value = fields[name]
        branches = _branches(as_object(properties[name]), root)
        if name not in required_names and _is_unset(value, branches):
            del fields[name]
        else:
            fields[name] = _coerce_value(value, branches, root, levels)
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and others:
        branches = _branches(cast("JsonObject", others), root)
        for name in [name for name in names if name not in properties]:
            fields[name] = _coerce_value(fields[name], branches, root, levels)


def _coerce_value(value: object, branches: list[JsonObject], root: JsonObject, levels: int) -> object:
    """Return ``value`` converted; JSON text is read only where it nests no deeper than ``levels``."""
    types = _types(branches)
    if isinstance(value, str) and types and "string" not in types:
        value = _from_text(value, types, levels)
    if isinstance(value, float) and "integer" in types and "number" not in types:
        value = as_whole(value)
    if isinstance(value, dict):
        branch = _matching_object(cast("JsonObject", value), branches)
        if branch is not None:
            members = cast("JsonObject", value)
            _coerce_members(members, list(members), branch, root, levels - 1)
    elif isinstance(value, list):
        items = _items_of(branches)
        if items:
            item_branches = _branches(items, root)
            kept = _types_kept(item_branches, is_optional=False)
            return [
                item if type(item) in kept else _coerce_value(item, item_branches, root, levels - 1)
                for item in value
            ]
    return value


def as_whole(value: object) -> object:
    """Return a whole number as an int, also if it was written as ``4.0``; anything else as it is.

    JSON Schema takes 4.0 for an integer, and so do services that are sent one; Python does not.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) <= _MOST_EXACT:
        return int(value)
    return value


def _from_text(text: str, types: set[str], levels: int) -> object:
    stripped = text.strip()
    if "integer" in types and _INTEGER.match(stripped):
        return int(stripped.partition(".")[0])
    if "number" in types and _NUMBER.match(stripped):
        number = float(stripped)
        return number if math.isfinite(number) else text
    if "boolean" in types and stripped.lower() in _BOOLEANS:
        return _BOOLEANS[stripped.lower()]
    if ("array" in types and stripped.startswith("[")) or ("object" in types and stripped.startswith("{")):
        try:
            parsed = orjson.loads(stripped)
        except orjson.JSONDecodeError:
            return text
        return parsed if _fits(parsed, levels) else text
    if "array" in types and stripped and stripped.count(",") < _MAX_LISTED:
        return [part.strip() for part in stripped.split(",")]
    return text


def _fits(value: object, levels: int) -> bool:
    """Tell whether a list or object nests no deeper than ``levels``."""
    level = [value]
    for _ in range(levels):
        children = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else cast("list[object]", item))
        ]
        level = [child for child in children if isinstance(child, (dict, list))]
        if not level:
            return True
    return False


def _is_unset(value: object, branches: list[JsonObject]) -> bool:
    types = _types(branches)
    if value is None:
        return bool(types) and "null" not in types
    return value == "" and bool(types) and not any(_takes_empty_text(branch) for branch in branches)


def _takes_empty_text(branch: JsonObject) -> bool:
    types = _types([branch])
    choices = branch.get("enum", [branch["const"]] if "const" in branch else [""])
    shortest = branch.get("minLength", 0)
    takes_text = (not types or "string" in types) and not (isinstance(shortest, int) and shortest > 0)
    return takes_text and isinstance(choices, list) and "" in choices


def _branches(schema: JsonObject, root: JsonObject) -> list[JsonObject]:
    """Return the alternatives of a schema with local references followed."""
    schema = follow(schema, root)
    found: list[JsonObject] = []
    for keyword in ("anyOf", "oneOf"):
        alternatives = schema.get(keyword)
        if isinstance(alternatives, list):
            for alternative in alternatives:
                found.append(follow(as_object(alternative), root))
    return found or [schema]


def _types(branches: list[JsonObject]) -> set[str]:
    found: set[str] = set()
    for branch in branches:
        types = branch.get("type")
        if isinstance(types, str):
            found.add(types)
        elif isinstance(types, list):
            found.update(str(item) for item in types)
        elif "const" in branch or "enum" in branch:
            found.add("string")
            choices = branch.get("enum", [branch["const"]] if "const" in branch else None)
            if isinstance(choices, list) and None in choices:
                found.add("null")
    return found


def _types_kept(branches: list[JsonObject], *, is_optional: bool) -> frozenset[type]:
    """Return the types of values that stay as they are, but for the empty text of an optional field."""
    types = _types(branches)
    kept: set[type] = {bool, int}
    if not is_optional or not types or "null" in types:
        kept.add(type(None))
    if not types or "string" in types:
        kept.add(str)
    if "integer" not in types or "number" in types:
        kept.add(float)
    if not _items_of(branches):
        kept.add(list)
    if not _objects_of(branches):
        kept.add(dict)
    return _KEPT.setdefault(frozenset(kept), frozenset(kept))


def _required_of(schema: JsonObject) -> list[object]:
    required = schema.get("required")
    return required if isinstance(required, list) else []


def _items_of(branches: list[JsonObject]) -> JsonObject:
    """Return the schema of a list's items, if only one branch takes a list; else an empty one."""
    items = [as_object(branch.get("items")) for branch in branches if "array" in _types([branch])]
    return items[0] if len(items) == 1 else {}


def _objects_of(branches: list[JsonObject]) -> list[JsonObject]:
    return [branch for branch in branches if "properties" in branch or "additionalProperties" in branch]


def _matching_object(value: JsonObject, branches: list[JsonObject]) -> JsonObject | None:
    """Return the object branch that ``value`` is meant for, by its constant members."""
    objects = _objects_of(branches)
    if len(objects) == 1:
        return objects[0]
    for branch in objects:
        constants = {
            name: as_object(member)["const"]
            for name, member in as_object(branch.get("properties")).items()
            if "const" in as_object(member)
        }
        if constants and all(value.get(name) == constant for name, constant in constants.items()):
            return branch
    return None
