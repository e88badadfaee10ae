"""Following the local references of a JSON Schema."""

from __future__ import annotations

from urllib.parse import unquote

JsonObject = dict[str, object]

_MAX_HOPS = 16


def follow(schema: JsonObject, root: JsonObject) -> JsonObject:
    """Return what a schema's ``$ref`` points to within ``root``; the schema itself if it has none.

    A reference that leads nowhere, or around in a circle, gives an empty schema.
    """
    for _ in range(_MAX_HOPS):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            return schema
        target: object = root
        for part in parts_of(unquote(reference[1:])):
            target = as_object(target).get(part)
        schema = as_object(target)
    return {}


def parts_of(pointer: str) -> list[str]:
    """Return the parts of a JSON pointer: ``$defs`` and ``a/b`` of ``/$defs/a~1b``, none of an empty one.

    Args:
        pointer: What stands before its first slash is left out; what was percent-encoded is decoded.

    Source: RFC 6901, section 4.
    """
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def as_object(value: object) -> JsonObject:
    """Return a JSON object as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def as_names(value: object) -> list[str]:
    """Return the texts of a list, such as a schema's ``required``; none of anything else."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
