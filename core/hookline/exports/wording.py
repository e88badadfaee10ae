"""Texts within the lengths that platforms allow."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"[.!?](?=\s)")


def shorten(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters: whole sentences, or else whole words and ``…``."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text[: most + 1]) if match.end() <= most]
    if ends and ends[-1] >= most // 3:
        return text[: ends[-1]]
    words = text[:most].rpartition(" ")[0]
    return (words or text[: most - 1]).rstrip(" ,;:") + "…"
