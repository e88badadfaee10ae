"""Checking a value against a JSON Schema, and saying in plain words what is wrong with it.

`jsonschema_rs` does the checking: it is about 500 times as fast as `jsonschema` and no pattern can hang it.
It never fetches a reference: validators are built offline.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import cast

import jsonschema_rs

from hookline.errors import ConfigurationError, InvalidInputError

JsonObject = dict[str, object]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAX_PROBLEMS = 10
_MAX_EXPLAINED = 2_000
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


class SchemaValidator:
    """A compiled JSON Schema 2020-12; safe to share between threads.

    Args:
        schema: The schema.
        name: What it describes, for error messages.

    Raises:
        ConfigurationError: If the schema is not valid or refers to another document.
    """

    def __init__(self, schema: JsonObject, *, name: str) -> None:
        self.schema = schema
        dialect = schema.get("$schema", DIALECT)
        if dialect != DIALECT:  # `meta.validate` would fetch it, `offline` or not
            raise ConfigurationError(
                f"The schema of {name} is not valid: its $schema must be {DIALECT!r}, not {dialect!r}."
            )
        try:
            jsonschema_rs.meta.validate(schema)
            self._validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as exc:
            raise ConfigurationError(
                f"The schema of {name} is not valid: {str(exc).splitlines()[0]}"
            ) from exc

    def check(self, value: JsonObject) -> None:
        """Return if ``value`` fits the schema.

        Raises:
            InvalidInputError: If it does not; ``field`` is the first field at fault and
                ``details["problems"]`` lists up to ten.
        """
        if self._validator.is_valid(value):
            return
        problems = self.problems(value)
        text = " ".join(f"{problem}." for problem in problems[:3])
        more = len(problems) - 3
        raise InvalidInputError(
            text + (f" And {more} more." if more > 0 else ""),
            field=problems[0].field or None,
            details={
                "problems": [{"field": problem.field, "message": problem.message} for problem in problems]
            },
        )

    def problems(self, value: object) -> list[Problem]:
        """Return at most ten problems of ``value``; none if it fits."""
        found: dict[Problem, None] = {}
        for error in self._errors(value):
            for problem in _explain(error, self.schema):
                found.setdefault(problem)
                if len(found) == _MAX_PROBLEMS:
                    return list(found)
        return list(found)

    def _errors(self, value: object) -> Iterator[jsonschema_rs.ValidationError]:
        """Yield some errors: of a large value only the first, as looking for all takes seconds there."""
        if _is_small(value):
            yield from islice(self._validator.iter_errors(value), 4 * _MAX_PROBLEMS)
            return
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as exc:
            yield exc


def _is_small(value: object) -> bool:
    size = 1
    level = [value]
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, (dict, list)):
                size += len(item)
                if size > _MAX_EXPLAINED:
                    return False
                below += item.values() if isinstance(item, dict) else item
        level = below
    return True


def _explain(error: jsonschema_rs.ValidationError, schema: JsonObject) -> Iterator[Problem]:
    kind = error.kind
    name = kind.name
    field = _path(error.instance_path)
    if name in ("anyOf", "oneOf"):
        yield from _explain_union(
            field, cast("list[list[jsonschema_rs.ValidationError]]", kind.value), schema
        )
    elif name == "required":
        yield Problem(field=_member(field, str(kind.value)), message="is required")
    elif name == "additionalProperties":
        known = _known_fields(error, schema)
        for unexpected in cast("list[str]", kind.value)[:_MAX_PROBLEMS]:
            near = difflib.get_close_matches(unexpected[:_MAX_SHOWN], known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            yield Problem(field=_member(field, unexpected[:_MAX_SHOWN]), message=f"is not a field here{hint}")
    else:
        yield Problem(field=field, message=_phrase(name, kind.value, error.instance))


def _explain_union(
    field: str, branches: list[list[jsonschema_rs.ValidationError]], schema: JsonObject
) -> Iterator[Problem]:
    """Explain the branch that the value was most likely meant for."""
    own_path = min(
        (list(error.instance_path) for branch in branches for error in branch),
        key=len,
        default=cast("list[str | int]", []),
    )
    missing = [
        _member(field, str(branch[0].kind.value))
        for branch in branches
        if len(branch) == 1 and branch[0].kind.name == "required"
    ]
    if missing and len(missing) == len(branches):
        yield Problem(
            field=missing[0], message=f"is required, or {' or '.join(f'`{other}`' for other in missing[1:])}"
        )
        return
    fitting = [branch for branch in branches if not any(_is_other_kind(error, own_path) for error in branch)]
    if fitting:
        for error in min(fitting, key=len):
            yield from _explain(error, schema)
        return
    discriminators = [
        error
        for branch in branches
        for error in branch
        if error.kind.name in ("const", "enum") and len(branch) > 0
    ]
    wanted = _listed(
        value
        for error in discriminators
        for value in (error.kind.value if isinstance(error.kind.value, list) else [error.kind.value])
    )
    if discriminators and len({_path(error.instance_path) for error in discriminators}) == 1:
        yield Problem(field=_path(discriminators[0].instance_path), message=f"must be one of {wanted}")
        return
    types = _listed_words(
        error.kind.value if isinstance(error.kind.value, list) else [error.kind.value]
        for branch in branches
        for error in branch
        if error.kind.name == "type" and list(error.instance_path) == own_path
    )
    shown = branches[0][0].instance if branches and branches[0] else None
    yield Problem(
        field=field, message=f"must be {types}, not {_shown(shown)}" if types else "has no form that fits"
    )


def _is_other_kind(error: jsonschema_rs.ValidationError, own_path: list[str | int]) -> bool:
    """Tell whether an error means that the value was meant for another branch."""
    path = list(error.instance_path)
    if error.kind.name == "type":
        return path == own_path
    if error.kind.name in ("const", "enum"):
        return len(path) <= len(own_path) + 1
    return False


def _known_fields(error: jsonschema_rs.ValidationError, schema: JsonObject) -> list[str]:
    node: object = schema
    for part in list(error.schema_path)[:-1]:
        if isinstance(node, dict) and "$ref" in node and part not in node:
            node = _follow(str(node["$ref"]), schema)
        if isinstance(node, dict):
            node = node.get(str(part))
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            return []
        if part == "$ref" and isinstance(node, str):
            node = _follow(node, schema)
    properties = node.get("properties") if isinstance(node, dict) else None
    return list(properties) if isinstance(properties, dict) else []


def _follow(reference: str, schema: JsonObject) -> object:
    node: object = schema
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _phrase(name: str, value: object, instance: object) -> str:
    match name:
        case "type":
            types = _listed_words([value if isinstance(value, list) else [value]])
            return f"must be {types}, not {_shown(instance)}"
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


def _listed_words(groups: Iterator[object] | list[object]) -> str:
    words: dict[str, None] = {}
    for group in groups:
        for name in cast("list[object]", group):
            words.setdefault(_TYPE_WORDS.get(str(name), str(name)))
    return " or ".join(words)


def _listed(values: Iterator[object] | list[object]) -> str:
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


def _path(parts: list[str | int]) -> str:
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _member(path, part[:_MAX_SHOWN])
    return path


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
