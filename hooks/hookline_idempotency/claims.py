"""Calls with a key that run in this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hookline.attempt import Attempt
    from hookline.call import Call

# Statuses by which somebody on the way says that the service's own answer did not come.
_LOST = frozenset({408, 504, 524})


@dataclass(eq=False, kw_only=True, slots=True)
class Claim:
    """The right to run the call of a key, and what became of it so far.

    Attributes:
        id: Id of its row.
        owner: Tells it from every other claim of the same row.
        call_id: Id of the call.
        headers: The order's headers; parts of it that run as calls of their own have the same ones.
        expires_at_us: When its key ends.
        is_sent: Whether its row says that it may have reached the service.
        is_over: Whether its call is over.
        error_code: What its call ended with.
        attempts: Requests that reached the service.
        failures: Requests that failed and are known to have cost nothing or something.
        under_way: Ids of the calls that run for it now.
        may_be_charged: Whether one of them may have been charged although its answer is lost.
        outcome: What is still to be written about its end; None while it runs.
        lock: Held while parts that run at the same time note something.
    """

    id: str
    owner: str
    call_id: str
    headers: Mapping[str, str] = field(repr=False)
    expires_at_us: int
    is_sent: bool = False
    is_over: bool = False
    error_code: str | None = None
    attempts: int = 0
    failures: int = 0
    under_way: set[str] = field(default_factory=set)
    may_be_charged: bool = False
    outcome: Outcome | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def may_have_cost(self) -> bool:
        """Tell whether something may have been charged, or may still be: a call may outlast its caller."""
        with self.lock:
            return self.may_be_charged or self.attempts > self.failures or bool(self.under_way)

    def note_begin(self, call: Call) -> None:
        """Note that its call begins, or a part of it."""
        with self.lock:
            self.under_way.add(call.id)

    def note_failure(self, attempt: Attempt) -> None:
        """Note an attempt that failed.

        An error that a service answers with is not paid for. What is left are answers that were lost.
        """
        answer = attempt.error.answer
        is_charged = attempt.may_have_run and (answer is None or answer.status in _LOST)
        with self.lock:
            self.failures += 1
            self.may_be_charged = self.may_be_charged or is_charged

    def note_end(self, call: Call) -> None:
        """Note that its call is over, or one inside it."""
        with self.lock:
            self.attempts += call.record.attempts
            self.under_way.discard(call.id)
            if call.id == self.call_id:  # no part of it
                self.error_code = call.record.error_code
                self.is_over = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a claim ends.

    Attributes:
        state: What is known of the key from now on; None to free it, so that another request may run.
        reply: The reply, sealed, for one that is kept.
    """

    state: Literal["kept", "too_large", "lost"] | None
    reply: bytes | None = field(default=None, repr=False)


FREED = Outcome(state=None)
LOST = Outcome(state="lost")
TOO_LARGE = Outcome(state="too_large")


class RunningClaims:
    """Finds the claim of a call.

    Attributes:
        is_empty: Whether there is none, so that nobody need look.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_call: dict[str, Claim] = {}
        self._by_headers: dict[int, Claim] = {}
        self.is_empty = True

    def __len__(self) -> int:
        return len(self._by_call)

    def all(self) -> list[Claim]:
        """Return all that run, or whose end is still to be written."""
        with self._lock:
            return list(self._by_call.values())

    def add(self, claim: Claim) -> None:
        """Note a claim."""
        with self._lock:
            self._by_call[claim.call_id] = claim
            self._by_headers[id(claim.headers)] = claim  # the claim holds them, so the number stays theirs
            self.is_empty = False

    def remove(self, claim: Claim) -> None:
        """Forget a claim."""
        with self._lock:
            self._by_call.pop(claim.call_id, None)
            self._by_headers.pop(id(claim.headers), None)
            self.is_empty = not self._by_call

    def find(self, call: Call) -> Claim | None:
        """Return the claim that a call runs for, itself or for the call around it; None for most."""
        if self.is_empty:
            return None
        while call.parent is not None:
            call = call.parent
        return self._by_call.get(call.id) or self._by_headers.get(id(call.headers))
