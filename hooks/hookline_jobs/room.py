"""How much room there is for further jobs, without counting all of them for each."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

COUNT_EVERY_S = 1.0
"""For so long nobody counts again as long as there is room: others may take some of it meanwhile."""
_MUCH = 0.9


class Room:
    """Tells whether one more job may wait.

    While there is much room jobs are counted once a second, and what is taken here is added. In the last
    tenth, and before a job is refused, they are counted for each. So nobody is refused while there is room,
    and what other processes take is seen a second later, or at once where it matters.

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
        self._counted_at_s = -math.inf

    def is_left(self) -> bool:
        """Tell whether one more job may wait.

        Raises:
            StoreUnavailableError: If that cannot be found out.
        """
        now_s = self._monotonic()
        if self._taken < _MUCH * self._most and now_s - self._counted_at_s < COUNT_EVERY_S:
            return True
        taken = self._count()
        with self._lock:
            self._taken, self._counted_at_s = taken, now_s
        return taken < self._most

    def take(self) -> None:
        """Note that one more job waits."""
        with self._lock:
            self._taken += 1
