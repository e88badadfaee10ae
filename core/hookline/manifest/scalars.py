"""What an unquoted text of YAML stands for: only what JSON calls a number, a truth or nothing is no text.

Source: YAML 1.2.2, section 10.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, object] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST_OF_OTHERS = frozenset("-0123456789~nNtTfF")


def read_plain(
    text: str, *, read_integer: Callable[[str], object], read_float: Callable[[str], object]
) -> object:
    """Return what an unquoted scalar stands for; the text itself if it is one.

    Args:
        text: The scalar as it is written.
        read_integer: Makes a number of digits that may have a minus before them.
        read_float: Makes a number of a text that has a fraction or an exponent.
    """
    if text and text[0] not in _FIRST_OF_OTHERS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    return read_float(text) if number[1] or number[2] else read_integer(text)
