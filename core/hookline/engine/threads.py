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
            RuntimeError: If no more is taken, or there is no thread and none can be begun.
        """
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the threads were closed")
            if self._free:
                self._free -= 1
            elif self._count < self._most:
                self._begin_one()
            self._waiting.put(work)

    def close(self) -> None:
        """Take no more; what was taken is done."""
        with self._lock:
            self._is_closed = True
            for _ in range(self._count):
                self._waiting.put(None)

    def _begin_one(self) -> None:
        try:  # `Thread.start` would wait until it runs, which takes long where many threads do
            start_new_thread(self._serve, ())
        except RuntimeError:
            if not self._count:
                raise
        else:
            self._count += 1

    def _serve(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                work()
            except BaseException as exc:  # whatever it is, the thread is needed for what comes next
                log_failure_of_code(_log, "a thread of streams went on after a failure", exc=exc)
            del work
            with self._lock:
                self._free += 1
