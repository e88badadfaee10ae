"""What is to be done at a certain time, by one thread for all that wait."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from hookline.failure_log import log_failure_of_code

_log = logging.getLogger("hookline.streams")


class Alarms:
    """Calls functions when their time has come, unless they were taken back before.

    The thread begins with the first of them. What it calls must be quick.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._due: dict[object, tuple[float, Callable[[], object]]] = {}
        self._wakes_at = -math.inf
        self._thread: threading.Thread | None = None

    def add(self, after_s: float, ring: Callable[[], object]) -> object:
        """Call ``ring`` after so many seconds; returns what `discard` takes it back with.

        Raises:
            RuntimeError: If there is no thread yet and none can be begun.
        """
        at, key = time.monotonic() + after_s, object()
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="hookline-alarms", daemon=True)
                thread.start()
                self._thread = thread
            elif at < self._wakes_at:
                self._changed.notify()
            self._due[key] = (at, ring)
        return key

    def discard(self, key: object) -> None:
        """Take one back; harmless once it was called."""
        with self._changed:
            self._due.pop(key, None)

    def _run(self) -> None:
        while True:
            for ring in self._wait():
                try:
                    ring()
                except BaseException as exc:  # the others still need this thread
                    log_failure_of_code(_log, "something failed whose time had come", exc=exc)

    def _wait(self) -> list[Callable[[], object]]:
        """Return what is due, at least one."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = [key for key, (at, _) in self._due.items() if at <= now]
                if due:
                    return [self._due.pop(key)[1] for key in due]
                self._wakes_at = min((at for at, _ in self._due.values()), default=math.inf)
                wait_s = min(self._wakes_at - now, threading.TIMEOUT_MAX)
                self._changed.wait(wait_s)
                self._wakes_at = -math.inf
