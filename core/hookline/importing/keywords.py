"""Keywords of schemas that stand alone: bounds, patterns, choices, examples. OpenAPI's into JSON Schema's.

Source: OpenAPI 2.0 and 3.0, "Schema Object"; JSON Schema 2020-12, validation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from hookline.importing import reasons
from hookline.importing.findings import Reason

JsonObject = dict[str, object]
Note = Callable[[Reason, str], None]

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_MISNAMED = {
    "int": "integer",
    "int32": "integer",
    "int64": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "bool": "boolean",
    "str": "string",
    "text": "string",
    "date": "string",
    "datetime": "string",
    "date-time": "string",
    "uuid": "string",
    "file": "string",
    "list": "array",
    "dict": "object",
    "map": "object",
}
_ANYTHING = frozenset({"any", "mixed", "*", "unknown"})
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS = (
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("minContains", "maxContains"),
)
_MAX_INTEGER = 2**63 - 1
_INT32 = 2**31
_MAX_PATTERN = 2_000
_MAX_PATTERN_BYTES = 1_000_000
_MAX_EXAMPLE = 300
_MAX_DEFAULT = 1_000
_MAX_VALUE_DEPTH = 8
_MAX_ENUM = 2_000
_MAX_FORMAT = 40
_NUMERIC_FORMATS = frozenset(
    {"int32", "int64", "float", "double", "int", "long", "decimal", "integer", "number"}
)


def types_of(schema: JsonObject, note: Note) -> list[str]:
    """Return the types that a schema allows, null among them; none if it allows all."""
    given = schema.get("type")
    names = given if isinstance(given, list) else [] if given is None else [given]
    found: list[str] = []
    for name in names:
        known = _MISNAMED.get(name.lower(), name.lower()) if isinstance(name, str) else None
        if known in TYPES:
            found.append(str(known))
        elif known in _ANYTHING:
            return []
        else:
            note(reasons.WRONG_PART, f"type {str(name)[:40]!r}")
    if is_nullable(schema) and found:
        found.append("null")
    return list(dict.fromkeys(found))


def is_nullable(schema: JsonObject) -> bool:
    """Tell whether a schema says, in OpenAPI's own word, that null is allowed too."""
    return schema.get("nullable") is True or schema.get("x-nullable") is True


def simple_keywords(schema: JsonObject, types: list[str], note: Note) -> JsonObject:
    """Return the keywords of a schema that need no other schema, as JSON Schema 2020-12 has them.

    Args:
        schema: The schema as the document has it.
        types: What `types_of` returned.
        note: Told what cannot be taken over.
    """
    found: JsonObject = {}
    _add_format(schema, types, found)
    _add_choices(schema, types, found, note)
    _add_bounds(schema, types, found, note)
    pattern = schema.get("pattern")
    if pattern is not None:
        if is_safe_pattern(pattern):
            found["pattern"] = pattern
        else:
            note(reasons.PATTERN, f"pattern {str(pattern)[:60]}")
    if schema.get("uniqueItems") is True:
        found["uniqueItems"] = True
    if schema.get("deprecated") is True:
        found["deprecated"] = True
    if "default" in schema and is_small(schema["default"], _MAX_DEFAULT):
        default = schema["default"]
        if default is not None and _fits_type(default, types):
            found["default"] = default
    example = _example_of(schema)
    if example is not None and is_small(example, _MAX_EXAMPLE) and _fits_type(example, types):
        found["examples"] = [example]
    return found


def is_safe_pattern(pattern: object) -> bool:
    """Tell whether a regular expression can be checked in a time that grows with the text only."""
    return isinstance(pattern, str) and len(pattern) <= _MAX_PATTERN and _compiles(pattern)


@lru_cache(maxsize=4096)
def _compiles(pattern: str) -> bool:
    import jsonschema_rs

    options = jsonschema_rs.RegexOptions(size_limit=_MAX_PATTERN_BYTES)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True


