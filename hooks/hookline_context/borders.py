"""Where a text may be cut: between paragraphs, lines, sentences, words, and at the very least characters."""

from __future__ import annotations

import re
import unicodedata

_PARAGRAPH = re.compile(r"\n[ \t\r\f\v]*\n\s*")
_LINE = re.compile(r"\n\s*")
# A full stop of any script: those of Europe and India need a space after them, those of East Asia none.
_SENTENCE = re.compile(
    r"[.!?\u2026\u037e\u0589\u061f\u06d4\u0964\u0965\u1362\u17d4\u104b\u0f0d][\"'\u201d\u2019\u00bb)\]]*\s+"
    r"|[\u3002\uff01\uff1f\uff61\uff0e][\"'\u201d\u2019\u300d\u300f\uff09\u3011]*\s*"
)
_WORD = re.compile(r"\s+|[\u200b\u2028\u2029]")
_BORDERS = (_PARAGRAPH, _LINE, _SENTENCE, _WORD)

_ZERO_WIDTH_JOINER = 0x200D
_MAX_CHARACTER_LENGTH = 64


def last_border(text: str, start: int, end: int) -> int:
    """Return the best place to end a piece of text that may go from ``start`` to ``end``.

    The highest kind of border in the second half of the piece wins; then a border between words anywhere in
    it; then one between characters.
    """
    middle = start + (end - start) // 2
    for border in _BORDERS:
        found = _last(border, text, middle, end)
        if found > middle:
            return character_border(text, start, found)
    found = _last(_WORD, text, start, middle)
    return character_border(text, start, found if found > start else end)


def first_border(text: str, start: int) -> int:
    """Return the best place at or after ``start`` to begin with, not far away: a sentence, else a word."""
    if start <= 0:
        return 0
    reach = start + max(200, (len(text) - start) // 10)
    for border in (_PARAGRAPH, _LINE, _SENTENCE, _WORD):
        found = border.search(text, max(0, start - 1), min(len(text), reach))
        if found and found.end() < len(text) and found.end() >= start:
            return found.end()
    at = start
    while at < len(text) and not _may_cut(text, at):
        at += 1
    return at


def character_border(text: str, start: int, end: int) -> int:
    """Return the last place up to ``end`` that is not inside a character made of several code points."""
    for at in range(end, max(start, end - _MAX_CHARACTER_LENGTH), -1):
        if _may_cut(text, at, start):
            return at
    return end


def _last(border: re.Pattern[str], text: str, start: int, end: int) -> int:
    found = start
    for match in border.finditer(text, start, end):
        found = match.end()
    return found


def _may_cut(text: str, at: int, start: int = 0) -> bool:
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return not (before == "\r" and after == "\n")
    code, last = ord(after), ord(before)
    if _ZERO_WIDTH_JOINER in (code, last) or unicodedata.category(after)[0] == "M":
        return False
    if 0xDC00 <= code <= 0xDFFF and 0xD800 <= last <= 0xDBFF:
        return False
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:  # skin tones; tags of flags
        return False
    if 0x1160 <= code <= 0x11FF and (0x1100 <= last <= 0x11FF or 0xAC00 <= last <= 0xD7A3):
        return False
    return not (_is_flag_letter(code) and _is_flag_letter(last) and _flag_letters_before(text, at, start) % 2)


def _is_flag_letter(code: int) -> bool:
    return 0x1F1E6 <= code <= 0x1F1FF


def _flag_letters_before(text: str, at: int, start: int) -> int:
    first = at
    while first > start and _is_flag_letter(ord(text[first - 1])):
        first -= 1
    return at - first
