"""Time as the gateway sees it; handed in, so that nothing has to wait in order to be tried out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from hookline.call import Cancellation

T = TypeVar("T")


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


class AtMostEvery(Generic[T]):
    """What a function finds, looked for anew once in a while: anybody may ask, as often as they like.

    Args:
        every_s: For how long what was found is what everybody gets.
        find: Finds it; whoever asks meanwhile waits for it.
        clock: What time it is.
    """

    def __init__(self, every_s: float, find: Callable[[], T], *, clock: Clock) -> None:
        self._every_s = every_s
        self._find = find
        self._clock = clock
        self._lock = threading.Lock()
        self._found: tuple[float, T] | None = None

    def __call__(self) -> T:
        """Return what was found."""
        with self._lock:
            found = self._found
            if found is None or not 0 <= self._clock.monotonic() - found[0] < self._every_s:
                value = self._find()
                found = self._found = (self._clock.monotonic(), value)
            return found[1]