def is_small(value: object, most: int) -> bool:
    """Tell whether a JSON value is worth to be shown: about so many characters, and not nested deeply."""
    left = most
    level = [value]
    for _ in range(_MAX_VALUE_DEPTH):
        below: list[object] = []
        for one in level:
            if isinstance(one, dict):
                left -= 2 + sum(len(name) + 4 for name in one)
                below += one.values()
            elif isinstance(one, list):
                left -= 2 + 2 * len(one)
                below += one
            else:
                left -= len(one) if isinstance(one, str) else 5
            if left < 0:
                return False
        if not below:
            return True
        level = below
    return False


def _example_of(schema: JsonObject) -> object:
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return schema.get("example", schema.get("x-example"))


def _fits_type(value: object, types: list[str]) -> bool:
    if not types:
        return True
    if isinstance(value, bool):
        return "boolean" in types
    if isinstance(value, int):
        return "integer" in types or "number" in types
    if isinstance(value, float):
        return "number" in types or ("integer" in types and value.is_integer())
    if value is None:
        return "null" in types
    kind = "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
    return kind in types


def _is_text_format(given: object) -> bool:
    return isinstance(given, str) and 0 < len(given) <= _MAX_FORMAT and given not in _NUMERIC_FORMATS


def _add_format(schema: JsonObject, types: list[str], found: JsonObject) -> None:
    given = schema.get("format")
    is_file = str(schema.get("type")).lower() == "file"
    if is_file or given in ("binary", "byte", "base64"):
        if not types or "string" in types:
            found["contentEncoding"] = "base64"
    elif _is_text_format(given) and (not types or "string" in types):
        found["format"] = given
    for keyword in ("contentEncoding", "contentMediaType"):
        if isinstance(schema.get(keyword), str) and len(str(schema[keyword])) <= 100:
            found[keyword] = schema[keyword]


def _add_choices(schema: JsonObject, types: list[str], found: JsonObject, note: Note) -> None:
    if "const" in schema and is_small(schema["const"], _MAX_DEFAULT):
        found["const"] = schema["const"]
    given = schema.get("enum")
    if given is None:
        return
    if not isinstance(given, list) or not given or len(given) > _MAX_ENUM:
        note(reasons.WRONG_PART, "enum")
        return
    values: list[object] = []
    seen: set[tuple[type, object]] = set()
    for value in given:
        value = _as_type(value, types)
        if isinstance(value, (dict, list)):
            if is_small(value, _MAX_DEFAULT):
                values.append(value)
        elif (key := (type(value), value)) not in seen:
            seen.add(key)
            values.append(value)
    if ("null" in types or is_nullable(schema)) and None not in values:
        values.append(None)
    found["enum"] = values


def _as_type(value: object, types: list[str]) -> object:
    """Return a choice as its type has it: YAML reads ``1`` as a number also where texts are meant."""
    if types and types[0] == "string" and "null" not in types[:1]:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)) and len(set(types) - {"null"}) == 1:
            return str(value)
    if (
        types
        and types[0] == "integer"
        and isinstance(value, str)
        and value.lstrip("-").isdigit()
        and len(value) < 19
    ):
        return int(value)
    return value


def _add_bounds(schema: JsonObject, types: list[str], found: JsonObject, note: Note) -> None:
    for name in _BOUNDS:
        value = schema.get(name)
        if value is None or isinstance(value, bool):
            continue
        number = _number(value)
        if number is None or (name == "multipleOf" and number <= 0):
            note(reasons.NUMBER, f"{name} {str(value)[:40]}")
        else:
            found[name] = number
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(exclusive) is True and plain in found:
            found[exclusive] = found.pop(plain)
    if schema.get("format") == "int32" and types[:1] == ["integer"]:
        if "exclusiveMinimum" not in found:
            found.setdefault("minimum", -_INT32)
        if "exclusiveMaximum" not in found:
            found.setdefault("maximum", _INT32 - 1)
    for name in _COUNTS:
        value = schema.get(name)
        if value is None:
            continue
        number = _number(value)
        if number is None or number < 0 or number != int(number):
            note(reasons.NUMBER, f"{name} {str(value)[:40]}")
        else:
            found[name] = int(number)


def _number(value: object) -> int | float | None:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value) if "." in value or "e" in value.lower() else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    if not -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER:
        return None
    return value
