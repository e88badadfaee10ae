"""Threads that take one thing to do after another, with as little ado as can be."""

from __future__ import annotations

import logging
import threading
from _thread import start_new_thread
from collections.abc import Callable
from queue import SimpleQueue

from hookline.failure_log import log_failure_of_code

_log = logging.getLogger("hookline.streams")


class Threads:
    """A pool of threads, begun one by one as they are needed and kept from then on.

    An executor of the standard library makes a future with a condition for each thing it does, which takes
    longer than all the rest of handing it over.

    Args:
        most: How many there may be; what comes when all are busy waits its turn.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._count = 0
        self._free = 0
        self._is_closed = False

    def run(self, work: Callable[[], object]) -> None:
        """Do something on one of the threads.

        Raises:
            RuntimeError: If no more is taken.
        """
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the threads were closed")
            is_short = not self._free and self._count < self._most
            if is_short:
                self._count += 1
            elif self._free:
                self._free -= 1
            self._waiting.put(work)
        if is_short:  # `Thread.start` would wait until it runs, which takes long where many threads do
            start_new_thread(self._serve, ())

    def close(self) -> None:
        """Take no more; what was taken is done."""
        with self._lock:
            self._is_closed = True
            for _ in range(self._count):
                self._waiting.put(None)

    def _serve(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                work()
            except Exception as exc:
                log_failure_of_code(_log, "a thread of streams went on after a failure", exc=exc)
            del work
            with self._lock:
                self._free += 1
