"""References by name: ``$anchor`` and ``$id`` become plain pointers, which every reader follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urldefrag, urljoin

from hookline.exports.schema_walk import map_schemas

if TYPE_CHECKING:
    from hookline.action import JsonObject

_ANCHORS = ("$anchor", "$dynamicAnchor")


def with_pointers(schema: JsonObject) -> JsonObject:
    """Return a schema whose references are pointers into it; one that leads elsewhere is left out."""
    base = schema.get("$id")
    root = urldefrag(base)[0] if isinstance(base, str) else ""
    places = {root: "", "": ""}
    for pointer, one in _walk(schema, ""):
        for keyword in _ANCHORS:
            if isinstance(one.get(keyword), str):
                places.setdefault(f"#{one[keyword]}", pointer)
                places.setdefault(f"{root}#{one[keyword]}", pointer)
        if pointer and isinstance(one.get("$id"), str):
            places.setdefault(str(one["$id"]), pointer)
            places.setdefault(urljoin(root, str(one["$id"])), pointer)

    def change(one: JsonObject) -> JsonObject:
        reference = one.get("$ref", one.get("$dynamicRef"))
        if not isinstance(reference, str):
            return one
        rest = {name: value for name, value in one.items() if name not in ("$ref", "$dynamicRef")}
        found = _find(reference, places)
        return rest if found is None else {"$ref": found, **rest}

    return map_schemas(schema, change)


def _find(reference: str, places: dict[str, str]) -> str | None:
    if reference == "#" or reference.startswith("#/"):
        return reference
    if reference in places:
        return "#" + places[reference]
    file, fragment = urldefrag(reference)
    if file in places and (not fragment or fragment.startswith("/")):
        return "#" + places[file] + fragment
    return None


def _walk(value: object, pointer: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield every object of a schema with the pointer that leads to it."""
    if isinstance(value, dict):
        yield pointer, cast("JsonObject", value)
        for name, inner in value.items():
            step = quote(name.replace("~", "~0").replace("/", "~1"), safe="~$")
            yield from _walk(inner, f"{pointer}/{step}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _walk(inner, f"{pointer}/{position}")
