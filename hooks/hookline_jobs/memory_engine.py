"""A queue in the memory of this process, for gateways that keep nothing."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline_jobs.engine import RunJob, Ticket


class MemoryEngine:
    """Takes tickets with threads, the lowest priority first, and no more of a lane than it has places.

    Args:
        running: How many run at the same time; none are taken if it is 0.
        running_per_lane: How many of one lane.
        monotonic: Seconds that only go forward.
    """

    def __init__(
        self, *, running: int, running_per_lane: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._running = running
        self._running_per_lane = running_per_lane
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._known: set[str] = set()
        self._late: list[tuple[float, int, Ticket]] = []
        self._ready: list[tuple[int, int, Ticket]] = []
        self._lanes: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._threads: list[threading.Thread] = []
        self._is_stopped = False

    def start(self, run: RunJob) -> None:
        """Start the threads."""
        for _ in range(self._running):
            thread = threading.Thread(target=self._work, args=[run], name="hookline-job", daemon=True)
            self._threads.append(thread)
            thread.start()

    def put(self, ticket: Ticket) -> None:
        """Queue a run, unless it is queued already."""
        with self._changed:
            if ticket.id in self._known:
                return
            self._known.add(ticket.id)
            number = next(self._numbers)
            if ticket.delay_s > 0:
                heapq.heappush(self._late, (self._monotonic() + ticket.delay_s, number, ticket))
            else:
                heapq.heappush(self._ready, (ticket.priority, number, ticket))
            self._changed.notify()

    def lost(self, tickets: Sequence[Ticket], *, alive: Collection[str]) -> list[Ticket]:
        """Return those that this queue does not know."""
        with self._changed:
            return [ticket for ticket in tickets if ticket.id not in self._known]

    def sweep(self, *, alive: Collection[str]) -> None:
        """Do nothing: what is in memory ends with its worker."""

    def forget(self, ids: Sequence[str]) -> None:
        """Forget runs that are over."""
        with self._changed:
            self._known.difference_update(ids)

    def stop(self, *, within_s: float) -> None:
        """Take nothing more, and wait for what runs, but not for long."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        until = self._monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, until - self._monotonic()))

    def _work(self, run: RunJob) -> None:
        while (ticket := self._take()) is not None:
            try:
                run(ticket.job_id, ticket.run)
            finally:
                with self._changed:
                    self._lanes[ticket.lane] -= 1
                    self._changed.notify_all()

    def _take(self) -> Ticket | None:
        with self._changed:
            while not self._is_stopped:
                now = self._monotonic()
                while self._late and self._late[0][0] <= now:
                    _, number, ticket = heapq.heappop(self._late)
                    heapq.heappush(self._ready, (ticket.priority, number, ticket))
                if (found := self._next()) is not None:
                    self._lanes[found.lane] += 1
                    return found
                self._changed.wait(max(0.0, self._late[0][0] - now) if self._late else None)
            return None

    def _next(self) -> Ticket | None:
        """Return the first whose lane has a place, and leave the others where they are."""
        held = []
        found = None
        while self._ready and found is None:
            entry = heapq.heappop(self._ready)
            if self._lanes[entry[2].lane] < self._running_per_lane:
                found = entry[2]
            else:
                held.append(entry)
        for entry in held:
            heapq.heappush(self._ready, entry)
        return found
