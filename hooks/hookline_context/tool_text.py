"""Tools as the text that a model reads: a namespace of TypeScript functions.

OpenAI does not publish how it writes tools into a prompt. These rules give the number of tokens that the API
reported for every published call: with ``tools`` those of github.com/pamelafox/openai-messages-token-helper
and of OpenAI's cookbook, with the older ``functions`` those of github.com/hmarr/openai-chat-tokens. The two
fields are written differently.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hookline_context.json_text import json_text

_MAX_DEPTH = 20
_PLAIN = {"string": "string", "boolean": "boolean", "null": "null", "number": "number", "integer": "number"}
_CHOICES = ("anyOf", "oneOf", "allOf")


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolStyle:
    """How functions are written.

    Attributes:
        indent: Spaces by which each level is moved to the right.
        describes_inner: Whether descriptions of properties inside properties are there.
        folds: Whether an object without any description stands on one line.
    """

    indent: int
    describes_inner: bool
    folds: bool


TOOLS_STYLE = ToolStyle(indent=0, describes_inner=True, folds=True)
FUNCTIONS_STYLE = ToolStyle(indent=2, describes_inner=False, folds=False)


def write_functions(functions: Iterable[object], style: ToolStyle) -> str:
    """Return the text of functions; whatever has an unknown shape stands there as its JSON text."""
    lines = ["namespace functions {", ""]
    for function in functions:
        if not isinstance(function, dict):
            lines += [json_text(function), ""]
            continue
        if function.get("description"):
            lines.append(f"// {_text(function['description'])}")
        name, parameters = _text(function.get("name")), function.get("parameters")
        has_none = not parameters or (isinstance(parameters, dict) and not parameters.get("properties"))
        arguments = "" if has_none else f"_: {_write_object(parameters, style, 0, 0)}"
        lines += [f"type {name} = ({arguments}) => any;", ""]
    lines.append("} // namespace functions")
    return "\n".join(lines)


def _write_object(schema: object, style: ToolStyle, level: int, depth: int) -> str:
    """Return an object; ``level`` counts the objects around it, ``depth`` everything around it."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not isinstance(properties, dict):
        return json_text(schema)
    required = schema.get("required")
    names = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    pad = " " * (style.indent * level)
    lines: list[str] = []
    is_described = False
    for name, member in properties.items():
        description = member.get("description") if isinstance(member, dict) else None
        if description and (level == 0 or style.describes_inner):
            lines.append(f"{pad}// {_text(description)}")
            is_described = True
        mark = "" if name in names else "?"
        lines.append(f"{pad}{name}{mark}: {_write_type(member, style, level, depth + 1)},")
    if style.folds and not is_described and lines:
        return "{ " + " ".join(lines)[:-1] + " }"
    return "\n".join(["{", *lines, "}"])


def _write_type(schema: object, style: ToolStyle, level: int, depth: int) -> str:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return json_text(schema)
    for choice in _CHOICES:
        members = schema.get(choice)
        if isinstance(members, list):
            return " | ".join(_write_type(member, style, level, depth + 1) for member in members)
    kind, values = schema.get("type"), schema.get("enum")
    if isinstance(values, list):
        is_quoted = kind not in ("integer", "number")
        return " | ".join(f'"{_text(value)}"' if is_quoted else _text(value) for value in values)
    if isinstance(kind, list):
        kinds = dict.fromkeys(one if isinstance(one, str) else "any" for one in kind)
        return " | ".join(_write_type({**schema, "type": one}, style, level, depth + 1) for one in kinds)
    if kind == "array":
        return f"{_write_type(schema['items'], style, level, depth + 1) if 'items' in schema else 'any'}[]"
    if kind == "object" or (kind is None and "properties" in schema):
        return _write_object(schema, style, level + 1, depth + 1)
    return _PLAIN.get(kind, "any") if isinstance(kind, str) else "any"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json_text(value)
