"""Letting attempts through to the upstream, as soon as it is ready to be asked."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from hookline.errors import RateLimitedError, StreamInterruptedError
from hookline_retry.gate import gate_key
from hookline_retry.progress import fits, progress_of

if TYPE_CHECKING:
    from hookline import Call, UpstreamRequest
    from hookline_retry.budget import RetryBudgets
    from hookline_retry.gate import GateKey, Gates
    from hookline_retry.options import RetryOptions
    from hookline_retry.progress import Progress


class Turnstile:
    """Every attempt passes it.

    Args:
        gates: What the upstream asked for.
        budgets: Told of every call that passes.
    """

    def __init__(self, *, gates: Gates, budgets: RetryBudgets) -> None:
        self._gates = gates
        self._budgets = budgets
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()

    def enter(self, call: Call, request: UpstreamRequest, options: RetryOptions) -> None:
        """Return when it is this attempt's turn.

        Raises:
            RateLimitedError: If it would have to wait longer than it may; it says for how long.
            StreamInterruptedError: If its caller leaves meanwhile.
        """
        now_s = call.clock.monotonic()
        progress = progress_of(call)
        progress.was_refused = False
        is_first = progress.started_at_s is None
        if is_first:
            progress.started_at_s = now_s
        connection = call.connection.id
        progress.connections.add(connection)
        if options.share_waits and self._gates.closed:  # else it is everybody's turn
            self._wait(call, gate_key(connection, request.body), options, progress, now_s)
        if is_first:
            self._budgets.add_call(connection, share=options.budget_share, reserve=options.budget_reserve)

    def _wait(
        self, call: Call, key: GateKey, options: RetryOptions, progress: Progress, now_s: float
    ) -> None:
        """Wait before a gate, and again if another call was told to wait longer meanwhile."""
        connection = key.connection
        started_at_s = now_s if progress.started_at_s is None else progress.started_at_s
        while wait_s := self._gates.turn_s(key, now_s=now_s):
            may_wait = fits(wait_s, call, options, elapsed_s=now_s - started_at_s)
            if not may_wait or not self._sit_down(connection, most=options.max_waiting):
                progress.was_refused = True
                raise _refusal(key, wait_s)
            try:
                is_over = call.clock.wait(wait_s, call.cancellation)
            finally:
                self._get_up(connection)
            if not is_over:
                raise StreamInterruptedError(
                    "The caller left while the call waited for its turn.", reached_upstream=False
                )
            now_s = call.clock.monotonic()

    def _sit_down(self, connection: str, *, most: int) -> bool:
        """Take a place among those who wait; False if there is none: each of them holds a thread."""
        with self._lock:
            if self._waiting[connection] >= most:
                return False
            self._waiting[connection] += 1
            return True

    def _get_up(self, connection: str) -> None:
        with self._lock:
            self._waiting[connection] -= 1


def _refusal(key: GateKey, wait_s: float) -> RateLimitedError:
    model = f"model {key.model[:80]!r} on " if key.model else ""
    return RateLimitedError(
        f"The service asked for a pause for {model}connection {key.connection!r}; {wait_s:.1f} s of it are "
        "left, and this call may not wait for it, so it was not sent.",
        retry_after_s=wait_s,
        reached_upstream=False,
    )
