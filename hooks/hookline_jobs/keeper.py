"""The thread that looks after jobs: signs of life, the queue, and what dead workers left behind."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline.errors import HooklineError
from hookline_jobs.engine import Ticket
from hookline_jobs.rows import JobRow, microseconds

if TYPE_CHECKING:
    from hookline.gateway import Gateway
    from hookline_jobs.endings import Endings
    from hookline_jobs.engine import JobEngine
    from hookline_jobs.job_table import JobTable
    from hookline_jobs.runs import Runs
    from hookline_jobs.worker_table import WorkerTable

_TICK_S = 1.0
_CUT_S = 2.0  # for calls that were cut to come to their ends
_BEATS = 7  # signs of life in the time after which a worker is taken for dead
_REAP_EVERY_S = 5.0
_CHECK_EVERY_S = 30.0
_FORGOTTEN_AFTER_S = 3600.0
_MOST_AT_ONCE = 200
_MOST_SWEEPS = 50
_ANY_LANE = "-"

_log = logging.getLogger("hookline.jobs")


class Keeper:
    """Looks after the jobs, as long as there are any.

    Args:
        gateway: The gateway.
        table: The jobs.
        workers: Signs of life.
        runs: What runs here.
        endings: What ends jobs.
        engine: The queue.
        worker_id: Id of this process.
        dead_after_s: Seconds without a sign of life after which a worker is taken for dead.
    """

    def __init__(
        self,
        gateway: Gateway,
        table: JobTable,
        workers: WorkerTable,
        runs: Runs,
        endings: Endings,
        engine: JobEngine,
        *,
        worker_id: str,
        dead_after_s: float,
    ) -> None:
        self._gateway = gateway
        self._table = table
        self._workers = workers
        self._runs = runs
        self._endings = endings
        self._engine = engine
        self._worker_id = worker_id
        self._dead_after_s = dead_after_s
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._wake = threading.Event()
        self._is_ending = threading.Event()
        self._has_engine = False
        self._due: dict[str, float] = {}
        self._complained: set[str] = set()
        self._beat_at: tuple[float, int] | None = None
        self._steady_since_s = math.inf

    def announce(self) -> None:
        """Give a first sign of life before this process has a job, so that nobody takes it for dead.

        Raises:
            StoreUnavailableError: If that cannot be written.
        """
        if self._beat_at is None:
            self._beat()

    def wake(self) -> None:
        """Begin if that has not happened yet, and look at once for what there is to do."""
        if not self._threads:
            with self._lock:
                if not self._threads and not self._is_ending.is_set():
                    self._threads = [
                        threading.Thread(target=self._live, name="hookline-jobs-life", daemon=True),
                        threading.Thread(target=self._run, name="hookline-jobs", daemon=True),
                    ]
                    for thread in self._threads:
                        thread.start()
        self._wake.set()

    def close(self, *, grace_s: float) -> None:
        """Take no more jobs, wait for those that run, and let others have what is not done then."""
        until_s = time.monotonic() + grace_s
        self._runs.take_no_more()
        with self._lock:
            self._is_ending.set()
            threads = list(self._threads)
        self._wake.set()
        self._runs.wait_until_idle(until_s)
        left = self._runs.jobs()
        for running in left:
            assert running.job_id is not None  # `jobs` returns only those
            self._try("hand over", lambda id=running.job_id: self._hand_over(id))  # type: ignore[misc]  # bound now
        self._endings.give_up()
        for running in left:
            running.cancellation.cancel()
        self._runs.wait_until_idle(time.monotonic() + _CUT_S)
        if not threads:
            return
        for thread in threads:
            thread.join(max(_TICK_S, until_s - time.monotonic()))
        if self._has_engine:
            self._engine.stop(within_s=0)
        self._try("leave", lambda: self._workers.leave(self._worker_id))

    def _live(self) -> None:
        """Give signs of life, whatever the other thread is busy with."""
        while not self._is_ending.wait(self._dead_after_s / _BEATS):
            self._try("give a sign of life", self._beat)

    def _run(self) -> None:
        while not self._is_ending.is_set():
            self.tick()
            self._wake.wait(_TICK_S)
            self._wake.clear()

    def tick(self) -> None:
        """Do whatever is due."""
        if self._beat_at is None:
            self._try("give a sign of life", self._beat)
        if not self._has_engine:
            self._every("open the queue", 0, self._open)
        if self._has_engine:
            self._every("queue jobs", 0, self._feed)
            self._every("check the queue", _CHECK_EVERY_S, self._check_queue)
        self._every("cancel jobs", 0, self._cancel)
        self._every("look after dead workers", min(_REAP_EVERY_S, self._dead_after_s / 2), self._reap)
        self._every("tell of jobs", _REAP_EVERY_S, self._tell)
        self._every("remove old jobs", _CHECK_EVERY_S, self._clean)

    # ------------------------------------------------------------ the steps

    def _open(self) -> None:
        self._engine.start(self._runs.run)
        self._has_engine = True

    def _beat(self) -> None:
        now_s, now_us = self._gateway.clock.monotonic(), self._now_us()
        self._workers.beat(self._worker_id, now_us=now_us)
        before, self._beat_at = self._beat_at, (now_s, now_us)
        away_s = math.inf if before is None else max(now_s - before[0], (now_us - before[1]) / 1e6)
        if away_s > self._dead_after_s / 2:  # perhaps others were away as well
            self._steady_since_s = now_s

    def _feed(self) -> None:
        rows = self._table.to_queue(now_us=self._now_us(), limit=_MOST_AT_ONCE)
        for row in rows:
            self._engine.put(self._ticket(row))
        self._table.mark_queued(rows)
        self._engine.forget([f"{row.id}.{row.runs}" for row in rows if row.runs])
        if len(rows) == _MOST_AT_ONCE:
            self._wake.set()  # there are more

    def _check_queue(self) -> None:
        """Put back into the queue what it has lost, such as with its file."""
        before_us = self._now_us() - int(self._dead_after_s * 1e6)
        rows = self._table.in_queue(before_us=before_us, limit=_MOST_AT_ONCE)
        lost = self._engine.lost([self._ticket(row) for row in rows], alive=self._alive()) if rows else []
        for ticket in lost:
            _log.warning("the queue has lost the job %s; it is put there again", ticket.job_id)
            self._table.skip_run(ticket.job_id, ticket.run)
        if lost:
            self._wake.set()
        self._engine.sweep(alive=self._alive())

    def _cancel(self) -> None:
        if self._runs.jobs():
            for job_id in self._table.to_cancel(self._worker_id):
                self._runs.cancel(job_id)

    def _reap(self) -> None:
        since_us = self._now_us() - int(self._dead_after_s * 1e6)
        here = {running.job_id for running in self._runs.jobs()}
        for row in self._table.owned(self._worker_id, before_us=since_us, limit=_MOST_AT_ONCE):
            if row.id not in here:  # its thread failed in a way that nobody foresaw
                self._endings.again_or_never(row)
        if self._gateway.clock.monotonic() - self._steady_since_s < self._dead_after_s:
            return  # whoever was away itself judges nobody
        alive = self._alive()
        orphans = self._table.orphans(alive=alive, limit=_MOST_AT_ONCE)
        for row in orphans:
            self._endings.again_or_never(row)
        if orphans:
            if self._has_engine:
                self._engine.sweep(alive=alive)
            self._wake.set()

    def _tell(self) -> None:
        before_us = self._now_us() - int(_REAP_EVERY_S * 1e6)  # else whoever ran it tells
        for job_id in self._table.untold(before_us=before_us, limit=_MOST_AT_ONCE):
            self._endings.tell(job_id)

    def _clean(self) -> None:
        now_us = self._now_us()
        for _ in range(_MOST_SWEEPS):
            rows = self._table.remove_expired(now_us=now_us, limit=_MOST_AT_ONCE)
            if rows and self._has_engine:
                self._engine.forget([f"{row.id}.{row.runs}" for row in rows if row.runs])
            if len(rows) < _MOST_AT_ONCE or self._is_ending.is_set():
                break
        self._workers.forget(before_us=now_us - int(_FORGOTTEN_AFTER_S * 1e6))

    def _hand_over(self, job_id: str) -> None:
        row = self._table.get(job_id)
        if row is not None and not row.is_over and row.owner == self._worker_id:
            self._endings.again_or_never(row)

    # ------------------------------------------------------------ the parts

    def _ticket(self, row: JobRow) -> Ticket:
        return Ticket(
            job_id=row.id,
            run=row.runs + 1,
            priority=row.priority,
            lane=row.connection or _ANY_LANE,
            delay_s=max(0.0, (row.not_before_us - self._now_us()) / 1e6),
        )

    def _alive(self) -> set[str]:
        return self._workers.alive(since_us=self._now_us() - int(self._dead_after_s * 1e6))

    def _now_us(self) -> int:
        return microseconds(self._gateway.clock.now())

    def _every(self, name: str, seconds: float, step: Callable[[], None]) -> None:
        now_s = self._gateway.clock.monotonic()
        if now_s >= self._due.get(name, now_s):
            self._due[name] = now_s + seconds
            self._try(name, step)

    def _try(self, name: str, step: Callable[[], None]) -> None:
        try:
            step()
            self._complained.discard(name)
        except Exception as exc:  # the next round tries again
            if name not in self._complained:
                self._complained.add(name)
                is_ours = isinstance(exc, HooklineError)
                words = exc.message if isinstance(exc, HooklineError) else type(exc).__name__
                _log.error("jobs: it is not possible to %s now: %s", name, words, exc_info=not is_ours)
