"""Whether an attempt that failed is made again, and when."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hookline.attempt import RetryDecision
from hookline.errors import RateLimitedError
from hookline_retry.gate import gate_key
from hookline_retry.progress import fits, progress_of
from hookline_retry.waits import asked_wait_s, backoff_s

if TYPE_CHECKING:
    from hookline import Call
    from hookline.attempt import Attempt
    from hookline.errors import HooklineError
    from hookline_retry.budget import RetryBudgets
    from hookline_retry.gate import GateKey, Gates
    from hookline_retry.options import RetryOptions
    from hookline_retry.waits import Random

_log = logging.getLogger("hookline.retry")

# Refusals whose wait is meant for everybody; that of another status is the failed request's own.
_PAUSES = frozenset({429, 503})


class Judge:
    """Decides about attempts that failed.

    Args:
        gates: Closed when the service asks for a pause.
        budgets: Bound how many retries there are.
        random: Where the chance in waits comes from.
    """

    def __init__(self, *, gates: Gates, budgets: RetryBudgets, random: Random) -> None:
        self._gates = gates
        self._budgets = budgets
        self._random = random

    def judge(self, call: Call, attempt: Attempt, options: RetryOptions) -> RetryDecision | None:
        """Return what to do, or None if that is for others to say.

        A decision that ends the call without an error of its own tells the caller that trying again is no
        use. One with the attempt's own error does not: the caller may come back when the wait is over.
        """
        error = attempt.error
        if not error.retryable:
            return None
        asked_s = asked_wait_s(error)
        if asked_s is None:
            error.retry_after_s = None  # what cannot be waited for is not told either
        progress = progress_of(call)
        part = progress.find_part(error)
        if part is not None or progress.was_refused:  # nothing of this call's own was sent
            is_exhausted = part is not None and part.is_exhausted
            return RetryDecision(again=False, error=None if is_exhausted else error)
        gate = self._close_gate(call, attempt, options, asked_s)
        if attempt.has_begun:
            return None
        if attempt.number >= options.max_attempts or not _is_safe(call, attempt, options):
            return RetryDecision(again=False)
        wait_s = self._wait_s(call, attempt, options, asked_s, gate)
        if not fits(wait_s, call, options, elapsed_s=attempt.elapsed_s):
            return _come_back(error, wait_s, is_asked=asked_s is not None)
        if not self._take_retry(call, options):
            return RetryDecision(again=False)
        return RetryDecision(again=True, after_s=wait_s)

    def review(
        self, call: Call, attempt: Attempt, decision: RetryDecision, options: RetryOptions
    ) -> RetryDecision:
        """Return what comes of another plugin's decision: an outage is not multiplied by whoever decides.

        A pause that the service asks for holds for everybody, and another attempt after a failure of the
        service counts as a retry. Going on with a connection that the call has not used yet does not: the
        load is that of a first attempt there, and no call does so more often than it has connections.
        Without a retry left, what has arrived of a stream may still be the answer.
        """
        error, progress = attempt.error, progress_of(call)
        if not error.retryable or progress.was_refused:
            return decision
        self._close_gate(call, attempt, options, asked_wait_s(error))
        is_move = decision.connection is not None and decision.connection.id not in progress.connections
        if not decision.again or is_move or self._take_retry(call, options):
            return decision
        return RetryDecision(again=False, takes_partial=True)

    def _close_gate(
        self, call: Call, attempt: Attempt, options: RetryOptions, asked_s: float | None
    ) -> GateKey | None:
        """Return the gate that the failure closed, or None if it asks nobody else to wait."""
        if asked_s is None or not options.share_waits or not _is_pause(attempt.error):
            return None
        key = gate_key(call.connection.id, attempt.request.body)
        spread_s = _spread_s(asked_s, options)
        if self._gates.close(key, asked_s, spread_s=spread_s, now_s=call.clock.monotonic()):
            _log.info("connection %s, model %r: asked to wait %.3f s", key.connection, key.model, asked_s)
        return key

    def _wait_s(
        self, call: Call, attempt: Attempt, options: RetryOptions, asked_s: float | None, gate: GateKey | None
    ) -> float:
        if asked_s is None:
            return backoff_s(
                attempt.number,
                first_wait_s=options.first_wait_s,
                max_backoff_s=options.max_backoff_s,
                jitter=options.jitter,
                random=self._random,
            )
        if gate is None:
            return asked_s + _spread_s(asked_s, options) * self._random()
        return max(asked_s, self._gates.turn_s(gate, now_s=call.clock.monotonic()))

    def _take_retry(self, call: Call, options: RetryOptions) -> bool:
        id = call.connection.id
        if self._budgets.take(id, reserve=options.budget_reserve, now_s=call.clock.monotonic()):
            return True
        _log.warning("%s is not repeated: connection %s has used up its retries", call.id, id)
        return False


def _spread_s(asked_s: float, options: RetryOptions) -> float:
    """Return over how long those who wait so long are let through afterwards."""
    return min(asked_s * options.jitter, options.max_backoff_s)


def _is_pause(error: HooklineError) -> bool:
    """Tell whether the service itself asked for a pause, and not only this request to come back later."""
    statuses = {told.status for told in (error.upstream, error.answer) if told is not None}
    if isinstance(error, RateLimitedError):
        return bool(statuses)  # else it is a limit of the gateway's own
    return not statuses.isdisjoint(_PAUSES)


def _is_safe(call: Call, attempt: Attempt, options: RetryOptions) -> bool:
    """Tell whether a request may be repeated, though it may have been carried out and charged."""
    if not attempt.may_have_run or options.repeat_unknown == "always":
        return True
    return options.repeat_unknown == "idempotent" and call.action.is_idempotent


def _come_back(error: HooklineError, wait_s: float, *, is_asked: bool) -> RetryDecision:
    """Return the end of a call that has no time for the wait."""
    if not is_asked and not isinstance(error, RateLimitedError):
        return RetryDecision(again=False)  # nobody said that it will be better after that wait
    error.retry_after_s = wait_s
    return RetryDecision(again=False, error=error)
