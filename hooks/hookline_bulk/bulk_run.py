"""Running the items of one call: so many at a time, within its time and its caller's limits."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hookline.call import Cancellation, new_call_id
from hookline.errors import HooklineError, UpstreamTimeoutError
from hookline_bulk.packing import Unit, fields_of_unit, plan_units, split, take_apart
from hookline_bulk.replies import is_for_now, read_problem, wait_of
from hookline_bulk.results import BulkOutcome, ItemResult, failure

if TYPE_CHECKING:
    from hookline import Batcher, Clock, Order, Proceed, Reply
    from hookline_bulk.bulk_request import BulkRequest
    from hookline_bulk.desk import Threads
    from hookline_bulk.results import Because
    from hookline_bulk.usages import Taken, Usages

_log = logging.getLogger("hookline.bulk")
_GRACE_S = 5.0
_LOOK_EVERY_S, _LOOK_WHILE_PAUSED_S = 1.0, 5.0
_SPLITS = frozenset({400, 413, 422})  # what may be the fault of one row among those that were packed
_CUTS_SHORT = ("time", "cancelled")


class BulkRun:
    """Runs the items of one call, whose thread only watches.

    Args:
        order: The call.
        request: What it asks for.
        proceed: Runs one order.
        batcher: Packs items; None if each is sent alone.
        threads: Run items.
        usages: Know what they took.
        clock: What time it is.
        deadline: Value of ``clock.monotonic()`` at which all must be over.
    """

    def __init__(
        self,
        order: Order,
        request: BulkRequest,
        proceed: Proceed,
        *,
        batcher: Batcher | None,
        threads: Threads,
        usages: Usages,
        clock: Clock,
        deadline: float,
    ) -> None:
        self._order = order
        self._request = request
        self._proceed = proceed
        self._batcher = batcher
        self._threads = threads
        self._usages = usages
        self._clock = clock
        self._deadline = deadline
        self._changed = threading.Condition()
        self._waiting: deque[Unit] = deque(plan_units(request.items, batcher))
        self._running = 0
        self._room = request.concurrency
        self._paused_until = 0.0
        self._done = self._told = 0
        # The order's own, if it has one: by it others know that the calls of items belong to the order.
        self._cancellation = order.cancellation or Cancellation()
        self._outcome = BulkOutcome(results=[None] * len(request.items))
        self._is_answered = False

    def run(self) -> BulkOutcome:
        """Return what became of the items, when all is over or time is."""
        self._cancellation.add(self._cancel)
        try:
            self._report()
            while self._step():
                self._report()
        finally:
            self._cancellation.discard(self._cancel)
        with self._changed:
            self._is_answered = True
            self._give_up_on_running()
        self._report()
        return self._outcome

    def _step(self) -> bool:
        """Begin what may begin, and wait for a change; False when all is over."""
        pause_s = 0.0
        with self._changed:
            left_s = self._deadline - self._clock.monotonic()
            if left_s <= 0:
                self._stop("time")
            elif self._threads.is_closed:
                self._stop("closing")
            if self._outcome.because is None:
                pause_s = self._paused_until - self._clock.monotonic()
                if pause_s <= 0:
                    self._begin()
            if not self._running and (self._outcome.because is not None or not self._waiting):
                return False
            if self._outcome.because in _CUTS_SHORT:
                self._changed.wait_for(lambda: not self._running, _GRACE_S)
                return False
            if self._running or pause_s <= 0:
                wait_s = min(left_s, _LOOK_EVERY_S, pause_s if pause_s > 0 else _LOOK_EVERY_S)
                self._changed.wait(max(0.001, wait_s))
                return True
        self._clock.wait(min(pause_s, left_s, _LOOK_WHILE_PAUSED_S), self._cancellation)
        return True

    def _begin(self) -> None:
        while self._waiting and self._running < min(self._room, self._request.concurrency):
            unit = self._waiting.popleft()
            self._running += 1
            if not self._threads.start(partial(self._work, unit)):
                self._running -= 1
                self._waiting.appendleft(unit)
                self._stop("closing")
                return

    def _work(self, unit: Unit) -> None:
        """Run one unit, on a thread of its own."""
        with self._changed:
            if self._outcome.because is not None:
                self._running -= 1
                self._waiting.appendleft(unit)
                self._changed.notify()
                return
            self._outcome.calls += 1
        call_id = new_call_id()
        self._usages.watch(call_id)
        reply = problem = None
        try:
            reply = self._proceed(
                replace(
                    self._order,
                    fields=fields_of_unit(unit, self._request.items, self._batcher),
                    content=None,
                    call_id=call_id,
                    cancellation=self._cancellation,
                    report=None,
                )
            )
            if not isinstance(reply.content, bytes):
                close = getattr(reply.content, "close", None)
                if close is not None:
                    close()
                raise TypeError("an item was answered with a stream")
            results = self._results_of(unit, reply, reply.content, call_id)
            problem = None if results[0].is_success else read_problem(reply.content)
        except BaseException as exc:  # this is a thread of its own: nothing that is raised ends the process
            _log.exception("%s: an item could not be run", call_id)
            error = exc if isinstance(exc, HooklineError) else HooklineError("This item could not be run.")
            results = [failure(error, call_id=call_id)] * len(unit)
        taken = self._usages.take(call_id)
        with self._changed:
            self._running -= 1
            try:
                if not self._is_answered:
                    self._note(unit, results, reply, problem, taken)
            finally:
                self._changed.notify()

    def _results_of(self, unit: Unit, reply: Reply, content: bytes, call_id: str) -> list[ItemResult]:
        if not 200 <= reply.status < 300:
            headers = tuple(reply.headers)
            return [ItemResult(status=reply.status, content=content, call_id=call_id, headers=headers)] * len(
                unit
            )
        contents = (
            [content] if len(unit) == 1 else take_apart(unit, self._request.items, self._batcher, content)
        )
        return [ItemResult(status=reply.status, content=part, call_id=call_id) for part in contents]

    def _note(
        self,
        unit: Unit,
        results: list[ItemResult],
        reply: Reply | None,
        problem: dict[str, object] | None,
        taken: Taken,
    ) -> None:
        """Take note of what became of a unit, and of what follows for the others."""
        self._outcome.usage.add(taken.usages)
        self._outcome.is_sent = self._outcome.is_sent or taken.is_sent
        status = results[0].status
        if problem is not None and self._outcome.because not in _CUTS_SHORT:
            if len(unit) > 1 and (status in _SPLITS or problem_code(problem) == "budget_too_small"):
                self._waiting.extendleft(reversed(split(unit)))
                return
            if not taken.is_sent and is_for_now(status, problem) and self._may_wait(unit, reply, problem):
                return
        if problem is not None and self._outcome.because in _CUTS_SHORT:
            results = [self._cut_short(results[0].call_id)] * len(unit)
        for index, result in zip(unit, results, strict=True):
            self._outcome.results[index] = result
        self._done += len(unit)
        if results[0].is_success:
            self._room = min(self._room + 1, self._request.concurrency)
        elif status == 402:
            self._stop("budget")
        elif self._request.stops_on_error:
            self._stop("error")

    def _may_wait(self, unit: Unit, reply: Reply | None, problem: dict[str, object]) -> bool:
        """Put a unit back that we refused before anything was sent, to be tried when we said that it may."""
        now = self._clock.monotonic()
        wait_s = wait_of(reply, problem)
        if now + wait_s >= self._deadline:
            if reply is not None and reply.status == 429:
                self._stop("limit")
            return False
        self._waiting.appendleft(unit)
        self._paused_until = max(self._paused_until, now + wait_s)
        self._room = 1  # one by one until they pass again
        return True

    def _cancel(self) -> None:
        with self._changed:
            self._stop("cancelled")

    def _stop(self, because: Because) -> None:
        """Begin nothing more; what runs is ended too if nobody can wait for it."""
        is_cut = because in _CUTS_SHORT
        if self._outcome.because is None or (is_cut and self._outcome.because not in _CUTS_SHORT):
            self._outcome.because = because
            if is_cut:
                self._cancellation.cancel()
            self._changed.notify()

    def _give_up_on_running(self) -> None:
        """Say of what has not ended that nobody knows how it ends."""
        if not self._running:
            return
        waiting = {index for unit in self._waiting for index in unit}
        for index, result in enumerate(self._outcome.results):
            if result is None and index not in waiting:
                self._outcome.results[index] = self._cut_short("")

    def _cut_short(self, call_id: str) -> ItemResult:
        if self._outcome.because == "time":
            error: HooklineError = UpstreamTimeoutError(
                "The call's time was over while this item ran; the service may have charged for it.",
                hint="Send fewer items at a time, or all of them as a job: `Prefer: respond-async`.",
            )
        else:
            error = HooklineError(
                "The call was cancelled while this item ran; the service may have charged for it.",
                status=499,
                code="client_gone",
                hint="Send this item once more if it is still wanted.",
            )
        return failure(error, call_id=call_id or self._order.call_id)

    def _report(self) -> None:
        report, done = self._order.report, self._done
        if report is not None and (done != self._told or done == 0):
            self._told = done
            report(done, len(self._request.items))


def problem_code(problem: dict[str, object]) -> object:
    """Return the code of an error's body."""
    error = problem.get("error")
    return error.get("code") if isinstance(error, dict) else None
