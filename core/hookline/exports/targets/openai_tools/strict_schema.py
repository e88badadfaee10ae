"""From any input schema to one under which OpenAI promises that a tool's arguments fit.

Every object is closed, every member is required, and what may be left out may be null; the gateway takes a
null for a field that is not there. What such a schema cannot say is asked for as JSON text, which the gateway
reads.

Source: OpenAI's guide "Structured model outputs", section on supported schemas.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from hookline.engine.references import as_names, as_object, follow
from hookline.exports.open_objects import open_object
from hookline.exports.schema_reading import alternatives_of, choices_of, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject

    Lose = Callable[[str, str, str], None]

_MAX_DEPTH = 10  # most levels of objects and lists inside each other
_MAX_PARTS = 5_000
_MAX_ALTERNATIVES = 50
_UNFIT = re.compile(r"[^A-Za-z0-9_]")
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_NUMBER = ("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_KEPT: dict[str, tuple[str, ...]] = {
    "string": ("pattern",),
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": (),
    "null": (),
}
_ANNOTATIONS = ("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly")
_NULL: JsonObject = {"type": "null"}


class StrictSchema:
    """Writes one schema under the rules.

    Args:
        root: The action's input schema.
        lose: Told the place, what is lost and the way round it.
        left_out: Members of the input that no tool needs.
    """

    def __init__(self, root: JsonObject, *, lose: Lose, left_out: frozenset[str] = frozenset()) -> None:
        self._root = root
        self._lose = lose
        self._left_out = left_out
        self._names: dict[str, str] = {}
        self._defined: dict[str, JsonObject] = {}
        self._left = _MAX_PARTS

    def write(self) -> JsonObject:
        """Return the schema."""
        whole, _ = open_object(self._root)
        members = {
            name: member
            for name, member in as_object(whole.get("properties")).items()
            if name and name not in self._left_out
        }
        written = self._write_object({**whole, "properties": members}, "", 1)
        return {**written, "$defs": self._defined} if self._defined else written

    def _write(self, member: object, place: str, depth: int) -> JsonObject:
        own = as_object(member)
        if isinstance(own.get("$ref"), str) and not choices_of(list(alternatives_of(own, self._root))):
            return self._refer(own, place)
        words = _words({**follow(own, self._root), **own})
        self._left -= 1
        if self._left < 0:
            return self._as_text(words, place, "The schema is too large.")
        if "allOf" in own:
            only = _only_reference(own)
            if only is not None:
                return self._refer(only, place)
            some = list(islice(alternatives_of(own, self._root), _MAX_ALTERNATIVES))
            if len(some) != 1:
                return self._join(some, words, place, depth)
            own = some[0]
        choices = choices_of([one for one in alternatives_of(own, self._root) if one.get("type") != "null"])
        if choices:
            return {**words, **_choice([*choices, None] if _has_null(own, self._root) else choices)}
        branches = own.get("anyOf", own.get("oneOf"))
        if isinstance(branches, list) and branches and "properties" not in own:
            rest = {name: value for name, value in own.items() if name not in ("anyOf", "oneOf")}
            return self._join([{**rest, **as_object(one)} for one in branches], words, place, depth)
        types = own.get("type")
        if isinstance(types, list):
            return self._join([{**own, "type": one} for one in types], words, place, depth)
        return {**words, **self._write_plain(own, words, place, depth)}

    def _write_plain(self, own: JsonObject, words: JsonObject, place: str, depth: int) -> JsonObject:
        kind = str(own.get("type") or ("object" if "properties" in own else ""))
        if kind in _KEPT:
            kept = {"type": kind, **{name: own[name] for name in _KEPT[kind] if name in own}}
            return {**kept, "format": own["format"]} if own.get("format") in _FORMATS else kept
        if depth > _MAX_DEPTH:
            return self._as_text(words, place, "It lies too deep.")
        if kind == "object" and own.get("properties"):
            return self._write_object(own, place, depth)
        if kind == "array" and isinstance(own.get("items"), dict) and "prefixItems" not in own:
            bounds: JsonObject = {name: own[name] for name in ("minItems", "maxItems") if name in own}
            return {"type": "array", **bounds, "items": self._write(own["items"], f"{place}[]", depth + 1)}
        return self._as_text(words, place, "What it holds is not described.")

    def _write_object(self, own: JsonObject, place: str, depth: int) -> JsonObject:
        """Return an object with exactly its members."""
        if own.get("additionalProperties") not in (None, False):
            self._lose(
                place, "A strict tool takes no members that are not listed.", "Call the action itself."
            )
        needed = as_names(own.get("required"))
        members: dict[str, JsonObject] = {}
        for name, member in as_object(own.get("properties")).items():
            one = self._write(member, f"{place}.{name}" if place else name, depth + 1)
            members[name] = one if name in needed else _nullable(one)
        return {
            "type": "object",
            **_words(own),
            "properties": members,
            "required": list(members),
            "additionalProperties": False,
        }

    def _join(self, branches: list[JsonObject], words: JsonObject, place: str, depth: int) -> JsonObject:
        """Return what takes any of several; those that are equal count once."""
        if not branches:
            return self._as_text(words, place, "It is never right.")
        written = [self._write(one, place, depth) for one in branches]
        flat: list[JsonObject] = []
        for one in written:
            inner = one.get("anyOf")
            flat += [as_object(part) for part in inner] if isinstance(inner, list) else [one]
        distinct = list({repr(one): one for one in flat}.values())
        return {**distinct[0], **words} if len(distinct) == 1 else {**words, "anyOf": distinct}

    def _refer(self, own: JsonObject, place: str) -> JsonObject:
        """Return a reference to a definition, which is written once; so a schema may hold itself."""
        reference = str(own["$ref"])
        if reference == "#":
            return {"$ref": "#"}
        if reference not in self._names:
            base = _UNFIT.sub("_", reference.rpartition("/")[2])
            name, number = base, 2
            while name in self._defined:
                name, number = f"{base}_{number}", number + 1
            self._names[reference] = name
            self._defined[name] = {}  # taken
            self._defined[name] = self._write(follow(own, self._root), place, 1)
        return {"$ref": f"#/$defs/{self._names[reference]}"}

    def _as_text(self, words: JsonObject, place: str, why: str) -> JsonObject:
        self._lose(place, f"{why} A strict tool cannot say that.", "The tool asks for it as JSON text.")
        text = str(words.get("description") or "A value.")
        return {"type": "string", "description": f"{text} Write it as JSON text."}


def _only_reference(own: JsonObject) -> JsonObject | None:
    """Return the reference that stands alone in ``allOf``, beside nothing but words."""
    parts = own["allOf"]
    if not isinstance(parts, list) or len(parts) != 1 or not set(own) <= {"allOf", *_ANNOTATIONS}:
        return None
    part = as_object(parts[0])
    return part if isinstance(part.get("$ref"), str) else None


def _words(schema: JsonObject) -> JsonObject:
    text = schema.get("description") or schema.get("title")
    return {"description": " ".join(str(text).split())} if text else {}


def _has_null(own: JsonObject, root: JsonObject) -> bool:
    return any(
        one.get("type") == "null" or one.get("const", "") is None or _holds_null(one.get("enum"))
        for one in alternatives_of(own, root)
    )


def _holds_null(values: object) -> bool:
    return isinstance(values, list) and None in values


def _choice(values: list[object]) -> JsonObject:
    names = list(dict.fromkeys(type_name(value) for value in values))
    return {"type": names[0] if len(names) == 1 else names, "enum": values}


def _nullable(schema: JsonObject) -> JsonObject:
    """Return a schema that takes null too."""
    branches, values, kind = schema.get("anyOf"), schema.get("enum"), schema.get("type")
    if isinstance(branches, list):
        return schema if _NULL in branches else {**schema, "anyOf": [*branches, _NULL]}
    if isinstance(values, list):
        return schema if None in values else {**schema, **_choice([*values, None])}
    if kind in ("object", "array") or "$ref" in schema:
        inner = {name: value for name, value in schema.items() if name != "description"}
        return {**_words(schema), "anyOf": [inner, _NULL]}
    return schema if kind == "null" else {**schema, "type": [kind, "null"]}
