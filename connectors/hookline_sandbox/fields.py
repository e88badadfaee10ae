"""Small checks of request values, put together like the reference page of an endpoint.

A check is a function of a value and of the path by which a refusal names it; it returns nothing, or raises
:class:`~hookline_sandbox.errors.ApiError` with the code and the parameter that the real service would name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from hookline_sandbox.errors import ApiError, invalid_type, invalid_value, missing

Check: TypeAlias = Callable[[object, str], None]


def nullable(check: Check) -> Check:
    """Let null pass as "not set"."""

    def apply(value: object, path: str) -> None:
        if value is not None:
            check(value, path)

    return apply


def boolean() -> Check:
    """Take true and false."""

    def apply(value: object, path: str) -> None:
        if not isinstance(value, bool):
            raise invalid_type(path, "a boolean", value)

    return apply


def number(minimum: float, maximum: float) -> Check:
    """Take a number within inclusive bounds."""

    def apply(value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid_type(path, "a decimal", value)
        _check_range("decimal", value, path, minimum, maximum)

    return apply


def integer(minimum: int | None = None, maximum: int | None = None) -> Check:
    """Take a whole number within inclusive bounds."""

    def apply(value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid_type(path, "an integer", value)
        _check_range("integer", value, path, minimum, maximum)

    return apply


def string(*, min_length: int = 0, max_length: int | None = None, pattern: str | None = None) -> Check:
    """Take a text of a length in characters and, if a pattern is given, wholly matched by it."""
    compiled = None if pattern is None else re.compile(pattern)

    def apply(value: object, path: str) -> None:
        if not isinstance(value, str):
            raise invalid_type(path, "a string", value)
        if len(value) < min_length:
            raise ApiError(
                f"Invalid '{path}': empty string. Expected a string with minimum length {min_length}, but "
                "got an empty string instead.",
                code="empty_string",
                param=path,
            )
        if max_length is not None and len(value) > max_length:
            raise ApiError(
                f"Invalid '{path}': string too long. Expected a string with maximum length {max_length}, but "
                f"got a string with length {len(value)} instead.",
                code="string_above_max_length",
                param=path,
            )
        if compiled is not None and not compiled.fullmatch(value):
            raise ApiError(
                f"Invalid '{path}': string does not match pattern. Expected a string that matches the "
                f"pattern '{pattern}'.",
                code="invalid_value",
                param=path,
            )

    return apply


def choice(*values: str) -> Check:
    """Take one of a closed list of texts."""

    def apply(value: object, path: str) -> None:
        if not isinstance(value, str):
            raise invalid_type(path, f"one of {', '.join(values)}", value)
        if value not in values:
            raise invalid_value(path, value, values)

    return apply


def array(item: Check, *, minimum: int = 0, maximum: int | None = None) -> Check:
    """Take a list of so many items, each of which passes a check."""

    def apply(value: object, path: str) -> None:
        if not isinstance(value, list):
            raise invalid_type(path, "an array", value)
        if len(value) < minimum:
            raise ApiError(
                f"Invalid '{path}': empty array. Expected an array with minimum length {minimum}, but got an "
                "empty array instead.",
                code="empty_array",
                param=path,
            )
        if maximum is not None and len(value) > maximum:
            raise ApiError(
                f"Invalid '{path}': array too long. Expected an array with maximum length {maximum}, but got "
                f"an array with length {len(value)} instead.",
                code="array_above_max_length",
                param=path,
            )
        for index, member in enumerate(value):
            item(member, f"{path}[{index}]")

    return apply


def anything() -> Check:
    """Take whatever is there."""
    return lambda value, path: None


def free_object() -> Check:
    """Take an object with any members."""

    def apply(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise invalid_type(path, "an object", value)

    return apply


def mapping(key: Check, value: Check, *, maximum: int | None = None) -> Check:
    """Take an object used as a table, with a check for its keys and one for its values."""

    def apply(table: object, path: str) -> None:
        if not isinstance(table, dict):
            raise invalid_type(path, "an object", table)
        if maximum is not None and len(table) > maximum:
            raise ApiError(
                f"Invalid '{path}': too many properties. Expected an object with at most {maximum} "
                f"properties, but got an object with {len(table)} properties instead.",
                code="object_above_max_properties",
                param=path,
            )
        for name, member in table.items():
            key(name, path)
            value(member, f"{path}.{name}")

    return apply


def record(fields: Mapping[str, Check], *, required: Sequence[str] = ()) -> Check:
    """Take an object with these members and no others."""

    def apply(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise invalid_type(path, "an object", value)
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                raise missing(f"{prefix}{name}")
        for name, member in value.items():
            check = fields.get(name)
            if check is None:
                raise ApiError(
                    f"Unknown parameter: '{prefix}{name}'.", code="unknown_parameter", param=f"{prefix}{name}"
                )
            check(member, f"{prefix}{name}")

    return apply


def tagged(variants: Mapping[str, Check], *, tag: str = "type") -> Check:
    """Take an object whose shape is chosen by one of its own members."""

    def apply(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise invalid_type(path, "an object", value)
        if tag not in value:
            raise missing(f"{path}.{tag}")
        choice(*variants)(value[tag], f"{path}.{tag}")
        variants[value[tag]](value, path)

    return apply


def by_type(expected: str, **checks: Check) -> Check:
    """Take a value of one of several JSON types: ``string``, ``list``, ``dict``, each with its own check."""
    types = {"string": str, "list": list, "dict": dict}

    def apply(value: object, path: str) -> None:
        for name, check in checks.items():
            if isinstance(value, types[name]):
                return check(value, path)
        raise invalid_type(path, expected, value)

    return apply


def _check_range(kind: str, value: float, path: str, minimum: float | None, maximum: float | None) -> None:
    for bound, outside, word, sign, code in (
        (minimum, minimum is not None and value < minimum, "below minimum", ">=", "below_min_value"),
        (maximum, maximum is not None and value > maximum, "above maximum", "<=", "above_max_value"),
    ):
        if outside:
            raise ApiError(
                f"Invalid '{path}': {kind} {word} value. Expected a value {sign} {bound}, but got {value} "
                "instead.",
                code=f"{kind}_{code}",
                param=path,
            )
