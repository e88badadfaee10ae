"""How much room there is for further jobs, without counting all of them for each."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

COUNT_EVERY_S = 1.0
"""For so long nobody counts again as long as there is room: others may take some of it meanwhile."""
_MUCH = 0.9


class Room:
    """Tells whether one more job may wait.

    While there is much room jobs are counted once a second, and what is taken here is added. In the last
    tenth, and before a job is refused, they are counted for each, and those that were let in and are not
    written yet are added. So one process never lets in more than there is room for, and what other processes
    take is seen a second later, or at once where it matters.

    Args:
        count: Returns how many jobs wait.
        most: How many may.
        monotonic: Seconds that only go forward.
    """

    def __init__(self, count: Callable[[], int], *, most: int, monotonic: Callable[[], float]) -> None:
        self._count = count
        self._most = most
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._taken = 0
        self._coming = 0  # let in and not written yet
        self._written = 0  # ever
        self._counted_at_s = -math.inf

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Give a block that writes one more job: whether it may. A block that raises has taken no room.

        Raises:
            StoreUnavailableError: If that cannot be found out.
        """
        if not self._let_in():
            yield False
            return
        is_written = 0
        try:
            yield True
            is_written = 1
        finally:
            with self._lock:
                self._coming -= 1
                self._taken += is_written
                self._written += is_written

    def _let_in(self) -> bool:
        now_s = self._monotonic()
        with self._lock:
            is_known = now_s - self._counted_at_s < COUNT_EVERY_S
            if is_known and self._taken + self._coming < _MUCH * self._most:
                self._coming += 1
                return True
            written = self._written
        taken = self._count()
        with self._lock:
            # Those that were written meanwhile may be counted or not: better twice than not at all.
            taken += self._written - written
            self._taken, self._counted_at_s = taken, now_s
            if taken + self._coming >= self._most:
                return False
            self._coming += 1
            return True
