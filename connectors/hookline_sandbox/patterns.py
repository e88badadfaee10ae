"""Make a text that a simple regular expression matches: literals, classes, groups, choices and counts."""

from __future__ import annotations

import re
from functools import lru_cache
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING

from hookline_sandbox.schema_effort import Effort

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

_CLASSES = {"w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "t": "\t", "n": "\n", "r": "\r"}
_REPEATS = re.compile(r"[*+?]\??|\{(\d*)(,?)(\d*)\}\??")
_CODE = re.compile(r"\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}")
_PRINTABLE = "".join(dict.fromkeys(ascii_lowercase + digits + " -_" + "".join(map(chr, range(33, 127)))))
_SAMPLES = "\t\néßñΩяא一あ€😀"
_MAX_PATTERN_CHARS = 2_000
_MAX_PATTERN_BYTES = 200_000
_MAX_TEXT_CHARS = 1_000_000


def text_for(
    pattern: str,
    *,
    min_length: int = 0,
    max_length: int | None = None,
    salt: int = 0,
    effort: Effort | None = None,
) -> str | None:
    """Return a text that a pattern finds a match in, or None if none was found.

    What is open-ended repeats a little more with each try, until the text is long enough.
    Another ``salt`` takes other members of character classes.

    Raises:
        TooMuchError: If ``effort`` says so.
    """
    effort = effort or Effort()
    if len(pattern) > _MAX_PATTERN_CHARS or min_length > _MAX_TEXT_CHARS:
        return None
    try:
        for extra in (0, 1, 2, 3, 5, 8, 13, 21, 34, 64, 128, max(0, min_length)):
            effort.spend(1 + len(pattern))
            text = _Generator(pattern, extra, salt).alternatives()
            if len(text) < min_length and not pattern.endswith("$"):
                text += text[-1:].ljust(1, "a") * (min_length - len(text))
            effort.spend(len(text) // 100)
            is_fitting = len(text) >= min_length and (max_length is None or len(text) <= max_length)
            if is_fitting and finds(pattern, text, default=True):
                effort.write(len(text))
                return text
    except (re.error, ValueError, RecursionError, OverflowError):
        pass
    return None


def finds(pattern: str, text: str, *, default: bool = False) -> bool:
    """Tell whether a pattern is found in a text, in time proportional to the text.

    Args:
        pattern: A regular expression.
        text: The text.
        default: The answer where the pattern looks ahead or back, refers to a group, or is very large.
    """
    matcher = matcher_of(pattern)
    return default if matcher is None else matcher.is_valid(text)


@lru_cache(maxsize=64)
def matcher_of(pattern: str) -> Draft202012Validator | None:
    """Return a pattern, compiled so that no text can slow it down, or None if it is not one of that kind."""
    import jsonschema_rs

    if len(pattern) > _MAX_PATTERN_CHARS:
        return None
    options = jsonschema_rs.RegexOptions(size_limit=_MAX_PATTERN_BYTES)
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (ValueError, jsonschema_rs.ValidationError):
        return None


class _Generator:
    """Walks over a pattern once and writes the first text that comes to mind."""

    def __init__(self, pattern: str, extra: int, salt: int) -> None:
        self._pattern = pattern
        self._extra = extra
        self._salt = salt
        self._at = 0

    def alternatives(self) -> str:
        """Read up to the end of the group, and keep its first alternative."""
        texts = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            texts.append(self._sequence())
        return texts[0]

    def _sequence(self) -> str:
        text = ""
        while self._peek() not in ("", "|", ")"):
            atom, count = self._atom(), self._count()
            if len(text) + len(atom) * count > _MAX_TEXT_CHARS:
                raise ValueError("too long a text")
            text += atom * count
        return text

    def _atom(self) -> str:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "^$":
            return ""
        return "a" if char == "." else char

    def _group(self) -> str:
        keeps = True
        if self._peek() == "?":
            kind = self._pattern[self._at + 1 : self._at + 3]
            if kind[:1] == ":":
                self._at += 2
            elif kind[:1] in ("=", "!") or kind in ("<=", "<!"):
                keeps = False
                self._at += 2 if kind[:1] in ("=", "!") else 3
            else:
                self._at = self._pattern.index(">", self._at) + 1
        text = self.alternatives()
        if self._take() != ")":
            raise ValueError("unclosed group")
        return text if keeps else ""

    def _class(self) -> str:
        start = self._at - 1
        self._at += 1 if self._peek() == "^" else 0
        self._at += 1 if self._peek() == "]" else 0
        while self._peek() not in ("", "]"):
            self._at += 2 if self._peek() == "\\" else 1
        self._at += 1
        members = _members_of(self._pattern[start : self._at])
        if not members:
            raise ValueError("a class of other characters")
        return members[self._salt % len(members)]

    def _escape(self) -> str:
        char = self._take()
        if char in "bBAZ":
            return ""
        if char in "xu":
            width = 2 if char == "x" else 4
            code = self._pattern[self._at : self._at + width]
            self._at += width
            return chr(int(code, 16))
        if char == "d":
            return str(self._salt % 10)
        if char in "pP" or char.isdigit():
            raise ValueError("not a simple pattern")
        return _CLASSES.get(char, char)

    def _count(self) -> int:
        found = _REPEATS.match(self._pattern, self._at)
        if not found:
            return 1
        self._at = found.end()
        symbol = found.group()[0]
        if symbol == "?":
            return min(1, self._extra)
        if symbol in "*+":
            return self._extra + (symbol == "+")
        low = int(found.group(1) or 0)
        if not found.group(2):
            return low
        return low + self._extra if not found.group(3) else min(int(found.group(3)), low + self._extra)

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise ValueError("pattern ends early")
        self._at += 1
        return char


@lru_cache(maxsize=256)
def _members_of(character_class: str) -> str:
    """Return some characters of a class: printable ones, or else those that it names itself."""
    allowed = re.compile(character_class)
    members = "".join(char for char in _PRINTABLE if allowed.match(char))
    if members:
        return members
    named = (chr(int(code[2:], 16)) for code in _CODE.findall(character_class))
    return "".join(char for char in (*named, *character_class, *_SAMPLES) if allowed.match(char))[:1]
