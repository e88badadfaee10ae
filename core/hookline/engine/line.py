"""A line in which calls wait to be begun while very many streams run and are late.

To begin a call takes as much of the interpreter as fifty events, and in many turns. Where threads wait for
the interpreter they get it in no order, so whoever begins hundreds of calls at once leaves streams that run
without a turn for seconds. So only a few are begun at a time then, first come first served, and streams go on
in between.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock, get_ident
from collections import deque
from typing import TYPE_CHECKING

from hookline.engine.http1_pacing import PACE

if TYPE_CHECKING:
    from hookline.engine.http1_pacing import Pace

_PLACES = 3
_PATIENCE_S = 0.05
_LONGEST_S = 5.0


class Line:
    """Lets calls in. Whoever is let in may be working, or waiting for something; the line cannot tell.

    So nobody waits for longer than a certain time for each call before it: calls go on, slowly, also where
    those that were let in do not leave.

    Args:
        pace: Tells how late the streams are; while they are not, nobody waits.
        places: How many may be inside at a time.
        patience_s: Longest wait for each call before.
        longest_s: Longest wait in all.
    """

    def __init__(
        self,
        pace: Pace,
        *,
        places: int = _PLACES,
        patience_s: float = _PATIENCE_S,
        longest_s: float = _LONGEST_S,
    ) -> None:
        self._pace = pace
        self._free = places  # fewer than none where somebody lost patience
        self._patience_s = patience_s
        self._longest_s = longest_s
        self._lock = allocate_lock()
        self._waiting: deque[LockType] = deque()
        self._inside: set[int] = set()

    def enter(self) -> None:
        """Wait until this thread may begin a call."""
        if not self._pace.is_late():
            return
        thread = get_ident()
        if thread in self._inside:  # a plugin calls the gateway while its own call is begun
            return
        self._inside.add(thread)
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            turn = allocate_lock()
            turn.acquire()
            self._waiting.append(turn)
            patience_s = min(len(self._waiting) * self._patience_s, self._longest_s)
        if not turn.acquire(timeout=patience_s):
            self._go_anyway(turn)

    def leave(self) -> None:
        """Let the next one in. No effect if this thread did not enter, or has left."""
        if not self._inside:
            return
        thread = get_ident()
        if thread not in self._inside:
            return
        self._inside.remove(thread)
        with self._lock:
            if self._waiting and self._free >= 0:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def hand_over(self) -> bool:
        """Give this thread's place away, for another thread to `take_over`; returns whether it had one."""
        thread = get_ident()
        had_one = thread in self._inside
        self._inside.discard(thread)
        return had_one

    def take_over(self, had_one: bool) -> None:
        """Have the place that another thread had."""
        if had_one:
            self._inside.add(get_ident())

    def _go_anyway(self, turn: LockType) -> None:
        with self._lock:
            if turn.locked():  # else it was let in just now
                self._waiting.remove(turn)
                self._free -= 1


LINE = Line(PACE)
"""Of this process."""
