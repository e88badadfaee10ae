"""How much one answer may cost that follows a schema: a schema of a few lines can ask for anything."""

from __future__ import annotations

import time
from collections.abc import Callable

_MAX_STEPS = 200_000
_MAX_CHARS = 4_000_000
_MAX_CPU_S = 1.0


class TooMuchError(Exception):
    """A schema asks for more than is made."""


class Effort:
    """Counts what is done for one request, and ends it where that is too much.

    Steps bound what is tried, characters what is kept, and the clock what neither foresees. It counts the
    work of this thread alone, so that a busy machine refuses nothing.

    Args:
        clock: Tells the seconds that this thread has worked.
    """

    def __init__(self, *, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._steps = 0
        self._chars = 0
        self._ends_at = clock() + _MAX_CPU_S

    def spend(self, steps: int = 1) -> None:
        """Count steps before they are done.

        Raises:
            TooMuchError: If there were too many of them.
        """
        self._steps += steps
        if self._steps > _MAX_STEPS or self._clock() > self._ends_at:
            raise TooMuchError

    def write(self, chars: int) -> None:
        """Count characters of the answer before they are made.

        Raises:
            TooMuchError: If there were too many of them.
        """
        self._chars += max(0, chars)
        self.spend()
        if self._chars > _MAX_CHARS:
            raise TooMuchError
