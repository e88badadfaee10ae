"""Texts that both kinds of databases take."""

from __future__ import annotations


def storable(text: str, *, max_chars: int | None = None) -> str:
    r"""Return a text without NUL, which PostgreSQL refuses, and without halves of characters.

    They are written as ``\x00`` and ``\udc80``. Use it on whatever a caller may have chosen.

    Args:
        text: Any text.
        max_chars: Longest result; what is more is cut off.
    """
    clean = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return clean if max_chars is None else clean[:max_chars]
