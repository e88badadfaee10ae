"""Exports that were made lately; the version of the catalog is in their keys, so they stay right."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from hookline.exports.export import Export

MAX_EXPORTS = 16
MAX_BYTES = 64_000_000
MAX_REFUSALS = 256


class Shelf:
    """Keeps a few exports, those that were asked for last.

    One is made at a time: it takes a processor for a while, and calls are to go on beside it.
    """

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Export] = OrderedDict()
        self._refused: OrderedDict[Hashable, tuple[str, str]] = OrderedDict()
        self._size_bytes = 0

    def get(self, key: Hashable, make: Callable[[], Export]) -> Export:
        """Return what is kept under a key, or make it.

        An export that is larger than all that are kept together is made anew each time.

        Raises:
            ConfigurationError: If the catalog cannot be written so. That is kept: it would be so again. What
                else ``make`` raises is not.
        """
        found = self._find(key)
        if found is None:
            with self._making:
                found = self._find(key)
                if found is None:
                    found = self._make(key, make)
        return found

    def _make(self, key: Hashable, make: Callable[[], Export]) -> Export:
        try:
            made = make()
        except ConfigurationError as exc:
            with self._lock:
                self._refused[key] = (exc.message, exc.hint)
                while len(self._refused) > MAX_REFUSALS:
                    self._refused.popitem(last=False)
            raise
        self._keep(key, made)
        return made

    def _find(self, key: Hashable) -> Export | None:
        with self._lock:
            if key in self._refused:
                message, hint = self._refused[key]
                raise ConfigurationError(message, hint=hint)
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: Hashable, export: Export) -> None:
        size_bytes = export.size_bytes  # makes the archive, while others find what is there
        if size_bytes > MAX_BYTES:
            return
        with self._lock:
            self._kept[key] = export
            self._size_bytes += size_bytes
            while len(self._kept) > MAX_EXPORTS or self._size_bytes > MAX_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._size_bytes -= dropped.size_bytes
