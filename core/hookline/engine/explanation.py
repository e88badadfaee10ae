"""Saying in plain words what a schema validator found wrong, and where.

A form's user does not know what ``anyOf`` is: an error of a union is told as the error of the branch that the
value was most likely meant for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import jsonschema_rs

from hookline.engine.references import follow

JsonObject = dict[str, object]
Errors = list[jsonschema_rs.ValidationError]

_MAX_LISTED = 10
_MAX_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        field: Path such as ``messages[0].role``; empty for the input as a whole.
        message: What is wrong with it, and what would be right.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"`{self.field}` {self.message}" if self.field else self.message


class Explanation:
    """Explains the errors of one value.

    Args:
        schema: What the value was checked against.
        value: The value.
    """

    def __init__(self, schema: JsonObject, value: object) -> None:
        self._schema = schema
        self._value = value

    def of(self, error: jsonschema_rs.ValidationError) -> Iterator[Problem]:
        """Yield what is wrong, one field at a time."""
        name, value = error.kind.name, error.kind.value
        field = self._path(error)
        if name in ("anyOf", "oneOf"):
            yield from self._of_union(field, cast("list[Errors]", value))
        elif name == "required":
            yield Problem(field=_member(field, str(value)), message="is required")
        elif name == "additionalProperties":
            known = self._known_fields(error)
            for unexpected in cast("list[str]", value)[:_MAX_LISTED]:
                near = difflib.get_close_matches(unexpected[:_MAX_SHOWN], known, n=1)
                hint = f"; did you mean `{near[0]}`?" if near else ""
                yield Problem(field=_member(field, unexpected), message=f"is not a field here{hint}")
        else:
            yield Problem(field=field, message=_phrase(name, value, error.instance))

    def _of_union(self, field: str, branches: list[Errors]) -> Iterator[Problem]:
        missing = [
            _member(field, str(branch[0].kind.value)) for branch in branches if _only_lacks_a_field(branch)
        ]
        if missing and len(missing) == len(branches):
            others = " or ".join(f"`{other}`" for other in missing[1:])
            yield Problem(field=missing[0], message=f"is required, or {others}")
            return
        own_depth = min((len(error.instance_path) for branch in branches for error in branch), default=0)
        meant = [
            branch
            for branch in branches
            if not any(_is_meant_otherwise(error, own_depth) for error in branch)
        ]
        if meant:
            for error in min(meant, key=len):
                yield from self.of(error)
            return
        yield self._of_no_branch(field, [error for branch in branches for error in branch], own_depth)

    def _of_no_branch(self, field: str, errors: Errors, own_depth: int) -> Problem:
        choices = [error for error in errors if error.kind.name in ("const", "enum")]
        places = {self._path(error) for error in choices}
        if len(places) == 1:
            wanted = _listed([value for error in choices for value in _as_list(error.kind.value)])
            return Problem(field=places.pop(), message=f"must be one of {wanted}")
        own = [
            error for error in errors if error.kind.name == "type" and len(error.instance_path) == own_depth
        ]
        if not own:
            return Problem(field=field, message="has no form that fits")
        types = _type_words([name for error in own for name in _as_list(error.kind.value)])
        return Problem(field=field, message=f"must be {types}, not {_shown(own[0].instance)}")

    def _path(self, error: jsonschema_rs.ValidationError) -> str:
        """Return the path of an error; the validator gives a member called "1" as a number."""
        path, node = "", self._value
        for part in error.instance_path:
            if isinstance(node, list):
                path = f"{path}[{part}]"
                node = node[int(part)]
            else:
                path = _member(path, str(part))
                node = node.get(str(part)) if isinstance(node, dict) else None
        return path

    def _known_fields(self, error: jsonschema_rs.ValidationError) -> list[str]:
        node: object = self._schema
        for part in list(error.schema_path)[:-1]:
            if isinstance(node, dict) and "$ref" in node and part not in node:
                node = follow(node, self._schema)
            if isinstance(node, dict):
                node = node.get(str(part))
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            else:
                return []
            if part == "$ref" and isinstance(node, str):
                node = follow({"$ref": node}, self._schema)
        properties = node.get("properties") if isinstance(node, dict) else None
        return list(properties) if isinstance(properties, dict) else []


def _only_lacks_a_field(branch: Errors) -> bool:
    return len(branch) == 1 and branch[0].kind.name == "required"


def _is_meant_otherwise(error: jsonschema_rs.ValidationError, own_depth: int) -> bool:
    """Tell whether an error means that the value was meant for another branch."""
    depth = len(error.instance_path)
    if error.kind.name == "type":
        return depth == own_depth
    return error.kind.name in ("const", "enum") and depth <= own_depth + 1


def _phrase(name: str, value: object, instance: object) -> str:
    match name:
        case "type":
            return f"must be {_type_words(_as_list(value))}, not {_shown(instance)}"
        case "enum":
            return f"must be one of {_listed(cast('list[object]', value))}, not {_shown(instance)}"
        case "const":
            return f"must be {_shown(value)}, not {_shown(instance)}"
        case "minimum":
            return f"must be at least {value}, not {_shown(instance)}"
        case "maximum":
            return f"must be at most {value}, not {_shown(instance)}"
        case "exclusiveMinimum":
            return f"must be more than {value}, not {_shown(instance)}"
        case "exclusiveMaximum":
            return f"must be less than {value}, not {_shown(instance)}"
        case "minLength":
            return "must not be empty" if value == 1 else f"must have at least {value} characters"
        case "maxLength":
            return f"must have at most {value} characters, not {len(str(instance)):,}"
        case "minItems":
            return "must not be an empty list" if value == 1 else f"must have at least {value} items"
        case "maxItems":
            size = len(instance) if isinstance(instance, list) else "more"
            return f"must have at most {value} items, not {size}"
        case "minProperties":
            return f"must have at least {value} members"
        case "maxProperties":
            return f"must have at most {value} members"
        case "propertyNames":
            return "has a member whose name is not allowed here"
        case "pattern":
            return f"must match {value}, which {_shown(instance)} does not"
        case _:
            return f"does not satisfy `{name}`"


_TYPE_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _type_words(names: list[object]) -> str:
    return " or ".join(dict.fromkeys(_TYPE_WORDS.get(str(name), str(name)) for name in names))


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _listed(values: list[object]) -> str:
    shown = list(dict.fromkeys(_shown(value) for value in values if value is not None))
    return ", ".join(shown[:20]) + (", …" if len(shown) > 20 else "")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _member(path: str, name: str) -> str:
    name = name[:_MAX_SHOWN]
    return f"{path}.{name}" if path else name
