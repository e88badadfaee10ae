"""Rows that wait to be written: a bounded queue that never makes a call wait."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from hookline_ledger.rows import UsageRow

_log = logging.getLogger("hookline.ledger")
_NEVER = sys.maxsize
_LOG_EVERY_S = 60.0
_all: WeakSet[WaitingRows] = WeakSet()


class WaitingRows:
    """Takes rows from any thread and hands them to one.

    There is no lock on the way in: `deque` needs none. So each thread may put one row beyond the bound.

    Args:
        wake: Called by a thread that put a row for which the writer waits.
        max_waiting: Most rows.
        monotonic: Tells seconds.

    Attributes:
        dropped: Rows that were dropped since the process began.
    """

    def __init__(
        self, wake: Callable[[], None], *, max_waiting: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wake = wake
        self._max_waiting = max_waiting
        self._monotonic = monotonic
        self._rows: deque[UsageRow] = deque()
        self._lock = threading.Lock()  # for the count of dropped rows only
        self._wake_at = 1
        self._told = 0
        self._told_at: float | None = None
        self.dropped = 0
        _all.add(self)

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, row: UsageRow) -> None:
        """Take a row, or drop it if too many wait."""
        rows = self._rows
        if len(rows) >= self._max_waiting:
            self.drop(1)
            return
        rows.append(row)
        if len(rows) >= self._wake_at:
            self._wake_at = _NEVER  # one wakes for all; always before the wake, so that none gets lost
            self._wake()

    def wake_at(self, count: int) -> None:
        """Ask to be woken by whoever makes it ``count`` rows; holds until somebody did."""
        self._wake_at = count

    def take(self, most: int) -> list[UsageRow]:
        """Return the oldest rows, without waiting for any."""
        rows = self._rows
        return [rows.popleft() for _ in range(min(most, len(rows)))]

    def close(self) -> None:
        """Take no more rows: what comes is counted as dropped."""
        self._max_waiting = 0

    def drop(self, count: int) -> None:
        """Count rows that are lost; say so in the log, but not more than once a minute."""
        with self._lock:
            self.dropped += count
            now = self._monotonic()
            if self._told_at is not None and now - self._told_at < _LOG_EVERY_S:
                return
            new, self._told, self._told_at = self.dropped - self._told, self.dropped, now
        _log.error("%d usage rows were lost, %d since this worker began", new, self.dropped)

    def forget(self) -> None:
        """Begin anew in a forked process: the rows are the parent's, who writes them."""
        self._rows = deque()
        self._lock = threading.Lock()
        self._wake_at = 1
        self.dropped = self._told = 0
        self._told_at = None


def _forget_all() -> None:
    for waiting in list(_all):
        waiting.forget()


os.register_at_fork(after_in_child=_forget_all)
