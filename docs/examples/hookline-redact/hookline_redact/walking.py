"""Going through the JSON of a request: every text that somebody wrote, wherever it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from hookline_redact.placeholders import SHAPE, Placeholders

if TYPE_CHECKING:
    from hookline_redact.finding import Finder

MAX_DEPTH = 200
JSON_TEXTS = frozenset({"arguments"})
"""Members whose text is JSON itself: what tools are called with."""

_FILE = re.compile(r"data:[\w.+/-]*(?:;[\w.+-]+=[\w.+-]+)*;base64,[A-Za-z0-9+/_-]*={0,2}")
"""A whole file in an address; RFC 2397."""
_NAMES_OF_OTHERS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
"""Members of a JSON Schema whose own members are named by whoever wrote it."""
_VALUES = frozenset({"const", "default", "enum", "example", "examples"})
"""Members of a JSON Schema that hold what the schema is for, in which names mean something else."""
_NONE: frozenset[str] = frozenset()


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
    value: object,
    finder: Finder,
    placeholders: Placeholders,
    *,
    skipped: frozenset[str],
    depth: int = 0,
    are_names: bool = False,
) -> object:
    """Return a JSON value with placeholders in it; the value itself, if there is nothing to hide.

    Names of members stay as they are.

    Args:
        value: Is not changed.
        finder: Finds what is to be hidden.
        placeholders: Take what was found.
        skipped: Members that are left as they are.
        depth: How deep the value stands in the request.
        are_names: Whether its members are called as somebody liked, so that none of them is skipped.

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
            if (name in skipped and not are_names) or not isinstance(entry, (str, dict, list)):
                continue
            if name in JSON_TEXTS and isinstance(entry, str):
                new: object = _redacted_json(entry, finder, placeholders, depth)
            else:
                new = redacted(
                    entry,
                    finder,
                    placeholders,
                    skipped=_NONE if name in _VALUES and not are_names else skipped,
                    depth=depth + 1,
                    are_names=name in _NAMES_OF_OTHERS and not are_names,
                )
            if new is not entry:
                changed[name] = new
        return {**value, **changed} if changed else value
    return value


def redacted_text(text: str, finder: Finder, placeholders: Placeholders) -> str:
    """Return a text with placeholders in it; the text itself, if there is nothing to hide."""
    if text.startswith("data:") and _FILE.fullmatch(text):
        return text
    found = finder.find(text)
    if not found:
        return text
    parts: list[str] = []
    at = 0
    for start, end, kind, hidden in found:
        parts += (text[at:start], placeholders.put(kind, hidden))
        at = end
    return "".join((*parts, text[at:]))


def _redacted_json(text: str, finder: Finder, placeholders: Placeholders, depth: int) -> str:
    is_repeating = False

    def object_of(members: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal is_repeating
        made = dict(members)
        is_repeating = is_repeating or len(made) < len(members)
        return made

    try:
        orjson.loads(text)  # is stricter than `json`, which keeps numbers of any length as they are
        value: object = json.loads(text, object_pairs_hook=object_of)
    except (ValueError, RecursionError):
        return redacted_text(text, finder, placeholders)
    changed = redacted(value, finder, placeholders, skipped=_NONE, depth=depth + 1)
    if changed is value and not is_repeating:
        return text
    # Of members that are repeated only the last one was looked at, and only that one is sent.
    return json.dumps(changed, ensure_ascii=False, separators=(",", ":"))
