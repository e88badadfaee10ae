"""The thread that looks after jobs: signs of life, the queue, and what dead workers left behind."""

from __future__ import annotations

import logging
import threading
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
_BEATS = 7  # signs of life in the time after which a worker is taken for dead
_REAP_EVERY_S = 5.0
_CHECK_EVERY_S = 30.0
_FORGOTTEN_AFTER_S = 3600.0
_MOST_AT_ONCE = 200
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
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._is_ending = threading.Event()
        self._has_engine = False
        self._due: dict[str, float] = {}
        self._complained: set[str] = set()

    def wake(self) -> None:
        """Begin if that has not happened yet, and look at once for what there is to do."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._is_ending.is_set():
                    self._thread = threading.Thread(target=self._run, name="hookline-jobs", daemon=True)
                    self._thread.start()
        self._wake.set()

    def close(self, *, grace_s: float) -> None:
        """Take no more jobs, wait for those that run, and let others have what is not done then."""
        self._is_ending.set()
        self._wake.set()
        with self._lock:
            thread = self._thread
        if thread is None:
            return
        thread.join(grace_s + _TICK_S)
        if self._has_engine:
            self._engine.stop(within_s=grace_s)
        self._wait_for_adopted(grace_s)
        self._endings.give_up()
        for running in self._runs.jobs():
            assert running.job_id is not None  # `jobs` returns only those
            self._try("hand over", lambda id=running.job_id: self._hand_over(id))  # type: ignore[misc]  # bound now
        self._try("leave", lambda: self._workers.leave(self._worker_id))

    def _run(self) -> None:
        while not self._is_ending.is_set():
            self.tick()
            self._wake.wait(_TICK_S)
            self._wake.clear()

    def tick(self) -> None:
        """Do whatever is due."""
        self._every("give a sign of life", self._dead_after_s / _BEATS, self._beat)
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
        self._workers.beat(self._worker_id, now_us=self._now_us())

    def _feed(self) -> None:
        while rows := self._table.to_queue(now_us=self._now_us(), limit=_MOST_AT_ONCE):
            for row in rows:
                self._engine.put(self._ticket(row))
            self._table.mark_queued(rows)
            if len(rows) < _MOST_AT_ONCE or self._is_ending.is_set():
                return

    def _check_queue(self) -> None:
        """Put back into the queue what it has lost, such as with its file."""
        before_us = self._now_us() - int(self._dead_after_s * 1e6)
        rows = self._table.in_queue(before_us=before_us, limit=_MOST_AT_ONCE)
        tickets = {self._ticket(row).id: row for row in rows}
        lost = self._engine.lost([self._ticket(row) for row in rows], alive=self._alive()) if rows else []
        for ticket in lost:
            _log.warning("the queue has lost the job %s; it is put there again", ticket.job_id)
            self._table.skip_run(tickets[ticket.id])
        if lost:
            self._wake.set()

    def _cancel(self) -> None:
        if self._runs.jobs():
            for job_id in self._table.to_cancel(self._worker_id):
                self._runs.cancel(job_id)

    def _reap(self) -> None:
        alive = self._alive()
        if self._worker_id not in alive:
            return  # this process was away itself, and may judge nobody
        for row in self._table.orphans(alive=alive, limit=_MOST_AT_ONCE):
            self._endings.again_or_never(row)
            self._wake.set()

    def _tell(self) -> None:
        before_us = self._now_us() - int(_REAP_EVERY_S * 1e6)  # else whoever ran it tells
        for job_id in self._table.untold(before_us=before_us, limit=_MOST_AT_ONCE):
            self._endings.tell(job_id)

    def _clean(self) -> None:
        now_us = self._now_us()
        rows = self._table.remove_expired(now_us=now_us, limit=_MOST_AT_ONCE)
        if rows and self._has_engine:
            self._engine.forget([f"{row.id}.{run}" for row in rows for run in range(1, row.runs + 1)])
        self._workers.forget(before_us=now_us - int(_FORGOTTEN_AFTER_S * 1e6))

    def _hand_over(self, job_id: str) -> None:
        row = self._table.get(job_id)
        if row is not None and not row.is_over and row.owner == self._worker_id:
            self._endings.again_or_never(row)

    # ------------------------------------------------------------ the parts

    def _wait_for_adopted(self, grace_s: float) -> None:
        until_s = self._gateway.clock.monotonic() + grace_s
        while self._runs.jobs() and self._gateway.clock.monotonic() < until_s:
            self._wake.clear()
            self._wake.wait(0.05)

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
