"""Exports that were made lately: the catalog does not change while a gateway runs, so they stay right."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from hookline.exports.export import Export

MAX_EXPORTS = 16
MAX_BYTES = 64_000_000


class Shelf:
    """Keeps a few exports, those that were asked for last.

    One is made at a time: it takes a processor for a while, and calls are to go on beside it.
    """

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Export] = OrderedDict()
        self._size_bytes = 0

    def get(self, key: Hashable, make: Callable[[], Export]) -> Export:
        """Return what is kept under a key, or make it; what ``make`` raises is not kept."""
        found = self._find(key)
        if found is None:
            with self._making:
                found = self._find(key)
                if found is None:
                    found = make()
                    self._keep(key, found)
        return found

    def _find(self, key: Hashable) -> Export | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: Hashable, export: Export) -> None:
        size_bytes = export.size_bytes  # makes the archive, while others find what is there
        with self._lock:
            self._kept[key] = export
            self._size_bytes += size_bytes
            while len(self._kept) > 1 and (len(self._kept) > MAX_EXPORTS or self._size_bytes > MAX_BYTES):
                _, dropped = self._kept.popitem(last=False)
                self._size_bytes -= dropped.size_bytes
