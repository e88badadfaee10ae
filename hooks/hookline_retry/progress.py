"""How far one call has come, and whether a wait still fits it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from hookline import Call
    from hookline.errors import HooklineError
    from hookline.upstream import ErrorAnswer
    from hookline_retry.options import RetryOptions

_STATE = "retry"
_MOST_PARTS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedPart:
    """A failure of a call that was run by another one.

    Attributes:
        error: What it failed with. Held weakly, because an error holds the frames that it passed, and they
            hold the calls.
        answer: The upstream's refusal; the same object also in an error that was made of the first.
        is_exhausted: Whether trying again was found to be no use.
    """

    error: ref[HooklineError]
    answer: ErrorAnswer | None
    is_exhausted: bool

    def is_behind(self, error: HooklineError) -> bool:
        """Tell whether an error tells of this failure."""
        return self.error() is error or (self.answer is not None and self.answer is error.answer)


class Progress:
    """What is remembered of a call between its attempts.

    Attributes:
        started_at_s: When its first attempt began, by the call's clock; None before that.
        was_refused: Whether its last attempt was not made, because the wait before a closed gate is too long.
        failed_parts: How calls failed lately that this one ran.
        connections: Ids of the connections that its attempts were for.
    """

    __slots__ = ("connections", "failed_parts", "started_at_s", "was_refused")

    def __init__(self) -> None:
        self.started_at_s: float | None = None
        self.was_refused = False
        self.failed_parts: deque[FailedPart] = deque(maxlen=_MOST_PARTS)
        self.connections: set[str] = set()

    def find_part(self, error: HooklineError) -> FailedPart | None:
        """Return the failure of another call that an error tells of, or None if it is this call's own."""
        return next((part for part in tuple(self.failed_parts) if part.is_behind(error)), None)


def progress_of(call: Call) -> Progress:
    """Return what is remembered of a call; the same object each time."""
    found = call.state.get(_STATE)
    if not isinstance(found, Progress):
        found = call.state[_STATE] = Progress()
    return found


def note_failure(call: Call, error: HooklineError, *, is_exhausted: bool) -> None:
    """Let the call that runs this one, if there is one, know that a failure was judged here.

    Args:
        call: The call that failed.
        error: What it failed with.
        is_exhausted: Whether trying again was found to be no use.
    """
    if call.parent is not None:
        part = FailedPart(error=ref(error), answer=error.answer, is_exhausted=is_exhausted)
        progress_of(call.parent).failed_parts.append(part)


def fits(wait_s: float, call: Call, options: RetryOptions, *, elapsed_s: float) -> bool:
    """Tell whether a call may wait so long and still do something afterwards.

    Args:
        wait_s: The wait.
        call: The call; it must not have ended by then.
        options: They bound the whole time.
        elapsed_s: Seconds since its first attempt began.
    """
    return elapsed_s + wait_s <= options.max_total_s and wait_s < call.remaining_s()
