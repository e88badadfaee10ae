"""A rest after a failure, so that one slow or dead store does not make every call wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Circuit:
    """Lets callers through until a failure is reported; then one at a time, after a rest.

    Args:
        rest_s: Seconds after a failure in which nobody is let through.
        monotonic: Seconds that only go forward.
    """

    def __init__(self, *, rest_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rest_s = rest_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failed_at: float | None = None
        self._is_tried = False

    def may_enter(self) -> bool:
        """Tell whether to try now; whoever is told True must report with `pass_` or `fail`, and `leave`."""
        if self._failed_at is None:
            return True
        with self._lock:
            if self._failed_at is None:
                return True
            if self._is_tried or self._monotonic() - self._failed_at < self._rest_s:
                return False
            self._is_tried = True
            return True

    def pass_(self) -> None:
        """Report that it went well, which lets everybody through."""
        if self._failed_at is not None:
            with self._lock:
                self._failed_at, self._is_tried = None, False

    def fail(self) -> None:
        """Report a failure, from which the rest counts."""
        with self._lock:
            self._failed_at = self._monotonic()

    def leave(self) -> None:
        """Report that the try is over, however it went, so that another one may begin."""
        if self._failed_at is not None:
            with self._lock:
                self._is_tried = False
