"""A guess at the number of tokens of a text, for when the tokenizer is not installed.

It looks at what kinds of characters a text has and how long its words are, a block at a time, and weighs them
as measured on samples of many languages and kinds of data. It is meant to be a little high rather than low.
``docs/how-to/fit-long-prompts.md`` says how far off it is.
"""

from __future__ import annotations

import math
import string

# The share of the guess below which the truth hardly ever lies. Only endless repetition goes below it.
AT_LEAST_SHARE = 0.5

_BLOCK_LENGTH = 2048
_BYTES = bytes(range(256))
_LOWER, _UPPER = string.ascii_lowercase.encode(), string.ascii_uppercase.encode()
_LETTERS, _DIGITS = _LOWER + _UPPER, string.digits.encode()
_MARKS, _BREAKS = string.punctuation.encode(), b"\r\n"

_TOKENS_PER_WORD = 1.05
_ORDINARY_WORD_LENGTH = 4.6
_TOKENS_PER_FURTHER_LETTER = 0.5
_TOKENS_PER_REPEATED_LETTER = 0.125
_FEW_KINDS = 4  # a block with so few different characters repeats itself
_DIGITS_PER_TOKEN = 3

# Tokens of one character by its place in Unicode, in pages of 256, as (first page, last page, tokens in
# cl100k_base, tokens in o200k_base). The newer encoding knows many more scripts.
_SCRIPTS = (
    (0x01, 0x02, 1.1, 0.9),  # Latin letters with marks
    (0x03, 0x03, 1.1, 0.45),  # Greek
    (0x04, 0x04, 0.66, 0.4),  # Cyrillic
    (0x05, 0x05, 1.5, 0.45),  # Hebrew, Armenian
    (0x06, 0x07, 0.9, 0.47),  # Arabic
    (0x08, 0x08, 1.5, 1.0),
    (0x09, 0x09, 1.15, 0.36),  # Devanagari, Bengali
    (0x0A, 0x0D, 1.6, 0.42),  # the other scripts of India
    (0x0E, 0x0E, 1.15, 0.55),  # Thai
    (0x0F, 0x0F, 2.0, 1.6),  # Tibetan
    (0x10, 0x10, 2.2, 0.5),  # Georgian, Burmese
    (0x11, 0x11, 2.2, 1.5),
    (0x12, 0x13, 2.9, 2.2),  # Ethiopic
    (0x14, 0x1D, 2.4, 1.2),  # Khmer, Mongolian and others
    (0x1E, 0x1E, 0.4, 0.1),  # Vietnamese; its words are in pieces already
    (0x1F, 0x1F, 1.5, 1.2),
    (0x20, 0x24, 1.0, 1.0),  # punctuation, currencies
    (0x25, 0x25, 0.6, 0.6),  # lines and boxes, mostly in rows
    (0x26, 0x2D, 1.6, 1.5),
    (0x2E, 0x2F, 2.2, 2.2),
    (0x30, 0x31, 1.15, 0.92),  # kana
    (0x32, 0x4D, 2.2, 2.2),
    (0x4E, 0x9F, 1.5, 1.0),  # Chinese characters
    (0xA0, 0xAB, 3.0, 2.6),
    (0xAC, 0xD7, 1.5, 0.95),  # Hangul
    (0xD8, 0xDB, 3.0, 1.9),  # emoji and all else beyond the first 65,536; these are halves of pairs
    (0xE0, 0xFF, 1.1, 1.0),  # full-width punctuation
)
_OTHERS_THAN = tuple(
    (bytes(page for page in _BYTES if not first <= page <= last), older, newer)
    for first, last, older, newer in _SCRIPTS
)
_LAO = range(0x0E80, 0x0F00)
_TOKENS_PER_LAO = 2.4


def _only(kept: bytes) -> bytes:
    """Return a table that turns every other byte into a space."""
    return bytes(byte if byte in kept else 0x20 for byte in _BYTES)


_WORD_TABLE, _DIGIT_TABLE, _MARK_TABLE = _only(_LETTERS), _only(_DIGITS), _only(_MARKS)
_BREAK_TABLE = bytes(0x21 if byte in _BREAKS else 0x20 for byte in _BYTES)
_CASE_TABLE = bytes(ord("a") if byte in _LOWER else ord("A") if byte in _UPPER else 0x20 for byte in _BYTES)


def estimate_tokens(text: str, *, encoding: str | None = None) -> int:
    """Return about how many tokens a text has; never more than its bytes, which is the most it can have.

    Args:
        text: Any text.
        encoding: Name of the encoding; all but ``o200k_base`` are taken for ``cl100k_base``.
    """
    if not text:
        return 0
    is_newer = encoding == "o200k_base"
    tokens = 0.0
    for start in range(0, len(text), _BLOCK_LENGTH):
        block = text[start : start + _BLOCK_LENGTH]
        tokens += _plain(block.encode("utf-8", "surrogatepass"), word_weight=1.0 if is_newer else 1.2)
        if not block.isascii():
            tokens += _beyond_ascii(block, is_newer=is_newer)
    most = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return max(1, min(most, math.ceil(tokens)))


def _plain(block: bytes, *, word_weight: float) -> float:
    """Return the tokens of what is ASCII in a block."""
    words = block.translate(_WORD_TABLE).split()
    tokens = 0.0
    if words:
        letters = sum(map(len, words))
        cases = block.translate(_CASE_TABLE)
        pieces = len(words) + cases.count(b"aA") + cases.count(b"AAa")
        further = max(0.0, letters / pieces - _ORDINARY_WORD_LENGTH)
        weight = _TOKENS_PER_FURTHER_LETTER if len(set(block)) > _FEW_KINDS else _TOKENS_PER_REPEATED_LETTER
        tokens += pieces * (_TOKENS_PER_WORD + further * weight) * word_weight
    runs = len(block.translate(_DIGIT_TABLE).split())
    if runs:
        digits = len(block) - len(block.translate(None, _DIGITS))
        tokens += digits / _DIGITS_PER_TOKEN + runs * 0.4
    runs = len(block.translate(_MARK_TABLE).split())
    if runs:
        marks = len(block) - len(block.translate(None, _MARKS))
        tokens += runs * 0.8 + (marks - runs) * 0.5
    if b"\n" in block or b"\r" in block:
        runs = len(block.translate(_BREAK_TABLE).split())
        after_marks = sum(block.count(mark + b"\n") for mark in (b",", b";", b".", b"{", b":", b")", b">"))
        tokens += runs * 0.9 - after_marks * 0.6 + block.count(b"\n ") * 0.7
        tokens += (block.count(b"\n") + block.count(b"\r") - runs) * 0.06
    return tokens + block.count(b"  ") * 0.02


def _beyond_ascii(block: str, *, is_newer: bool) -> float:
    """Return the tokens of what is not ASCII in a block."""
    tokens = 0.0
    pages = block.encode("utf-16-le", "surrogatepass")[1::2]
    for others, older, newer in _OTHERS_THAN:
        found = len(pages.translate(None, others))
        if found:
            tokens += found * (newer if is_newer else older)
    accented = len(pages.translate(None, _BYTES[1:])) - len(block.encode("ascii", "ignore"))
    tokens += accented * (0.75 if is_newer else 0.9)
    if 0x0E in pages:
        tokens += sum(ord(char) in _LAO for char in block) * _TOKENS_PER_LAO * (0.5 if is_newer else 0.3)
    return tokens
