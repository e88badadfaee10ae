"""The thread that carries deliveries when they are due, as long as the process runs.

Nothing is lost with a process: what it carried is due again for the others when its claim has run out.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline.call import Cancellation
from hookline.errors import HooklineError, StoreUnavailableError
from hookline_callbacks.deliveries import to_us

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline_callbacks.carrier import Carrier
    from hookline_callbacks.deliveries import Delivery
    from hookline_callbacks.delivery_store import Claim, DeliveryStore

LEASE_S = 60.0
"""How long others leave a claimed delivery alone: longer than an attempt can take."""

POLL_S = 5.0
"""Longest time until a delivery is noticed that another process took."""

_PURGE_EVERY_S = 600.0
_NOTE_AGAIN_S = 0.5
_LEAST_WAIT_S = 0.2
_BUSY_WAIT_S = 1.0
_CUT_S = 2.0

_log = logging.getLogger("hookline.callbacks")


class Courier:
    """Carries deliveries, several at a time: of one tenant at most half as many, of one receiver a quarter.

    Args:
        open_parts: Returns the rows and who makes attempts; called when they are needed for the first time.
        clock: What time it is.
        max_sending: Most attempts at the same time.
    """

    def __init__(
        self, open_parts: Callable[[], tuple[DeliveryStore, Carrier]], *, clock: Clock, max_sending: int
    ) -> None:
        self._open_parts = open_parts
        self._clock = clock
        self._max_sending = max_sending
        self._of_tenant = max(1, max_sending // 2)
        self._of_receiver = max(1, max_sending // 4)
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._running: dict[str, tuple[Claim, Cancellation, threading.Thread]] = {}
        self._is_down = False
        self._purge_at = time.monotonic() + _LEAST_WAIT_S

    def begin(self) -> None:
        """Start looking for deliveries; once."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="hookline-callbacks", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Tell that there is something to carry."""
        self.begin()
        self._event.set()

    def run_due(self) -> int:
        """Carry all that is due now, one after another, on this thread; return how many attempts it took."""
        count = 0
        while (claim := self._claim()) is not None:
            self._carry(claim, Cancellation())
            count += 1
        return count

    def close(self, timeout_s: float) -> None:
        """Let running attempts finish, then cut them; what is cut is due at once for another process."""
        self._closing.set()
        self._event.set()
        with self._lock:
            thread, self._thread = self._thread, None
        ends_at = time.monotonic() + timeout_s
        if thread is not None:
            thread.join(timeout_s)
        running = self._all_running()
        for _, _, worker in running:
            worker.join(max(0.0, ends_at - time.monotonic()))
        for _, cancellation, _ in self._all_running():
            cancellation.cancel()
        for _, _, worker in running:
            worker.join(_CUT_S)

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._closing.is_set():
            wait_s = POLL_S
            try:
                self._start_due()
                self._purge()
                wait_s = self._wait_s()
                self._is_down = False
            except Exception as exc:
                self._note_outage(exc)
            self._event.wait(wait_s)
            self._event.clear()

    def _note_outage(self, exc: Exception) -> None:
        """Say what is wrong once, and not every few seconds."""
        if not self._is_down:
            told = exc.message if isinstance(exc, HooklineError) else type(exc).__name__
            cause = None if isinstance(exc, HooklineError) else exc
            _log.error("deliveries cannot be looked for at present: %s", told, exc_info=cause)
        self._is_down = True

    def _start_due(self) -> None:
        while len(self._all_running()) < self._max_sending and not self._closing.is_set():
            claim = self._claim()
            if claim is None:
                return
            cancellation = Cancellation()
            worker = threading.Thread(
                target=self._carry, args=(claim, cancellation), name="hookline-delivery", daemon=True
            )
            with self._lock:
                self._running[claim.delivery.id] = (claim, cancellation, worker)
            try:
                worker.start()
            except RuntimeError:  # there is no thread left
                self._let_go(claim)
                raise

    def _claim(self) -> Claim | None:
        store, _ = self._open_parts()
        running = [claim.delivery for claim, _, _ in self._all_running()]
        tenants = Counter(one.tenant for one in running)
        receivers = Counter((one.tenant, one.receiver) for one in running)
        now_us = to_us(self._clock.now())
        return store.claim(
            now_us=now_us,
            until_us=now_us + int(LEASE_S * 1_000_000),
            without_tenants=[name for name, count in tenants.items() if count >= self._of_tenant],
            without_receivers=[name for name, count in receivers.items() if count >= self._of_receiver],
        )

    def _wait_s(self) -> float:
        store, _ = self._open_parts()
        now_us = to_us(self._clock.now())
        next_at_us = store.next_at_us(now_us=now_us)
        if next_at_us is None:
            return POLL_S
        # What is due and was left has to wait for an attempt that runs, and its end wakes this thread.
        least_s = _BUSY_WAIT_S if self._all_running() else _LEAST_WAIT_S
        return min(POLL_S, max(least_s, (next_at_us - now_us) / 1_000_000))

    def _purge(self) -> None:
        if time.monotonic() >= self._purge_at:
            store, _ = self._open_parts()
            removed = store.purge(now_us=to_us(self._clock.now()))
            self._purge_at = time.monotonic() + (POLL_S if removed else _PURGE_EVERY_S)

    # ------------------------------------------------------------ one delivery

    def _carry(self, claim: Claim, cancellation: Cancellation) -> None:
        try:
            _, carrier = self._open_parts()
            after = carrier.attempt(claim, cancellation)
            if cancellation.is_cancelled and after.state != "delivered":
                after = claim.delivery  # it was cut by us, which is not the receiver's fault
            self._note(claim, after)
            _tell(after)
        except StoreUnavailableError as exc:
            _log.warning("delivery %s has to wait: %s", claim.delivery.id, exc.message)
        except Exception:
            _log.exception("delivery %s could not be carried", claim.delivery.id)
        finally:
            self._let_go(claim)
            self._event.set()

    def _note(self, claim: Claim, after: Delivery) -> None:
        """Write down what became of a claim, trying again as long as it is ours: else it is sent twice."""
        store, _ = self._open_parts()
        while True:
            try:
                store.note(claim, after)
                return
            except StoreUnavailableError:
                is_over = to_us(self._clock.now()) >= claim.until_us
                if is_over or self._closing.wait(_NOTE_AGAIN_S):
                    raise

    def _let_go(self, claim: Claim) -> None:
        with self._lock:
            self._running.pop(claim.delivery.id, None)

    def _all_running(self) -> list[tuple[Claim, Cancellation, threading.Thread]]:
        with self._lock:
            return list(self._running.values())


def _tell(after: Delivery) -> None:
    last = after.history[-1].error if after.history else None
    if after.state == "failed":
        _log.warning("delivery %s of %s failed for good: %s", after.id, after.job_id, last)
    elif after.state == "stopped":
        _log.info("delivery %s of %s is not wanted any more", after.id, after.job_id)
