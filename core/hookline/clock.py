"""Time as the gateway sees it; handed in, so that nothing has to wait in order to be tried out."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hookline.call import Cancellation


class Clock(Protocol):
    """Tells the time and waits."""

    def monotonic(self) -> float:
        """Return seconds that only ever go forward, from an unknown beginning."""
        ...

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        ...

    def wait(self, seconds: float, cancellation: Cancellation) -> bool:
        """Wait, and return True; or False as soon as nobody waits for the call any more."""
        ...


class SystemClock:
    """The clock of the machine."""

    monotonic = staticmethod(time.monotonic)

    def now(self) -> datetime:
        """Return the date and time, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float, cancellation: Cancellation) -> bool:
        """Block this thread; cancelling the call wakes it."""
        is_over = threading.Event()
        cancellation.add(is_over.set)
        try:
            return not is_over.wait(max(0.0, seconds))
        finally:
            cancellation.discard(is_over.set)


SYSTEM_CLOCK: Clock = SystemClock()
