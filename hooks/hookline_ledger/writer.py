"""The thread that writes rows in batches, off the request path."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from hookline.errors import StoreUnavailableError
from hookline_ledger.waiting import WaitingRows

if TYPE_CHECKING:
    from hookline_ledger.rows import UsageRow

BATCH_ROWS = 200
FLUSH_S = 0.25
_FIRST_WAIT_S = 0.25
_MAX_WAIT_S = 5.0
_AT_EXIT_S = 5.0  # a database that is asked for the first time on a busy machine takes more than one
_IDLE_S = 60.0

_log = logging.getLogger("hookline.ledger")
_all: WeakSet[LedgerWriter] = WeakSet()


class RowStore(Protocol):
    """Where rows go."""

    def insert(self, rows: Sequence[UsageRow]) -> None:
        """Write rows in one transaction; those that are there already are left alone.

        Raises:
            StoreUnavailableError: If the database cannot be used now; nothing or everything was written.
            Exception: If it refuses the rows.
        """
        ...

    def tend(self) -> float:
        """Remove a small part of what is too old or too much; return the seconds until it wants more time.

        Raises:
            StoreUnavailableError: If the database cannot be used now.
        """
        ...


class LedgerWriter:
    """Writes what it is given, at most 250 ms later, as long as the database can be used.

    The thread begins with the first row of a process, so that a gateway that runs no call has none.

    Args:
        store: Where rows go.
        max_waiting: Most rows that wait.
        flush_s: Longest time that a row waits for others to be written with it.
        monotonic: Tells seconds.

    Attributes:
        waiting: The rows that were not written yet.
        written: Rows that were written by this process.
        outage: Why rows cannot be written at present; None if they can.
    """

    def __init__(
        self,
        store: RowStore,
        *,
        max_waiting: int,
        flush_s: float = FLUSH_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._flush_s = flush_s
        self._monotonic = monotonic
        self.waiting = WaitingRows(self._wake, max_waiting=max_waiting, monotonic=monotonic)
        self.put = self.waiting.put
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        """Begin without a thread."""
        self.written = 0
        self.outage: str | None = None
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._in_hand = 0
        self._tend_at = self._monotonic() + _IDLE_S

    def close(self, timeout_s: float) -> None:
        """Write what waits and end the thread; what is not written in time is lost, and logged."""
        self.waiting.close()
        self._closing.set()
        self._event.set()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        atexit.unregister(self._close_at_exit)
        thread.join(timeout_s)
        lost = len(self.waiting) + self._in_hand
        if lost:
            _log.error(
                "%d usage rows could not be written before the end: %s", lost, self.outage or "no time"
            )

    def state(self) -> dict[str, object]:
        """Return what became of the rows of this process, for programs."""
        return {
            "written": self.written,
            "waiting": len(self.waiting) + self._in_hand,
            "dropped": self.waiting.dropped,
        }

    # ------------------------------------------------------------ the thread

    def _wake(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closing.is_set():
                    self._thread = threading.Thread(target=self._run, name="hookline-ledger", daemon=True)
                    self._thread.start()
                    atexit.register(self._close_at_exit)
        self._event.set()

    def _close_at_exit(self) -> None:
        self.close(_AT_EXIT_S)

    def _run(self) -> None:
        while True:
            self._wait_for_rows()
            while rows := self.waiting.take(BATCH_ROWS):
                self._in_hand = len(rows)
                if not self._write(rows):
                    return
                self._in_hand = 0
                self._tend()
            if self._closing.is_set():
                return
            self._tend()

    def _wait_for_rows(self) -> None:
        """Return when a batch is full, or some time after its first row, or when there is other work."""
        if not self.waiting:
            self.waiting.wake_at(1)
            if not self.waiting and not self._closing.is_set():
                self._event.wait(max(0.0, min(_IDLE_S, self._tend_at - self._monotonic())))
            self._event.clear()
        if self.waiting:
            self.waiting.wake_at(BATCH_ROWS)
            give_up_at = self._monotonic() + self._flush_s
            while len(self.waiting) < BATCH_ROWS and not self._closing.is_set():
                if not self._event.wait(max(0.0, give_up_at - self._monotonic())):
                    break
                self._event.clear()  # it may have been set for what the thread woke for before
            self._event.clear()

    def _write(self, rows: list[UsageRow]) -> bool:
        """Write rows, however long it takes; return False if the gateway ends and it cannot be done."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                self._store.insert(rows)
            except StoreUnavailableError as exc:
                self._note_outage(exc.message)
                if self._closing.is_set():
                    return False
                self._closing.wait(wait_s)
                wait_s = min(2 * wait_s, _MAX_WAIT_S)
            except Exception:
                if len(rows) > 1:  # one that is refused must not take the others with it
                    return all([self._write([row]) for row in rows])
                _log.exception("a usage row was refused: %s", rows[0].call_id)
                self.waiting.drop(1)
                return True
            else:
                self.written += len(rows)
                self._note_recovery()
                return True

    def _tend(self) -> None:
        if self._monotonic() < self._tend_at or self._closing.is_set():
            return
        wait_s = _IDLE_S
        try:
            wait_s = self._store.tend()
        except StoreUnavailableError as exc:
            _log.warning("old usage rows could not be removed: %s", exc.message)
        except Exception:
            _log.exception("old usage rows could not be removed")
        self._tend_at = self._monotonic() + wait_s

    def _note_outage(self, message: str) -> None:
        if self.outage is None:
            _log.error("usage rows cannot be written and are kept for now: %s", message)
        self.outage = message

    def _note_recovery(self) -> None:
        if self.outage is not None:
            _log.warning("usage rows are written again; %d wait", len(self.waiting))
        self.outage = None

    def forget(self) -> None:
        """Begin anew in a forked process, which has no threads."""
        self._reset()


def _forget_all() -> None:
    for writer in list(_all):
        writer.forget()


os.register_at_fork(after_in_child=_forget_all)
