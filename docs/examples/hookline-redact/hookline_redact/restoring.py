"""Putting the data back: into whole answers, and into texts that arrive in pieces."""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson

from hookline_redact.placeholders import MAX_LENGTH, SHAPE, Placeholders, may_begin_any
from hookline_redact.walking import JSON_TEXTS

Unknown = dict[str, None]
"""Placeholders that stand for nothing, in the order in which they were met."""

_MAX_DEPTH = 500
_ANSWERS = frozenset({"content", "text"})


def is_json_text(name: str, *, is_json: bool) -> bool:
    """Tell whether a member's text is JSON: what tools are called with, and answers asked for as such."""
    return name in JSON_TEXTS or (is_json and name in _ANSWERS)


def restored_text(text: str, placeholders: Placeholders, unknown: Unknown, *, is_json: bool = False) -> str:
    """Return a text with the data in place of its placeholders.

    Args:
        text: A text of the answer.
        placeholders: What stands for what.
        unknown: Takes the placeholders that stand for nothing; those stay in the text.
        is_json: Whether the text is JSON, so that a value is written as it stands inside of quotes.
    """
    if "[" not in text:
        return text

    def put(match: re.Match[str]) -> str:
        value = placeholders.find(match.group())
        if value is None:
            if not placeholders.is_taken(match.group()):
                unknown[match.group()] = None
            return match.group()
        return orjson.dumps(value).decode()[1:-1] if is_json else value

    return SHAPE.sub(put, text)


def restored(
    value: object,
    placeholders: Placeholders,
    unknown: Unknown,
    *,
    is_json: bool = False,
    name: str = "",
    depth: int = 0,
) -> object:
    """Return a JSON value with the data in place of all placeholders; the value itself, if there are none.

    Args:
        value: Is not changed.
        placeholders: What stands for what.
        unknown: As for `restored_text`.
        is_json: Whether the texts of the answer were asked for as JSON.
        name: Member of the answer that holds the value.
        depth: How deep the value stands in the answer; what is deeper than five hundred is left alone.
    """
    if isinstance(value, str):
        return restored_text(value, placeholders, unknown, is_json=is_json_text(name, is_json=is_json))
    if depth > _MAX_DEPTH:
        return value

    def go(entry: object, name: str) -> object:
        if not isinstance(entry, (str, dict, list)):
            return entry
        return restored(entry, placeholders, unknown, is_json=is_json, name=name, depth=depth + 1)

    if isinstance(value, list):
        entries = [go(entry, name) for entry in value]
        return value if all(map(_is, entries, value)) else entries
    if isinstance(value, dict):
        members = {key: go(entry, key) for key, entry in value.items()}
        return value if all(map(_is, members.values(), value.values())) else members
    return value


def _is(left: object, right: object) -> bool:
    return left is right


class RunningText:
    """A text that arrives in pieces, some of which cut a placeholder in two.

    Only what may be the beginning of a placeholder is held back, and only until the next piece shows whether
    it is one.

    Args:
        placeholders: What stands for what.
        unknown: As for `restored_text`.
        is_json: As for `restored_text`.
        holds_any: Whether the beginning of any placeholder is held back, also of one that stands for
            nothing, so that it is noticed before it is delivered.
    """

    __slots__ = ("_is_json", "_may_begin", "_placeholders", "_unknown", "held")

    def __init__(
        self, placeholders: Placeholders, unknown: Unknown, *, is_json: bool, holds_any: bool
    ) -> None:
        self._placeholders = placeholders
        self._unknown = unknown
        self._is_json = is_json
        self._may_begin: Callable[[str], bool] = may_begin_any if holds_any else placeholders.may_begin
        self.held = ""

    def feed(self, piece: str) -> str:
        """Return what may be delivered now."""
        text = self.held + piece
        at = text.rfind("[", max(0, len(text) - MAX_LENGTH))
        end = at if at >= 0 and self._may_begin(text[at:]) else len(text)
        self.held = text[end:]
        return self._restored(text[:end])

    def finish(self) -> str:
        """Return what is still held back: no more pieces come."""
        text, self.held = self.held, ""
        return self._restored(text)

    def _restored(self, text: str) -> str:
        return restored_text(text, self._placeholders, self._unknown, is_json=self._is_json)
