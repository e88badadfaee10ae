"""Texts that somebody else chose, made safe to keep and to show."""

from __future__ import annotations

from hashlib import sha256

MAX_LENGTH = 200
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Return a text as one line of at most 200 characters that no terminal takes for a command."""
    if len(text) <= MAX_LENGTH and text.isprintable():
        return text
    return "".join(char if char.isprintable() else _REPLACEMENT for char in text[:MAX_LENGTH])


def identity(text: str) -> str:
    """Return an id as it is kept: itself, or a digest where it could not be shown.

    Unlike `printable` it never makes one out of two, so that no tenant sees what is another's.
    """
    if len(text) <= MAX_LENGTH and text.isprintable():
        return text
    return "sha256:" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
