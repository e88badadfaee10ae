"""What is wrong with a field, in words of our own."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WORDS = {
    "string_type": "is a text",
    "bool_type": "is true or false",
    "int_type": "is a whole number",
    "int_from_float": "is a whole number",
    "float_type": "is a number",
    "finite_number": "is a number",
    "list_type": "is a list",
    "model_type": "is an object",
    "model_attributes_type": "is an object",
    "dict_type": "is an object",
    "missing": "is needed",
    "greater_than_equal": "is at least {ge}",
    "greater_than": "is more than {gt}",
    "less_than_equal": "is at most {le}",
    "string_too_long": "has at most {max_length} characters",
    "too_long": "has at most {max_length} entries",
    "literal_error": "is one of {expected}",
    "string_pattern_mismatch": "begins with a letter or digit and has only letters, digits and . _ @ -, at "
    "most 100",
}


def say(problem: ErrorDetails) -> str:
    """Return what a field must be, to stand after its name."""
    context = problem.get("ctx", {})
    if problem["type"] == "value_error":
        return f": {context['error']}"
    words = _WORDS.get(problem["type"], "has a value that cannot be read").format(**context)
    return " " + words.replace(" or ", ", ") if problem["type"] == "literal_error" else f" {words}"


def path_of(parts: tuple[int | str, ...]) -> str:
    """Return where a field is, such as ``caps.max_choices`` or ``limits[2]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:80]}" for part in parts)
    return text.lstrip(".")


def near_field(model: type[BaseModel], field: str) -> str:
    """Return a hint that names the field which somebody may have meant."""
    known = list(_fields(model))
    wanted = field.rpartition(".")[2]
    by_leaf = {path.rpartition(".")[2]: path for path in reversed(known)}
    near = difflib.get_close_matches(wanted, by_leaf, n=1)
    if near:
        return f"Did you mean `{by_leaf[near[0]]}`?"
    return f"The fields are {', '.join(path for path in known if '.' not in path)}."


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield name
        for kind in (info.annotation, *get_args(info.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from (f"{name}.{inner}" for inner in _fields(kind))
