"""The thread that shows that this process is alive, as long as it runs calls with keys."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError

if TYPE_CHECKING:
    from hookline_idempotency.claims import Claim, RunningClaims
    from hookline_idempotency.store import KeptReplies

MAX_WAITING = 100
"""Most ends of calls that wait for the database to come back; the oldest are given up first."""

_log = logging.getLogger("hookline.idempotency")


class Leases:
    """Renews claims three times a lease, and writes ends of calls that could not be written at first.

    The thread begins with the first claim, and ends when there is none.

    Args:
        claims: The claims of this process.
        store: Returns where they are stored.
        now_us: Tells the time in microseconds since 1970.
        lease_s: How long a claim holds without a sign.
    """

    def __init__(
        self,
        claims: RunningClaims,
        store: Callable[[], KeptReplies],
        *,
        now_us: Callable[[], int],
        lease_s: float,
    ) -> None:
        self._claims = claims
        self._store = store
        self._now_us = now_us
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def until_us(self) -> int:
        """Return until when a claim that is made or renewed now holds."""
        return self._now_us() + int(self._lease_s * 1_000_000)

    def watch(self) -> None:
        """See to it that the thread runs: there is a claim."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closing.is_set():
                    self._thread = threading.Thread(target=self._run, name="hookline-leases", daemon=True)
                    self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Write what waits, once, and end the thread."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def tend(self) -> None:
        """Write the ends that wait and renew the claims that run, once."""
        claims = self._claims.all()
        waiting = [claim for claim in claims if claim.outcome is not None]
        for claim in waiting[: max(0, len(waiting) - MAX_WAITING)]:
            _log.error("the reply of %s could not be kept: too many wait", claim.call_id)
            self._claims.remove(claim)
        running = [claim for claim in claims if claim.outcome is None]
        try:
            for claim in waiting[-MAX_WAITING:]:
                self._end(claim)
            if running:
                self._store().renew(running, lease_until_us=self.until_us())
        except StoreUnavailableError as exc:
            _log.warning("claims of keys could not be renewed: %s", exc.message)
        except Exception:
            _log.exception("claims of keys could not be renewed")

    def _end(self, claim: Claim) -> None:
        if claim.outcome is not None:
            self._store().end(claim, claim.outcome)
        self._claims.remove(claim)

    def _run(self) -> None:
        until = time.monotonic()
        while True:
            until += self._lease_s / 3
            self._closing.wait(max(0.0, until - time.monotonic()))
            self.tend()
            with self._lock:
                if self._closing.is_set() or not len(self._claims):
                    self._thread = None
                    return
