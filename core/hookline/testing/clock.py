"""A clock that goes only when it is told to, or when somebody waits for it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.call import Cancellation

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""What time it is when a test begins, unless it says otherwise."""


class FakeClock:
    """Whoever waits is not kept waiting: the clock jumps forward instead, and ``waits`` tells how far.

    Args:
        now: What time it is at first.

    Attributes:
        waits: Seconds of every wait so far, in order.
    """

    def __init__(self, now: datetime = START) -> None:
        self._lock = threading.Lock()
        self._start = now
        self._elapsed_s = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        """Return seconds since an unknown beginning."""
        return 1000.0 + self._elapsed_s

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def advance(self, seconds: float) -> None:
        """Let time pass, without anybody having waited for it."""
        with self._lock:
            self._elapsed_s += seconds

    def wait(self, seconds: float, cancellation: Cancellation) -> bool:
        """Jump forward at once; False if the call was cancelled."""
        if cancellation.is_cancelled:
            return False
        with self._lock:
            self.waits.append(seconds)
            self._elapsed_s += max(0.0, seconds)
        return not cancellation.is_cancelled
