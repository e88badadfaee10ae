"""The top of an input as one object: what function tools must begin with, without ruling out any input."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from hookline.engine.references import as_names, as_object
from hookline.exports.schema_reading import alternatives_of

if TYPE_CHECKING:
    from hookline.action import JsonObject

_MAX_ALTERNATIVES = 50


def open_object(schema: JsonObject) -> tuple[JsonObject, bool]:
    """Return a schema whose top is one object with members, and whether it takes more than the given one.

    Where the top offers several objects, a member takes what it takes in any of them, and is needed only if
    it is needed in all of them.
    """
    some = list(islice(alternatives_of(schema, schema), _MAX_ALTERNATIVES + 1))
    is_whole = len(some) <= _MAX_ALTERNATIVES
    objects = [one for one in some if "properties" in one or one.get("type") == "object"]
    members: dict[str, list[JsonObject]] = {}
    for one in objects:
        for name, member in as_object(one.get("properties")).items():
            known = members.setdefault(name, [])
            if as_object(member) not in known:
                known.append(as_object(member))
    needed = [name for name in members if all(name in as_names(one.get("required")) for one in objects)]
    opened: JsonObject = {
        "type": "object",
        **{name: schema[name] for name in ("title", "description") if name in schema},
        "properties": {
            name: found[0] if len(found) == 1 else {"anyOf": found} for name, found in members.items()
        },
    }
    if needed and is_whole:  # one that was not looked at may need less, and take more
        opened["required"] = needed
    if objects and is_whole and all(one.get("additionalProperties") is False for one in objects):
        opened["additionalProperties"] = False
    opened |= {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    is_looser = len(objects) > 1 or any(
        name in one for one in objects for name in ("anyOf", "oneOf", "not", "if", "dependentSchemas")
    )
    return opened, is_looser
