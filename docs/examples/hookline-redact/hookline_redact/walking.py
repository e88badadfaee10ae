"""Going through the JSON of a request: every text that somebody wrote, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from hookline_redact.placeholders import SHAPE, Placeholders

if TYPE_CHECKING:
    from hookline_redact.finding import Finder

MAX_DEPTH = 200
JSON_TEXTS = frozenset({"arguments"})
"""Members whose text is JSON itself: what tools are called with."""

_ELSEWHERE = ("data:", "http://", "https://")


class NestedTooDeepError(Exception):
    """A request has more lists and objects inside of each other than are looked through."""


def taken_in(value: object, depth: int = 0) -> Iterator[str]:
    """Yield every text of a JSON value that looks like a placeholder."""
    if depth > MAX_DEPTH:
        raise NestedTooDeepError
    if isinstance(value, str):
        if "[" in value:
            yield from SHAPE.findall(value)
    elif isinstance(value, dict):
        for entry in value.values():
            yield from taken_in(entry, depth + 1)
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, (str, dict, list)):
                yield from taken_in(entry, depth + 1)


def redacted(
    value: object, finder: Finder, placeholders: Placeholders, *, skipped: frozenset[str], depth: int = 0
) -> object:
    """Return a JSON value with placeholders in it; the value itself, if there is nothing to hide.

    Names of members stay as they are.

    Args:
        value: Is not changed.
        finder: Finds what is to be hidden.
        placeholders: Take what was found.
        skipped: Members that are left as they are.
        depth: How deep the value stands in the request.

    Raises:
        TooManyValuesError: If there is more than ``placeholders`` take.
        NestedTooDeepError: If it is nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise NestedTooDeepError
    if isinstance(value, str):
        return redacted_text(value, finder, placeholders)
    if isinstance(value, list):
        entries = [
            redacted(entry, finder, placeholders, skipped=skipped, depth=depth + 1)
            if isinstance(entry, (str, dict, list))
            else entry
            for entry in value
        ]
        is_same = all(new is old for new, old in zip(entries, value, strict=True))
        return value if is_same else entries
    if isinstance(value, dict):
        changed: dict[str, object] = {}
        for name, entry in value.items():
            if name in skipped or not isinstance(entry, (str, dict, list)):
                continue
            if name in JSON_TEXTS and isinstance(entry, str):
                new: object = _redacted_json(entry, finder, placeholders, depth)
            else:
                new = redacted(entry, finder, placeholders, skipped=skipped, depth=depth + 1)
            if new is not entry:
                changed[name] = new
        return {**value, **changed} if changed else value
    return value


def redacted_text(text: str, finder: Finder, placeholders: Placeholders) -> str:
    """Return a text with placeholders in it; the text itself, if there is nothing to hide."""
    if text.startswith(_ELSEWHERE) and " " not in text:
        return text  # an address that is fetched, or a file
    found = finder.find(text)
    if not found:
        return text
    parts: list[str] = []
    at = 0
    for start, end, kind in found:
        parts += (text[at:start], placeholders.put(kind, text[start:end]))
        at = end
    return "".join((*parts, text[at:]))


def _redacted_json(text: str, finder: Finder, placeholders: Placeholders, depth: int) -> str:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return redacted_text(text, finder, placeholders)
    changed = redacted(value, finder, placeholders, skipped=frozenset(), depth=depth + 1)
    return text if changed is value else orjson.dumps(changed).decode()
