"""Events that must not keep a call waiting: a bounded queue, and one thread that writes it down."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError

if TYPE_CHECKING:
    from hookline.store.audit_events import AuditEvent

MAX_WAITING = 10_000
"""Events that wait at most; further ones are dropped and counted."""

_BATCH = 100
_RETRY_S = 1.0
_SAY_AGAIN_S = 60.0

_log = logging.getLogger("hookline.audit")


class AuditQueue:
    """Takes events at once, and writes them in batches from a thread that the first event starts.

    While the store is down they wait, up to `MAX_WAITING` of them.

    Args:
        write: Writes a batch, all of it or nothing.

    Attributes:
        dropped: How many events were lost.
    """

    def __init__(self, write: Callable[[Sequence[AuditEvent]], object]) -> None:
        self._write = write
        self._waiting: deque[AuditEvent] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._said_at_s = -_SAY_AGAIN_S
        self.dropped = 0

    def put(self, event: AuditEvent) -> None:
        """Take an event; it never waits for the store."""
        with self._changed:
            if self._is_closing or len(self._waiting) >= MAX_WAITING:
                self._drop(1)
                return
            self._waiting.append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hookline-audit", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Write what waits, and take no more; what is not written in time is dropped and counted."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        with self._changed:
            if self._waiting:
                self._drop(len(self._waiting))
                self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._is_closing:
                        return
                    self._changed.wait()
                batch = [self._waiting[position] for position in range(min(_BATCH, len(self._waiting)))]
            try:
                self._write(batch)
            except StoreUnavailableError:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closing and not self._waiting, _RETRY_S)
                continue
            except Exception:
                _log.exception("audit events could not be written")
                with self._changed:
                    self._drop(len(batch))
            with self._changed:
                for _ in range(min(len(batch), len(self._waiting))):
                    self._waiting.popleft()

    def _drop(self, count: int) -> None:
        self.dropped += count
        now_s = time.monotonic()
        if now_s - self._said_at_s >= _SAY_AGAIN_S:
            self._said_at_s = now_s
            _log.error("audit events were lost: %d since the start", self.dropped)
