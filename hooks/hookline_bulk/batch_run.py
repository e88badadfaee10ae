"""Running the rows of a file: so many at a time, each put down before it is sent and when it is over."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hookline_bulk.runners import GatewayLostError, RowReply

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline_bulk.batch_jobs import Job, Tally
    from hookline_bulk.journal import Journal
    from hookline_bulk.result_file import ResultFile
    from hookline_bulk.row_states import RowStates
    from hookline_bulk.runners import RowRunner

_LONGEST_WAIT_S = 900.0
_TICK_S = 0.2
_ABORT_S = 10.0


class BatchRun:
    """Runs rows. All files are written by the thread that calls `run`.

    Args:
        jobs: The rows to run, in order.
        tally: Is kept up to date.
        runner: Runs one row.
        journal: Knows what was begun.
        results: Takes what became of rows.
        states: What is known of each row.
        concurrency: Most rows that run at the same time.
        max_cost_nano_usd: What all rows in the results together may cost; None for no bound.
        clock: What time it is.
        tick: Called now and then, to show progress.
    """

    def __init__(
        self,
        jobs: Iterator[Job],
        tally: Tally,
        *,
        runner: RowRunner,
        journal: Journal,
        results: ResultFile,
        states: RowStates,
        concurrency: int,
        max_cost_nano_usd: int | None,
        clock: Clock,
        tick: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._tally = tally
        self._runner = runner
        self._journal = journal
        self._results = results
        self._states = states
        self._concurrency = self._room = concurrency
        self._max_cost = max_cost_nano_usd
        self._clock = clock
        self._tick = tick
        self._again: deque[Job] = deque()
        self._running: dict[int, Job] = {}
        self._ended: queue.SimpleQueue[tuple[Job, RowReply | BaseException] | None] = queue.SimpleQueue()
        self._paused_until = 0.0
        self._interrupts = 0
        self._aborted_at: float | None = None

    def interrupt(self) -> None:
        """Begin no more rows; the second time, end those that run. May be called by a signal handler."""
        self._interrupts += 1
        self._ended.put(None)

    def run(self) -> None:
        """Run the rows to their end, or until something stops it.

        Raises:
            CommandError: If a file can no longer be read or written.
        """
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="hookline-batch")
        try:
            while True:
                self._look_at_interrupts()
                if self._tally.stop is None:
                    self._begin(pool)
                if not self._running and (self._tally.stop is not None or not self._is_paused()):
                    break
                if self._aborted_at is not None and self._clock.monotonic() - self._aborted_at > _ABORT_S:
                    break
                self._take_ended()
                self._tick()
        except BaseException:
            self._runner.cancel()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _look_at_interrupts(self) -> None:
        if self._interrupts and self._tally.stop is None:
            self._tally.stop = "interrupted"
        if self._interrupts > 1 and self._aborted_at is None:
            self._aborted_at = self._clock.monotonic()
            self._runner.cancel()

    def _is_paused(self) -> bool:
        return bool(self._again) and self._clock.monotonic() < self._paused_until

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        if self._clock.monotonic() < self._paused_until:
            return
        begun: list[Job] = []
        while len(self._running) + len(begun) < self._room:
            job = self._again.popleft() if self._again else next(self._jobs, None)
            if job is None:
                break
            if self._max_cost is not None and not self._set_aside(job, begun):
                self._again.appendleft(job)
                break
            begun.append(job)
        if begun:
            for job in begun:
                job.attempt = self._states.next_attempt(job.row)
                self._states.begin(job.row, job.attempt)
            self._journal.begin([(job.row, job.attempt) for job in begun])
        for job in begun:
            self._running[job.row] = job
            pool.submit(self._work, job)

    def _set_aside(self, job: Job, begun: list[Job]) -> bool:
        """Tell whether a row can run within the bound on cost; if not, it waits for those that run."""
        assert self._max_cost is not None
        if not job.reserved_nano_usd:
            try:
                estimate = self._runner.estimate(dict(job.fields))
            except GatewayLostError as exc:
                self._tally.stop, self._tally.message = "lost", exc.message
                return False
            if estimate.cost_nano_usd is None:
                self._tally.stop = "price"
                self._tally.message = (
                    f"Row {job.row}: no price is known for what it asks for, so --max-cost cannot be kept."
                )
                return False
            job.reserved_nano_usd = estimate.cost_nano_usd
        others = [*self._running.values(), *begun]
        taken = self._results.cost_nano_usd + sum(other.reserved_nano_usd for other in others)
        if taken + job.reserved_nano_usd <= self._max_cost:
            return True
        if not others:
            self._tally.stop = "cost"
        return False

    def _work(self, job: Job) -> None:
        """Run a row, on a thread of the pool."""
        try:
            key = f"{self._journal.run_id}-{job.row}-{job.attempt}"
            reply: RowReply | BaseException = self._runner.run(dict(job.fields), key=key)
        except BaseException as exc:  # it is told to the thread that writes
            reply = exc
        self._ended.put((job, reply))

    def _take_ended(self) -> None:
        """Wait for a row to end, then put down all that have ended."""
        try:
            found = self._ended.get(timeout=_TICK_S)
            while True:
                if found is not None:
                    self._end(*found)
                found = self._ended.get_nowait()
        except queue.Empty:
            pass
        self._results.flush()

    def _end(self, job: Job, reply: RowReply | BaseException) -> None:
        del self._running[job.row]
        if isinstance(reply, GatewayLostError):
            self._give_back(job)
            if self._tally.stop is None:
                self._tally.stop, self._tally.message = "lost", reply.message
        elif isinstance(reply, BaseException):
            raise reply
        elif reply.wait_s is not None:
            self._wait(job, reply.wait_s)
        elif not reply.is_known:
            self._tally.unknown += 1  # it stays begun in the journal
        else:
            self._put_down(job, reply)

    def _put_down(self, job: Job, reply: RowReply) -> None:
        tally = self._tally
        if self._max_cost is not None and reply.is_success and reply.cost_nano_usd is None:
            self._results.cost_nano_usd += job.reserved_nano_usd  # nobody knows less
        self._results.add(job.row, job.attempt, job.id, reply)
        tally.cost_nano_usd += reply.cost_nano_usd or 0
        usage = reply.usage or {}
        for name in ("input_tokens", "output_tokens"):
            count = usage.get(name)
            setattr(tally, name, getattr(tally, name) + (count if isinstance(count, int) else 0))
        if reply.is_success:
            tally.succeeded += 1
            tally.unpriced += reply.cost_nano_usd is None
            self._room = min(self._room + 1, self._concurrency)
        else:
            tally.failed += 1
            if len(tally.first_errors) < 3:
                tally.first_errors.append((job.row, reply))

    def _wait(self, job: Job, wait_s: float) -> None:
        """Send a row again later; one by one until the limit lets them pass."""
        self._give_back(job)
        if wait_s > _LONGEST_WAIT_S:
            if self._tally.stop is None:
                self._tally.stop = "limit"
                self._tally.message = f"A limit has no room before {wait_s / 60:,.0f} minutes have passed."
            return
        self._paused_until = max(self._paused_until, self._clock.monotonic() + wait_s)
        self._room = 1

    def _give_back(self, job: Job) -> None:
        self._journal.free([job.row])
        self._states.free(job.row)
        self._again.append(job)
