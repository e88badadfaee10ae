"""What is done about a stream that broke: ask again, ask to go on, or take what has arrived."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.attempt import RetryDecision
from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError, UpstreamTimeoutError
from hookline_streams.guard import TOO_LARGE

if TYPE_CHECKING:
    from hookline import Call, HooklineError
    from hookline.action import JsonObject
    from hookline.attempt import Attempt
    from hookline_streams.progress import Progress

_log = logging.getLogger("hookline.streams")

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0
_FAULTS = (StreamInterruptedError, InvalidUpstreamAnswerError, UpstreamTimeoutError)

# What is too large now will be too large again.
_HOPELESS = frozenset({TOO_LARGE, "stream_event_too_large"})


class Repairer:
    """Decides about streams that broke.

    Args:
        random: Returns a number from 0 up to, but not including, 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random

    def mend(self, call: Call, attempt: Attempt, progress: Progress) -> RetryDecision | None:
        """Decide about a stream that broke after it had been opened well; None if that is not ours."""
        error = attempt.error
        if not _is_fault(error):
            return None
        if not progress.is_joined:  # another plugin may have changed what is asked
            progress.request = attempt.request
        wait_s = self._wait_s(error, progress)
        _log.info("%s: its stream broke: %s", call.id, error.code)
        if progress.options.on_interrupt == "error" or not _may_try(call, progress, wait_s):
            return _give_up(call, attempt, progress)
        if progress.options.on_interrupt == "continue":
            decision = _go_on(call, attempt, progress, wait_s)
            if decision is not None:
                return decision
        return _give_up(call, attempt, progress) if attempt.has_begun else _restart(call, progress, wait_s)

    def ask_again(self, call: Call, attempt: Attempt, progress: Progress) -> RetryDecision | None:
        """Decide about an attempt to mend that failed before its stream was opened."""
        wait_s = self._wait_s(attempt.error, progress)
        if attempt.error.retryable and _may_try(call, progress, wait_s):
            progress.repairs += 1
            return RetryDecision(again=True, after_s=wait_s, resumes=progress.is_joined)
        return _give_up(call, attempt, progress, was_opened=False)

    def _wait_s(self, error: HooklineError, progress: Progress) -> float:
        if error.retry_after_s is not None:
            return error.retry_after_s
        longest_s = min(_FIRST_WAIT_S * (1 << progress.repairs), _LONGEST_WAIT_S)
        return longest_s * (1 + self._random()) / 2


def _is_fault(error: HooklineError) -> bool:
    """Tell whether an upstream broke its stream, and not another plugin, which had its reasons."""
    if not error.retryable or error.code in _HOPELESS:
        return False
    is_told_inside = error.answer is not None and 200 <= error.answer.status < 300
    return is_told_inside or isinstance(error, _FAULTS)


def _may_try(call: Call, progress: Progress, wait_s: float) -> bool:
    return progress.repairs < progress.options.max_resumes and wait_s < call.remaining_s()


def _go_on(call: Call, attempt: Attempt, progress: Progress, wait_s: float) -> RetryDecision | None:
    """Ask to go on from what has arrived; None if that cannot be asked, or nothing has."""
    resume, asked = call.action.resume_stream, progress.request
    if resume is None or attempt.answer is None or asked.body is None:
        return None
    body = resume(asked.body, attempt.answer)
    if body is None or (body == asked.body and not attempt.has_begun):
        return None
    progress.repairs += 1
    progress.is_joined = True
    if progress.guard is not None:
        progress.guard.end_part(goes_on=True)
        progress.guard.expect_content()
    call.record.warn(
        "stream_continued",
        "The service broke its answer off and was asked to go on from there, so the text is put together "
        "from more than one answer. Each of them is charged.",
    )
    request = replace(asked, headers=dict(asked.headers), body=body, content=None)
    return RetryDecision(again=True, after_s=wait_s, request=request, resumes=True)


def _restart(call: Call, progress: Progress, wait_s: float) -> RetryDecision:
    """Ask for the whole answer once more."""
    progress.repairs += 1
    progress.is_joined = False
    call.record.warn(
        "stream_restarted",
        "The service broke its answer off before any of it was delivered and was asked again. "
        "It may charge for both answers.",
    )
    return RetryDecision(again=True, after_s=wait_s, request=progress.request)


def _give_up(
    call: Call, attempt: Attempt, progress: Progress, *, was_opened: bool = True
) -> RetryDecision | None:
    """Let the failure be, or answer with what has arrived where the caller waits for a whole answer."""
    answer = attempt.answer
    if not call.is_stream and answer is not None and _is_worth_having(answer):
        if answer.get("incomplete") is True:
            call.record.warn(
                "answer_incomplete",
                "The service did not finish its answer: this is what had arrived when it broke off or time "
                "was up.",
            )
        return RetryDecision(again=False, takes_partial=True)
    if not was_opened:
        return RetryDecision(again=False, error=_not_continued(attempt.error))
    return RetryDecision(again=False) if progress.repairs else None


def _is_worth_having(answer: JsonObject) -> bool:
    """Tell whether there is anything in a partial answer; one without choices is for others to judge."""
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return True
    return any(_says_something(choice) for choice in choices)


def _says_something(choice: object) -> bool:
    if not isinstance(choice, dict):
        return False
    message = choice.get("message")
    if not isinstance(message, dict):
        return bool(choice.get("text"))
    return any(value for name, value in message.items() if name != "role")


def _not_continued(error: HooklineError) -> StreamInterruptedError:
    broken = StreamInterruptedError(
        f"The answer broke off, and asking to go on with it failed: {error.message}", upstream=error.upstream
    )
    broken.is_exhausted = True
    return broken
