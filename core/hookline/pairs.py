"""Names and values as they stand in queries, forms, headers and cookies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError

if TYPE_CHECKING:
    from hookline.places import ListStyle

Pair = tuple[str, str]

MAX_HEADER_LENGTH = 8_000
"""Most characters of a header's value; most servers take no longer ones."""

_MAX_PAIRS = 10_000
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*\Z")
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\Z")


def as_text(value: object) -> str:
    """Return a value as it stands in an address: text and numbers as they are, all else as JSON."""
    if isinstance(value, str):
        return value
    import orjson  # here, because every plugin with a connector imports this module, also for `--help`

    return orjson.dumps(value).decode()


def pairs_of(
    name: str, value: object, *, style: ListStyle = "repeat", field: str | None = None
) -> list[Pair]:
    """Return the names and values of one field in a query or a form; none for null.

    Args:
        name: What the service calls it.
        value: JSON.
        style: How lists and objects are written.
        field: Name of the input's field, for messages; as ``name`` if not given.

    Raises:
        InvalidInputError: If it takes more pairs than anybody would read.
    """
    if value is None:
        return []
    if style == "brackets":
        pairs = []
        for pair in _in_brackets(name, value):
            pairs.append(pair)
            if len(pairs) > _MAX_PAIRS:
                raise InvalidInputError(
                    f"`{field or name}` has more than {_MAX_PAIRS:,} values.", field=field
                )
        return pairs
    if isinstance(value, list):
        items = [as_text(item) for item in value]
        return [(name, ",".join(items))] if style == "comma" else [(name, item) for item in items]
    return [(name, as_text(value))]


def _in_brackets(name: str, value: object) -> Iterator[Pair]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _in_brackets(f"{name}[{key}]", member)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            is_plain = not isinstance(item, (dict, list))
            yield from _in_brackets(f"{name}[]" if is_plain else f"{name}[{number}]", item)
    elif value is not None:
        yield name, as_text(value)


def header_value(value: object, *, field: str) -> str:
    """Return a field's value as a header holds it; the items of a list with commas between them.

    Raises:
        InvalidInputError: If it cannot stand in a header; names the field.
    """
    text = ", ".join(as_text(item) for item in value) if isinstance(value, list) else as_text(value)
    if not _HEADER_VALUE.match(text):
        raise InvalidInputError(
            f"`{field}` holds a character that cannot stand in a header: use printable ASCII on one line.",
            field=field,
        )
    if len(text) > MAX_HEADER_LENGTH:
        raise InvalidInputError(
            f"`{field}` is longer than the {MAX_HEADER_LENGTH:,} characters that fit into a header.",
            field=field,
        )
    return text.strip()


def cookie_header(cookies: Iterable[tuple[str, object, str]]) -> str:
    """Return the value of a ``cookie`` header.

    Args:
        cookies: Name, value and input's field of each.

    Raises:
        InvalidInputError: If a value cannot stand in a cookie; names the field.

    Source: RFC 6265, section 4.1.1.
    """
    parts = []
    for name, value, field in cookies:
        text = as_text(value)
        if not _COOKIE_VALUE.match(text):
            raise InvalidInputError(
                f"`{field}` holds a character that cannot stand in a cookie: no spaces, quotes, commas, "
                "semicolons or backslashes, and only ASCII.",
                field=field,
            )
        parts.append(f"{name}={text}")
    text = "; ".join(parts)
    if len(text) > MAX_HEADER_LENGTH:
        raise InvalidInputError("The cookies of this request are too long.", field=None)
    return text
