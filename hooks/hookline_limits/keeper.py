"""A thread that keeps what this process has set aside alive, and writes what could not be written."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

_AGAIN_S = 0.5  # between two tries to write what is left
_FLUSH = 3  # tries when the process ends
_TURN_S = 2.0  # longest wait for another thread that does what is left
_log = logging.getLogger("hookline.limits")


class Keeper:
    """Renews a lease, and does later what failed.

    Args:
        renew: Renews the lease.
        every_s: Seconds between two renewals.
    """

    def __init__(self, renew: Callable[[], None], *, every_s: float) -> None:
        self._renew = renew
        self._every_s = every_s
        self._lock = threading.Lock()
        self._left: deque[Callable[[], None]] = deque()
        self._doing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = threading.Event()
        self._wake = threading.Event()

    def start(self) -> None:
        """Begin, if that has not happened yet."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None and not self._is_closed.is_set():
                self._thread = threading.Thread(target=self._run, name="hookline-limits", daemon=True)
                self._thread.start()

    def do(self, step: Callable[[], None], *, instead: Callable[[], None]) -> None:
        """Do a step now, or as soon as the store answers again. Never raises.

        Args:
            step: May raise StoreUnavailableError.
            instead: Is done soon if the step fails for any other reason, so that it is not lost.
        """
        try:
            step()
        except StoreUnavailableError:
            self.do_later(step)
        except Exception:
            _log.exception("a call could not be settled; it is booked with what was set aside for it")
            self.do_later(instead)

    def do_later(self, step: Callable[[], None]) -> None:
        """Do a step as soon as the store answers again.

        Args:
            step: May raise StoreUnavailableError; then it is done again.
        """
        self._left.append(step)
        self._wake.set()

    @property
    def left(self) -> int:
        """How many steps are left to do."""
        return len(self._left)

    def close(self) -> None:
        """Stop, after a last try to do what is left."""
        self._is_closed.set()
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout=10)
        for _ in range(_FLUSH):
            if not self._left:
                return
            self._do_what_is_left()
            threading.Event().wait(0.1)
        if self._left:
            _log.error("%d settlements of limits could not be written", len(self._left))

    def _run(self) -> None:
        while not self._is_closed.is_set():
            self._wake.wait(_AGAIN_S if self._left else self._every_s)
            self._wake.clear()
            if self._is_closed.is_set():
                return
            try:
                self._renew()
            except StoreUnavailableError:
                pass  # told by the store; a lease that runs out meanwhile is noticed by it
            except Exception:
                _log.exception("the lease of this process could not be renewed")
            self._do_what_is_left()

    def _do_what_is_left(self) -> None:
        if not self._doing.acquire(timeout=_TURN_S):
            return  # another thread is at it
        try:
            for _ in range(len(self._left)):
                step = self._left[0]  # it counts as left until it is done
                try:
                    step()
                except StoreUnavailableError:
                    self._left.rotate(-1)
                    return
                except Exception:
                    _log.exception("a settlement of limits could not be written")
                self._left.popleft()
        finally:
            self._doing.release()
