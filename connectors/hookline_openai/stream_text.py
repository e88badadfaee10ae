"""Collect a text that comes in very many very small pieces."""

from __future__ import annotations

_MOST_PIECES = 1024


class TextPieces:
    """Pieces of one text, kept in few large parts: a million strings of one letter would take 60 MB."""

    __slots__ = ("_parts", "_pieces")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Add a piece at the end."""
        self._pieces.append(piece)
        if len(self._pieces) >= _MOST_PIECES:
            self._parts.append("".join(self._pieces))
            self._pieces.clear()

    def __str__(self) -> str:
        return "".join([*self._parts, *self._pieces])
