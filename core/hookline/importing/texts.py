"""Titles, descriptions and examples, cut down to what forms and lists show."""

from __future__ import annotations

import html
import re
from functools import lru_cache

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>")
_BLOCK_TAG = re.compile(r"</?(?:p|br|li|ul|ol|div|h[1-6]|tr|table)\b[^<>]{0,300}>", re.IGNORECASE)
_LINK = re.compile(r"\[([^\[\]]{1,200})\]\([^()\s]{1,500}\)")
_SPACE = re.compile(r"[ \t\r\f\v\u00a0]+")
_LINES = re.compile(r" ?\n ?(?:\n ?)*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_MAX_READ = 20_000
_READ_PER_SHOWN = 10
_LEAST_READ = 2_000
_MAX_KNOWN = 2_048


def one_line(text: object, most: int) -> str:
    """Return a text on one line, of at most so many characters; empty for what is no text."""
    return clean(text, most).replace("\n", " ")


def clean(text: object, most: int) -> str:
    """Return a text without HTML, addresses of links and control characters, cut at the end of a sentence.

    Args:
        text: Markdown or HTML; what is no text gives an empty one.
        most: Most characters.
    """
    if not isinstance(text, str) or not text:
        return ""
    return _cleaned(text[: min(_MAX_READ, max(_LEAST_READ, most * _READ_PER_SHOWN))], most)


@lru_cache(maxsize=_MAX_KNOWN)
def _cleaned(text: str, most: int) -> str:
    text = text if text.isprintable() else _CONTROL.sub(" ", text)
    if "<" in text or "&" in text:
        text = html.unescape(_TAG.sub("", _BLOCK_TAG.sub("\n", text)))
        text = _CONTROL.sub(" ", text)
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    text = _LINES.sub("\n", _SPACE.sub(" ", text)).strip()
    return text if len(text) <= most else _cut(text, most)


def _cut(text: str, most: int) -> str:
    head = text[:most]
    for end in (". ", ".\n", "! ", "? ", "\n"):
        at = head.rfind(end)
        if at >= most // 3:
            return head[: at + 1].rstrip()
    at = head[: most - 1].rfind(" ")
    return (head[:at] if at >= most // 2 else head[: most - 1]).rstrip(" ,;:") + "…"


def label(name: str) -> str:
    """Return a readable label for a name in code: ``createdAt`` and ``created_at`` are `Created at`."""
    text = " ".join(words_of(name))
    return (text[:1].upper() + text[1:])[:100]


_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, whatever its style; none if it has no letters or digits."""
    if not name.isascii():
        import unicodedata

        name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return [word.lower() for word in _WORD.findall(name[:400])]
