"""Going on with another connection when one failed before it did anything."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import ref

from hookline.attempt import RetryDecision
from hookline.errors import (
    InvalidUpstreamAnswerError,
    QuotaExhaustedError,
    RateLimitedError,
    StoreUnavailableError,
    UpstreamCredentialError,
    UpstreamForbiddenError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline_connections.choosing import NAME_HEADER, PLAN
from hookline_connections.standing import MAX_AVOIDED_S

if TYPE_CHECKING:
    from hookline.attempt import Attempt
    from hookline.call import Call
    from hookline.errors import HooklineError
    from hookline.upstream import ErrorAnswer
    from hookline_connections.choosing import Candidate, Plan
    from hookline_connections.options import ConnectionsOptions
    from hookline_connections.standing import Standing

_PARTS = "connections.parts"
_MOST_PARTS = 64
_ALL_FAILED = "Every connection that could serve this call failed lately."
_FINE = "Your key for this gateway is fine."
_DOWN = (UpstreamUnavailableError, UpstreamTimeoutError, InvalidUpstreamAnswerError, StoreUnavailableError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """What a failure says of the connection.

    Attributes:
        avoid_s: For how long others go first.
        of_model: Whether it says something of the model that was asked for only.
    """

    avoid_s: float
    of_model: bool = False


@dataclass(kw_only=True, slots=True)
class _Parts:
    """Failures of calls that this one ran, not its own. Held weakly: errors hold frames, frames calls."""

    errors: deque[ref[HooklineError]] = field(default_factory=lambda: deque(maxlen=_MOST_PARTS))
    answers: deque[ErrorAnswer] = field(default_factory=lambda: deque(maxlen=_MOST_PARTS))

    def hold(self, error: HooklineError) -> bool:
        return any(known() is error for known in tuple(self.errors)) or (
            error.answer is not None and any(known is error.answer for known in tuple(self.answers))
        )


def trouble_of(attempt: Attempt, options: ConnectionsOptions) -> Trouble | None:
    """Return what a failed attempt says of its connection; None if it is no reason to try another one.

    A request that may have been carried out is never sent again: it may have been charged for.
    """
    error = attempt.error
    if attempt.may_have_run or attempt.has_begun:
        return None
    if isinstance(error, (UpstreamCredentialError, QuotaExhaustedError)):
        return Trouble(avoid_s=options.avoid_refused_s)
    if isinstance(error, UpstreamForbiddenError):
        return Trouble(avoid_s=options.avoid_refused_s, of_model=True)  # the caller may have chosen the model
    if isinstance(error, RateLimitedError):
        asked_s = error.retry_after_s
        is_asked = asked_s is not None and asked_s > 0
        return Trouble(avoid_s=asked_s if is_asked and asked_s else options.avoid_limited_s, of_model=True)
    if isinstance(error, _DOWN):
        asked_s = error.retry_after_s or 0.0
        return Trouble(avoid_s=max(options.avoid_down_s, asked_s))
    return None


class Fallback:
    """Decides which connection goes on.

    Args:
        standing: Remembers who failed.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def decide(self, call: Call, attempt: Attempt, options: ConnectionsOptions) -> RetryDecision | None:
        """Return the next connection, or None if there is none or the failure is no reason to change."""
        plan: Plan | None = call.state.get(PLAN)  # type: ignore[assignment]  # our own key
        if call.parent is not None:
            _note_part(call.parent, attempt.error)
        if plan is None or call.cancellation.is_cancelled or _is_of_a_part(call, attempt.error):
            return None
        trouble = trouble_of(attempt, options)
        if trouble is None:
            return None
        now_s = call.clock.monotonic()
        failed = call.connection
        if plan.shaped_for is None:
            plan.shaped_for = failed
        self._standing.avoid(
            failed.id,
            min(trouble.avoid_s, MAX_AVOIDED_S),
            model=plan.model if trouble.of_model else None,
            now_s=now_s,
        )
        plan.tried.add(failed.id)
        if not options.fall_back:
            return None
        following = self._following(plan, now_s)
        if following is None:
            _tell_all_failed(plan, attempt.error)
            return None
        if NAME_HEADER in call.record.headers:
            call.record.headers[NAME_HEADER] = following.connection.name
        return RetryDecision(again=True, connection=following.connection)

    def _following(self, plan: Plan, now_s: float) -> Candidate | None:
        """Return the next one that was not tried, and has not failed for others a moment ago.

        So when all of them are down the calls of one moment find out, and those after them do not multiply
        the outage.
        """
        for one in plan.alike:
            id = one.connection.id
            if id not in plan.tried and not self._standing.avoided_s(id, model=plan.model, now_s=now_s):
                return one
        return None


def _tell_all_failed(plan: Plan, error: HooklineError) -> None:
    if len(plan.alike) < 2 or error.message.endswith(_ALL_FAILED):
        return
    if not error.message.endswith((".", "!", "?")):
        error.message += "."
    error.message += f" {_ALL_FAILED}"
    if _FINE not in error.hint:
        error.hint = f"{_FINE} {error.hint}"


def _note_part(parent: Call, error: HooklineError) -> None:
    parts = parent.state.get(_PARTS)
    if not isinstance(parts, _Parts):
        parts = parent.state[_PARTS] = _Parts()
    parts.errors.append(ref(error))
    if error.answer is not None:
        parts.answers.append(error.answer)


def _is_of_a_part(call: Call, error: HooklineError) -> bool:
    parts = call.state.get(_PARTS)
    return isinstance(parts, _Parts) and parts.hold(error)
