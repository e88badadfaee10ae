"""Texts as a reader of JSON sees them, where somebody wrote their characters as numbers."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")


def forms_of(text: str) -> tuple[str, ...]:
    r"""Return a text and, if it holds escapes such as ``\u006b``, also how it reads without them."""
    if "\\u" not in text:
        return (text,)
    plain = _ESCAPES.sub(_decode, text)
    return (text,) if plain == text else (text, plain)


def _decode(match: re.Match[str]) -> str:
    units = bytes.fromhex(match.group().replace("\\u", ""))
    return units.decode("utf-16-be", "replace")
