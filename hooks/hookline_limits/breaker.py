"""Not asking a store that has just failed, so that nobody waits for it in vain."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

REST_S = 1.0
"""After a failure the store is asked once in so many seconds; everybody else is refused at once."""

_MOST_LOGGED = 500
_log = logging.getLogger("hookline.limits")


class Breaker:
    """Knows whether a store may be asked; safe with threads.

    Args:
        store: What the store is called in messages.
        monotonic: Returns seconds that only go forward.
    """

    def __init__(self, store: str, *, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._closed_until_s: float | None = None
        self.problem: str | None = None

    def enter(self) -> None:
        """Go on only if the store may be asked.

        Raises:
            StoreUnavailableError: If it has just failed.
        """
        if self._closed_until_s is None:  # without the lock: nearly always
            return
        with self._lock:
            if self._closed_until_s is None:
                return
            now_s = self._monotonic()
            if now_s < self._closed_until_s:
                raise self.error(self._closed_until_s - now_s)
            self._closed_until_s = now_s + REST_S  # whoever comes first tries; the others do not wait for it

    def succeed(self) -> None:
        """Note that the store has answered."""
        if self._closed_until_s is None:
            return
        with self._lock:
            if self._closed_until_s is not None:
                _log.warning("the store of limits is back: %s", self._store)
            self._closed_until_s = None
            self.problem = None

    def fail(self, problem: str, *, more: str = "") -> StoreUnavailableError:
        """Note that the store has failed, and return the error to raise.

        Args:
            problem: What is wrong, for anybody to read.
            more: What the log says besides; without any secret.
        """
        with self._lock:
            if self._closed_until_s is None or self.problem != problem:
                text = f"{problem}: {more}" if more else problem
                _log.error("the store of limits does not answer (%s): %s", self._store, text[:_MOST_LOGGED])
            self._closed_until_s = self._monotonic() + REST_S
            self.problem = problem
        return self.error(REST_S)

    def error(self, wait_s: float) -> StoreUnavailableError:
        """Return the error for a call whose limits cannot be looked at."""
        return StoreUnavailableError(
            "What this call may take cannot be looked up: the store of limits does not answer. The call was "
            "not run.",
            retry_after_s=wait_s,
            reached_upstream=False,
        )
