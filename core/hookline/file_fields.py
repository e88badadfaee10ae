"""Which fields of an input are files, as far as their schemas say so."""

from __future__ import annotations

from collections.abc import Iterator

from hookline.base64_content import clean_media_type
from hookline.encodings import FILE_MEMBERS
from hookline.engine.references import as_object, follow

JsonObject = dict[str, object]

_BINARY_FORMATS = frozenset({"binary", "byte"})
_BRANCHES = ("allOf", "anyOf", "oneOf")
_MAX_PARTS = 200


def holds_files(schema: JsonObject, root: JsonObject) -> bool:
    """Tell whether a field is a file in base64, or a list of files.

    A file is also an object with ``content`` in base64 and perhaps ``file_name`` and ``media_type``.

    Args:
        schema: The field's.
        root: The schema that its references are for.
    """
    return any(_is_file(part) or _is_file_object(part, root) for part in _parts(schema, root))


def media_type_of(schema: JsonObject, root: JsonObject) -> str | None:
    """Return what a file is by its field's schema; None if that says nothing that can stand in a header."""
    told = (part.get("contentMediaType") for part in _parts(schema, root))
    return next((found for one in told if isinstance(one, str) and (found := clean_media_type(one))), None)


def _is_file(schema: JsonObject) -> bool:
    return schema.get("contentEncoding") == "base64" or schema.get("format") in _BINARY_FORMATS


def _is_file_object(schema: JsonObject, root: JsonObject) -> bool:
    members = as_object(schema.get("properties"))
    content = as_object(members.get("content"))
    return members.keys() <= FILE_MEMBERS and any(_is_file(part) for part in _parts(content, root))


def _parts(schema: JsonObject, root: JsonObject) -> Iterator[JsonObject]:
    """Yield a schema, what it refers to, its branches, and those of the items of a list."""
    queue, seen = [(schema, False)], set[int]()
    for one, is_item in queue:
        if id(one) in seen or len(seen) == _MAX_PARTS:
            continue
        seen.add(id(one))
        yield one
        if "$ref" in one:
            queue.append((follow(one, root), is_item))
        for keyword in _BRANCHES:
            branches = one.get(keyword)
            if isinstance(branches, list):
                queue += [(as_object(branch), is_item) for branch in branches]
        if not is_item:
            queue.append((as_object(one.get("items")), True))
