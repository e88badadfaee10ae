"""The calls of jobs that run in this process: from the queue to the reply that is kept."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hookline.call import Cancellation
from hookline.errors import AuthenticationError, HooklineError, StoreUnavailableError
from hookline.store.seals import SealError
from hookline_jobs import answers
from hookline_jobs.endings import order_of
from hookline_jobs.rows import JobRow, microseconds
from hookline_jobs.texts import code_of, load_order, whole

if TYPE_CHECKING:
    from hookline import Call, Principal, Reply
    from hookline.gateway import Gateway
    from hookline_jobs.endings import Endings
    from hookline_jobs.job_table import JobTable

_log = logging.getLogger("hookline.jobs")

_FOR_NOW = frozenset({429, 503})
_LEAST_WAIT_S = 1.0
_MOST_WAIT_S = 300.0
_REPORT_EVERY_S = 1.0


@dataclass(kw_only=True, slots=True)
class Running:
    """One call that runs here.

    Attributes:
        cancellation: Ends it.
        job_id: The job it is; None for a call that somebody still waits for.
        run: Number of the job's run.
        is_sent: Whether the upstream may have been asked.
        is_unwanted: Whether somebody cancelled it.
        lock: Held while it becomes a job, and while it is noted that the upstream may have been asked.
    """

    cancellation: Cancellation = field(default_factory=Cancellation)
    job_id: str | None = None
    run: int = 1
    is_sent: bool = False
    is_unwanted: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Runs:
    """Runs jobs, and knows which calls run here.

    Args:
        gateway: The gateway.
        table: The jobs.
        worker_id: Id of this process.
        endings: What ends jobs.
        max_age_us: Returns how long a job may wait, in microseconds.
    """

    def __init__(
        self,
        gateway: Gateway,
        table: JobTable,
        *,
        worker_id: str,
        endings: Endings,
        max_age_us: Callable[[JobRow], int],
    ) -> None:
        self._gateway = gateway
        self._table = table
        self._worker_id = worker_id
        self._endings = endings
        self._max_age_us = max_age_us
        self._lock = threading.Lock()
        self._by_cancellation: dict[int, Running] = {}
        self._idle = threading.Condition(self._lock)
        self._is_closing = False

    # ------------------------------------------------------------ what runs

    def enter(self, running: Running) -> None:
        """Note that a call begins."""
        with self._lock:
            self._by_cancellation[id(running.cancellation)] = running

    def leave(self, running: Running) -> None:
        """Note that a call is over."""
        with self._idle:
            self._by_cancellation.pop(id(running.cancellation), None)
            self._idle.notify_all()

    def take_no_more(self) -> None:
        """Let others have the jobs that the queue still brings."""
        self._is_closing = True

    def wait_until_idle(self, until_s: float) -> None:
        """Wait for the jobs that run here, until a value of ``time.monotonic()`` at most."""
        with self._idle:
            self._idle.wait_for(
                lambda: all(one.job_id is None for one in self._by_cancellation.values()),
                max(0.0, until_s - time.monotonic()),
            )

    def jobs(self) -> list[Running]:
        """Return the jobs that run here."""
        with self._lock:
            return [one for one in self._by_cancellation.values() if one.job_id is not None]

    def note_sent(self, call: Call) -> None:
        """Note, before the first attempt of a job's call, that the upstream may have been asked.

        Raises:
            StoreUnavailableError: If that cannot be written; then nothing is sent.
        """
        running = self._by_cancellation.get(id(call.cancellation)) if self._by_cancellation else None
        if running is None or running.is_sent:
            return
        with running.lock:
            if running.job_id is not None and not self._table.mark_sent(running.job_id, running.run):
                raise answers.cancelled()  # another worker took this one for dead
            running.is_sent = True

    def cancel(self, job_id: str) -> bool:
        """End a job that runs here; False if it does not."""
        for running in self.jobs():
            if running.job_id == job_id:
                running.is_unwanted = True
                running.cancellation.cancel()
                return True
        return False

    # ------------------------------------------------------------ one job

    def run(self, job_id: str, run: int) -> None:
        """Run a job that the queue brings. Never raises."""
        if any(one.job_id == job_id for one in self.jobs()):
            return
        running = Running(job_id=job_id, run=run)
        self.enter(running)
        try:
            if self._is_closing:
                self._table.skip_run(job_id, run)
                return
            row = self._endings.persist(
                lambda: self._table.begin(job_id, run, owner=self._worker_id, now_us=self._now_us())
            )
            if row is not None:
                self._run(row, running)
        except Exception:
            _log.exception("the job %s could not be run", job_id)
        finally:
            self.leave(running)

    def _run(self, row: JobRow, running: Running) -> None:
        running.is_unwanted = running.is_unwanted or row.is_cancelled
        try:
            reply = self._reply_of(row, running)
        except Exception as exc:  # whatever it was, the job ends with it
            reply = self._gateway.runner.refuse(order_of(row), self._gateway.host.to_error(exc))
        wait_s = self._wait_of(reply, row, running)
        if wait_s is not None:
            later_us = self._now_us() + int(wait_s * 1e6)
            if self._endings.persist(lambda: self._table.put_back(row.id, row.runs, not_before_us=later_us)):
                return
            running.is_unwanted = True  # somebody cancelled it meanwhile
        self._endings.finish(row, reply, is_unwanted=running.is_unwanted)

    def _reply_of(self, row: JobRow, running: Running) -> Reply:
        runner = self._gateway.runner
        if running.is_unwanted:
            return runner.refuse(order_of(row), answers.cancelled())
        if row.order is None:
            return runner.refuse(order_of(row), answers.interrupted())
        try:
            kept = self._gateway.seals.unseal(row.order, "jobs", row.id, "order")
            principal, order, is_simulated = load_order(kept)
        except SealError:
            _log.error("the job %s cannot be opened: the key that sealed it is not there", row.id)
            return runner.refuse(order_of(row), answers.unreadable())
        order = replace(
            order, is_detached=True, cancellation=running.cancellation, report=self._reporter(row)
        )
        if self._now_us() - row.created_at_us > self._max_age_us(row):
            return runner.refuse(order, answers.too_old())
        if is_simulated != self._gateway.settings.sandbox:
            return runner.refuse(order, answers.other_world(is_simulated=is_simulated))
        try:
            return whole(runner.run(self._renewed(principal), order))
        except HooklineError as error:
            return runner.refuse(order, error)

    def _renewed(self, principal: Principal) -> Principal:
        """Return the caller with the rights that it has now.

        Raises:
            AuthenticationError: If its key is not valid any more.
        """
        found: object = self._gateway.host.calls.hookline_renew_principal(principal=principal)
        if found is None:
            return principal
        if isinstance(found, type(principal)):
            return found
        raise AuthenticationError("Whether the key of this job is still valid could not be found out.")

    def _wait_of(self, reply: Reply, row: JobRow, running: Running) -> float | None:
        """Return the seconds after which a job that was refused for now is to be tried again."""
        is_for_now = reply.status in _FOR_NOW and not running.is_sent and not running.is_unwanted
        if not is_for_now or self._now_us() - row.created_at_us > self._max_age_us(row):
            return None
        if code_of(reply) == "shutting_down":
            return 0.0
        text = next((value for name, value in reply.headers if name == "retry-after"), "")
        wait_s = float(text) if text.isascii() and text.isdigit() else _LEAST_WAIT_S
        return min(max(wait_s, _LEAST_WAIT_S), _MOST_WAIT_S)

    def _reporter(self, row: JobRow) -> Callable[[int, int], None]:
        told_at_s = float("-inf")

        def report(done: int, total: int) -> None:
            nonlocal told_at_s
            now_s = self._gateway.clock.monotonic()
            if now_s - told_at_s < _REPORT_EVERY_S and done < total:
                return
            told_at_s = now_s
            with suppress(StoreUnavailableError):  # it is told for people only
                self._table.report(row.id, row.runs, done=done, total=total)

        return report

    def _now_us(self) -> int:
        return microseconds(self._gateway.clock.now())
