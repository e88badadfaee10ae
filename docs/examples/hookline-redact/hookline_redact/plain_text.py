"""A text as people read it, without JSON escapes and other forms of the same characters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# One escape, also where JSON stands inside of JSON, so that its backslash has backslashes of its own.
# Source: RFC 8259, section 7. Halves of a pair stay escapes: alone they are no characters.
_ESCAPE = re.compile(r"\\+(?:u(?![dD][89a-fA-F])([0-9a-fA-F]{4})|([bfnrt/]))")
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/"}
_MAX_MARKS = 32


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text as people read it, and where each of its characters comes from.

    Attributes:
        text: What is read: escapes resolved, characters in their compatibility form (NFKC), and none that
            cannot be seen.
        starts: For each character where what it stands for begins in the text as it was sent.
        ends: For each character where that ends.
    """

    text: str
    starts: list[int]
    ends: list[int]


def plain_text_of(text: str) -> PlainText | None:
    """Return a text as people read it; None if it is written like that. Takes time in proportion to it."""
    if text.isascii() and "\\" not in text:
        return None
    chars, starts, ends = _unescaped(text)
    found = PlainText("", [], [])
    parts: list[str] = []
    at = 0
    while at < len(chars):
        end = at + 1
        while end < len(chars) and end - at < _MAX_MARKS and _goes_on(chars[end]):
            end += 1
        seen = "".join(char for char in chars[at:end] if not _is_unseen(char))
        part = seen if seen.isascii() else unicodedata.normalize("NFKC", seen)
        parts.append(part)
        found.starts.extend([starts[at]] * len(part))
        found.ends.extend([ends[end - 1]] * len(part))
        at = end
    plain = "".join(parts)
    return None if plain == text else PlainText(plain, found.starts, found.ends)


def unescaped(text: str) -> str:
    """Return a text without JSON escapes, its characters as they are."""
    return "".join(_unescaped(text)[0]) if "\\" in text else text


def _unescaped(text: str) -> tuple[list[str], list[int], list[int]]:
    """Return the characters of a text, and where each begins and ends in it."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def keep(start: int, end: int) -> None:
        chars.extend(text[start:end])
        starts.extend(range(start, end))
        ends.extend(range(start + 1, end + 1))

    at = 0
    for match in _ESCAPE.finditer(text):
        keep(at, match.start())
        code, control = match.groups()
        chars.append(_CONTROLS[control] if code is None else chr(int(code, 16)))
        starts.append(match.start())
        ends.append(match.end())
        at = match.end()
    keep(at, len(text))
    return chars, starts, ends


def _goes_on(char: str) -> bool:
    """Tell whether a character belongs to the one before it: an accent, a part of a Korean syllable."""
    return not char.isascii() and (
        unicodedata.combining(char) > 0 or "\u1160" <= char <= "\u11ff" or _is_unseen(char)
    )


def _is_unseen(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char) == "Cf"
