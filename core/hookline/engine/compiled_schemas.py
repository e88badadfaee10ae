"""Compiled schemas that need many others: those that were used last are kept, the others are made anew.

`jsonschema_rs` compiles each schema with its own copy of all that it needs: 33 MB and half a second for one
that needs 800 others of 27 members each. A service of hundreds of such actions would take gigabytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from hookline.engine.validation import SchemaValidator

MAX_DEFINITIONS_KEPT = 3_000
"""Most definitions of all that is kept, which is some 120 MB."""


class CompiledSchemas:
    """Keeps compiled schemas; safe to be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[int, SchemaValidator]] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable, size: int, make: Callable[[], SchemaValidator]) -> SchemaValidator:
        """Return what is kept under a key, or make it.

        Args:
            key: Which schema.
            size: How many definitions it has.
            make: Compiles it.
        """
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found[1]
        made = make()  # without the lock, so that others find theirs meanwhile
        with self._lock:
            if key not in self._kept:
                self._kept[key] = size, made
                self._size += size
                while self._size > MAX_DEFINITIONS_KEPT and len(self._kept) > 1:
                    _, (dropped, _) = self._kept.popitem(last=False)
                    self._size -= dropped
        return made
