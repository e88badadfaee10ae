"""The schemas of a document that names them: those of actions with what they refer to, each under a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from hookline.engine.references import as_object, follow
from hookline.exports.named_places import with_pointers
from hookline.exports.schema_walk import map_schemas, move_references

if TYPE_CHECKING:
    from hookline.action import JsonObject

_UNFIT = re.compile(r"[^A-Za-z0-9_]")
_DEFINITIONS = ("$defs", "definitions")
_OF_FILES = ("$schema", "$id", "$anchor", "$dynamicAnchor", "$comment")


class Components:
    """Collects named schemas.

    Args:
        prefix: What a reference to one begins with, such as ``#/components/schemas/``.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.schemas: dict[str, JsonObject] = {}

    def add(self, name: str, schema: JsonObject) -> JsonObject:
        """Add a schema with all that it defines, and return a reference to it.

        What it defines gets its name in front, so that two actions can each have a ``Message``.
        """
        name = self._free_name(name)
        self.schemas[name] = {}  # taken
        schema = with_pointers(schema)
        homes = {"": name}
        for keyword in _DEFINITIONS:
            for inner in as_object(schema.get(keyword)):
                own = self._free_name(name + _UNFIT.sub("_", inner[:1].upper() + inner[1:]))
                self.schemas[own] = {}
                homes[f"/{keyword}/{_escape(inner)}"] = own
        schema = map_schemas(schema, lambda one: _without_circle(one, schema))
        whole = move_references(schema, lambda reference: self._move(reference, homes))
        for keyword in _DEFINITIONS:
            for inner, definition in as_object(whole.pop(keyword, None)).items():
                self.schemas[homes[f"/{keyword}/{_escape(inner)}"]] = without_file_words(
                    as_object(definition)
                )
        self.schemas[name] = without_file_words(whole)
        return {"$ref": self._prefix + name}

    def _move(self, reference: str, homes: dict[str, str]) -> str:
        pointer = unquote(reference[1:])
        for beginning in sorted(homes, key=len, reverse=True):
            if pointer == beginning or pointer.startswith(beginning + "/"):
                return self._prefix + homes[beginning] + quote(pointer[len(beginning) :], safe="/~$")
        return reference

    def _free_name(self, name: str) -> str:
        free, number = name, 2
        while free in self.schemas:
            free, number = f"{name}{number}", number + 1
        return free


def _without_circle(one: JsonObject, root: JsonObject) -> JsonObject:
    """Return a schema without a reference in a circle: that one allows anything, and hangs tools."""
    if "$ref" not in one or follow(one, root):
        return one
    return {name: value for name, value in one.items() if name != "$ref"}


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def without_file_words(schema: JsonObject) -> JsonObject:
    """Return a schema without what says where it is published, which would lead references astray."""
    return map_schemas(
        schema, lambda one: {name: value for name, value in one.items() if name not in _OF_FILES}
    )
