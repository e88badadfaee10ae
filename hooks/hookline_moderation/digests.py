"""Texts that were checked piece by piece, told apart by digests, so that they need not be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable

_MAX_TEXTS = 10_000
_SIZE_BYTES = 16


class CheckedTexts:
    """Remembers which texts were checked."""

    def __init__(self) -> None:
        self._running: dict[Hashable, hashlib.blake2b] = {}
        self._whole: set[bytes] = set()

    def add_piece(self, key: Hashable, text: str) -> None:
        """Add a piece of a text that goes on."""
        running = self._running.get(key)
        if running is None:
            if len(self._running) >= _MAX_TEXTS:
                return
            running = self._running[key] = hashlib.blake2b(digest_size=_SIZE_BYTES)
        running.update(_bytes(text))

    def add(self, text: str) -> None:
        """Add a whole text."""
        if len(self._whole) < _MAX_TEXTS:
            self._whole.add(_digest(text))

    def close(self) -> None:
        """End the texts that were added in pieces."""
        self._whole.update(running.digest() for running in self._running.values())
        self._running.clear()

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and _digest(text) in self._whole


def _digest(text: str) -> bytes:
    return hashlib.blake2b(_bytes(text), digest_size=_SIZE_BYTES).digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
