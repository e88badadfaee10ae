"""Where a text can be cut without making another word of half a word."""

from __future__ import annotations

import re

_LONGEST_WORD = 50
_LAST_SPACE = re.compile(r"\s(?=\S*\Z)")


def word_start(text: str, position: int) -> int:
    """Return where the word begins that stands at a position, or the position if no word is that long."""
    earliest = max(0, position - _LONGEST_WORD)
    space = _LAST_SPACE.search(text[earliest:position])
    if space is not None:
        return earliest + space.end()
    return 0 if earliest == 0 else position
