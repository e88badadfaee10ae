"""Which schemas mean the same before and after they are converted.

A schema that says less is harmless where it stands alone: the service checks the rest.
Under ``not`` and ``if`` it is not: there what says less refuses what the service takes.
"""

from __future__ import annotations

from typing import cast

from hookline.importing.document import list_of
from hookline.importing.keywords import is_safe_pattern, simple_keywords, types_of

_NESTED = ("items", "additionalProperties", "contains", "propertyNames", "not")
_BY_NAME = ("properties", "patternProperties")
_LISTS = ("allOf", "anyOf", "prefixItems")
_KEPT = frozenset(
    {
        *("const", "enum", "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems"),
        *("minLength", "minProperties", "minimum", "multipleOf", "pattern", "uniqueItems"),
        *("exclusiveMaximum", "exclusiveMinimum"),
    }
)
_SAYS_NOTHING = frozenset(
    {"title", "description", "default", "example", "examples", "deprecated", "$comment", "type"}
)
_MAX_SCHEMAS = 100
_MAX_DEPTH = 4


def is_exact(raw: object) -> bool:
    """Tell whether a schema is taken over just as it is.

    References are not followed: what they lead to may be said less exactly, or left out later.

    Args:
        raw: The schema as the document has it.
    """
    waiting: list[tuple[object, int]] = [(raw, 0)]
    for one, depth in waiting:
        if isinstance(one, bool):
            continue
        if not isinstance(one, dict) or depth > _MAX_DEPTH or len(waiting) > _MAX_SCHEMAS:
            return False
        inner = _parts_of(cast("dict[str, object]", one))
        if inner is None:
            return False
        waiting += [(part, depth + 1) for part in inner]
    return True


def _parts_of(raw: dict[str, object]) -> list[object] | None:
    """Return the schemas in a schema; None if one of its own keywords is not taken over as it is."""
    notes: list[str] = []
    types = types_of(raw, lambda reason, what: notes.append(what))
    made = simple_keywords(raw, types, lambda reason, what: notes.append(what))
    if notes or raw.get("format") in ("int32", "binary", "byte", "base64"):
        return None
    parts: list[object] = []
    for name, value in raw.items():
        if name in _SAYS_NOTHING or name.startswith("x-"):
            continue
        if name == "required" and all(isinstance(one, str) for one in list_of(value)):
            continue
        if name in _BY_NAME and isinstance(value, dict):
            if name == "patternProperties" and not all(map(is_safe_pattern, value)):
                return None
            parts += value.values()
        elif name in _LISTS and isinstance(value, list):
            parts += value
        elif name in _NESTED and isinstance(value, (dict, bool)):
            parts.append(value)
        elif name not in _KEPT or (name not in made and value is not False) or made.get(name, value) != value:
            return None
    return parts
