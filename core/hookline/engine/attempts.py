"""The attempts of one call: sending, and making ready for another after one that failed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from hookline.attempt import Attempt, RetryDecision
from hookline.call import use_connection
from hookline.engine.outgoing import check_request, finish_request
from hookline.errors import HooklineError, PluginError, RateLimitedError, raise_from

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.connection import Connection
    from hookline.upstream import UpstreamRequest, UpstreamResponse

Send = Callable[["Call", "UpstreamRequest"], "UpstreamResponse"]
Decide = Callable[["Call", Attempt], RetryDecision | None]
MapError = Callable[["Call", BaseException], HooklineError]
Doubt = Callable[[], None]

MAX_ATTEMPTS = 32
"""No call makes more, whatever plugins want."""

_log = logging.getLogger("hookline.attempts")

# Statuses by which a service, or what stands before it, says that it did not carry the request out. Others,
# such as 504, leave it open: a request may have been carried out whose answer was lost on the way.
_NOT_RUN = frozenset({*range(400, 408), *range(409, 500), 500, 501, 503, 529})

# Statuses by which somebody on the way says that the service's own answer did not come.
_LOST = frozenset({408, 504, 524})


class Attempts:
    """Sends the request of a call, as often as the plugins want.

    Args:
        call: The call.
        request: What is sent; without a credential, which each attempt puts on a copy.
        send: Makes one attempt.
        decide: Asks the plugins whether to make another; None when no plugin has a say.
        map_error: Makes the error that the caller is told.
        doubt: Notes that an attempt without an answer may have been charged for.

    Attributes:
        call: The call.
        request: What is sent; a decision may replace it.
        number: Attempts begun so far.
    """

    def __init__(
        self,
        call: Call,
        request: UpstreamRequest,
        *,
        send: Send,
        decide: Decide | None,
        map_error: MapError,
        doubt: Doubt = lambda: None,
    ) -> None:
        self.call = call
        self.request = request
        self.number = 0
        self._send = send
        self._decide = decide
        self._map_error = map_error
        self._doubt = doubt
        self._began_at = 0.0
        self._is_over = False

    def send(self) -> UpstreamResponse:
        """Make one attempt and return its answer, whose body is still to be read.

        Raises:
            HooklineError: If it fails.
        """
        self.number += 1
        if self.number == 1:
            self._began_at = self.call.clock.monotonic()
        return self._send(self.call, self.request)

    def again(
        self,
        exc: BaseException,
        *,
        has_begun: bool = False,
        partial: Callable[[], JsonObject | None] | None = None,
        keeps_partial: bool = False,
        was_open: bool = False,
    ) -> RetryDecision:
        """Make ready for another attempt after one that failed: ask, wait, and take the changed request.

        Args:
            exc: What it failed with.
            has_begun: Whether a part of the answer has gone to the caller.
            partial: Returns what has arrived of a stream.
            keeps_partial: Whether the caller can be answered with that.
            was_open: Whether it was a stream that had been opened, whose tokens others count.

        Returns:
            The decision; with ``again`` false only if it takes what has arrived.

        Raises:
            HooklineError: What the caller is told, if there is no other attempt.
        """
        error: HooklineError | None = None
        decision: RetryDecision | None = None
        try:
            error = self._map_error(self.call, exc)
            if not was_open and self.number > 0 and may_be_charged(error):
                self._doubt()
            if self._is_over:
                raise_from(error, exc)
            self._is_over = True  # unless all goes well
            if self._decide is None or self.call.cancellation.is_cancelled or self.number == 0:
                raise_from(error, exc)
            answer = None if partial is None else partial()
            decision = self._decide(self.call, self._describe(error, has_begun=has_begun, answer=answer))
            if decision is None:
                raise_from(error, exc)
            if not decision.again:
                if decision.takes_partial and keeps_partial and answer is not None:
                    return decision
                if decision.error is not None:
                    raise_from(decision.error, exc)
                error.is_exhausted = True
                raise_from(error, exc)
            if self.number >= MAX_ATTEMPTS:
                _log.error("%s made %d attempts; a plugin wanted still more", self.call.id, self.number)
                raise_from(error, exc)
            if has_begun and not decision.resumes:
                _log.error("%s is not repeated: a part of its answer has gone to the caller", self.call.id)
                raise_from(error, exc)
            self._wait(decision.after_s, error, exc)
            if decision.connection is not None:
                self._go_over_to(decision.connection)
                if decision.request is not None:
                    decision.request.base_url = decision.connection.base_url
            if decision.request is not None:
                self._replace(decision.request)
            self._is_over = False
            return decision
        finally:
            del error, exc, decision  # or the traceback, which holds this frame, would keep them alive

    def to_error(self, exc: BaseException) -> HooklineError:
        """Return the error that the caller is told for a failure which no other attempt can mend."""
        return self._map_error(self.call, exc)

    def _describe(self, error: HooklineError, *, has_begun: bool, answer: JsonObject | None) -> Attempt:
        return Attempt(
            number=self.number,
            request=self.request,
            error=error,
            elapsed_s=self.call.clock.monotonic() - self._began_at,
            may_have_run=may_have_run(error),
            has_begun=has_begun,
            answer=answer,
        )

    def _wait(self, seconds: float, error: HooklineError, exc: BaseException) -> None:
        try:
            if not seconds > 0:
                if self.call.remaining_s() <= 0:
                    raise_from(error, exc)
                return
            if seconds >= self.call.remaining_s():  # it would be in vain; who is told can come back then
                error.retry_after_s = error.retry_after or seconds
                raise_from(error, exc)
            if not self.call.clock.wait(seconds, self.call.cancellation):
                raise_from(error, exc)
        finally:
            del error, exc

    def _go_over_to(self, wanted: Connection) -> None:
        connection = next((one for one in self.call.alternatives if one == wanted), None)
        if connection is None:
            _refuse("chose a connection that is not among those of the call")
        use_connection(self.call, connection)
        self.request = replace(self.request, base_url=connection.base_url)

    def _replace(self, request: UpstreamRequest) -> None:
        try:
            misdeed = check_request(self.call, request)
        except (AttributeError, TypeError):
            misdeed = "made a request that cannot be sent"
        if misdeed is not None:
            _refuse(f"{misdeed}, which none may do")
        try:
            finish_request(request)
        except TypeError:
            _refuse("put something into the body that is not JSON")
        self.request = request


def may_have_run(error: HooklineError) -> bool:
    """Tell whether the upstream may have carried out, and charged, a request that failed so."""
    if not error.reached_upstream or isinstance(
        error, RateLimitedError
    ):  # also where that has another status
        return False
    return error.answer is None or error.answer.status not in _NOT_RUN


def may_be_charged(error: HooklineError) -> bool:
    """Tell whether an attempt that failed so must be taken for one that is paid for.

    An error that a service answers with is not paid for, also where a repetition would be too bold. What is
    left are answers that got lost on their way, and those that say so.
    """
    return may_have_run(error) and (error.answer is None or error.answer.status in _LOST)


def _refuse(misdeed: str) -> NoReturn:
    raise PluginError(f"hookline_retry() {misdeed}.", plugin="hookline_retry")
