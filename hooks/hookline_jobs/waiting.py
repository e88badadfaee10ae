"""A call that somebody waits for, but not for ever: it runs on a thread of its own and may become a job."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.errors import HooklineError, StoreUnavailableError
from hookline_jobs.runs import Running
from hookline_jobs.texts import whole

if TYPE_CHECKING:
    from hookline import Order, Proceed, Reply
    from hookline_jobs.endings import Endings
    from hookline_jobs.rows import JobRow
    from hookline_jobs.runs import Runs

Adopt = Callable[["JobRow", Running], None]

_log = logging.getLogger("hookline.jobs")


class WaitingRoom:
    """Runs calls whose callers wait for a limited time, on threads of their own.

    One tenant takes at most half of the threads. A call for which there is none is run by whoever asks, to
    its end: it comes late, but it does not wait for those of others.

    Args:
        runs: Knows which calls run here.
        endings: What ends jobs.
        adopt: Makes a job of a call that runs.
        max_waiting: How many run at the same time.
    """

    def __init__(self, runs: Runs, endings: Endings, adopt: Adopt, *, max_waiting: int) -> None:
        self._runs = runs
        self._endings = endings
        self._adopt = adopt
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(max_workers=max_waiting, thread_name_prefix="hookline-waiting")

    def run(self, row: JobRow, order: Order, proceed: Proceed, *, wait_s: float) -> Reply | JobRow:
        """Return the reply if it comes in time, else the job that the call has become.

        If no job can be made of it, because the database does not answer, it is waited for to its end.

        Args:
            row: What the job would be.
            order: What to run.
            proceed: Runs it.
            wait_s: Seconds until there must be an answer.

        Raises:
            HooklineError: If the gateway is being ended.
        """
        if not self._take(row.tenant):
            return proceed(order)
        visit = Visit(self._runs, self._endings, self._adopt, row)
        order = replace(order, cancellation=visit.running.cancellation)
        self._runs.enter(visit.running)
        try:
            done = self._threads.submit(visit.run, order, proceed)
        except RuntimeError as exc:
            self._runs.leave(visit.running)
            self._give_back(row.tenant)
            error = HooklineError(
                "This gateway is being ended and begins no more calls.", status=503, code="shutting_down"
            )
            error.retryable = True
            raise error from exc
        done.add_done_callback(lambda _: self._give_back(row.tenant))
        return visit.wait(wait_s)

    def close(self) -> None:
        """Begin no more."""
        self._threads.shutdown(wait=False)

    def _take(self, tenant: str) -> bool:
        with self._lock:
            if self._taken.total() >= self._max_waiting or self._taken[tenant] >= -(-self._max_waiting // 2):
                return False
            self._taken[tenant] += 1
            return True

    def _give_back(self, tenant: str) -> None:
        with self._lock:
            self._taken[tenant] -= 1
            if not self._taken[tenant]:
                del self._taken[tenant]


class Visit:
    """One such call.

    Args:
        runs: Knows which calls run here.
        endings: What ends jobs.
        adopt: Makes a job of the call.
        row: What the job would be.
    """

    def __init__(self, runs: Runs, endings: Endings, adopt: Adopt, row: JobRow) -> None:
        self.running = Running()
        self._runs = runs
        self._endings = endings
        self._adopt = adopt
        self._row = row
        self._lock = threading.Lock()
        self._has_ended = threading.Event()
        self._reply: Reply | None = None
        self._may_be_job = False

    def run(self, order: Order, proceed: Proceed) -> None:
        """Run the call to its end; called on a thread of its own."""
        try:
            reply = whole(proceed(order))
            with self._lock:
                self._reply = reply
            self._has_ended.set()
            if self._may_be_job:
                self._endings.finish(self._row, reply, is_unwanted=self.running.is_unwanted)
        except Exception:  # its row, if it has one, is ended by the keeper
            _log.exception("%s could not be finished", order.call_id)
        finally:
            self._has_ended.set()
            self._runs.leave(self.running)

    def wait(self, wait_s: float) -> Reply | JobRow:
        """Return the reply, or the job that the call became because it was not there in time."""
        self._has_ended.wait(wait_s)
        with self._lock:
            if self._reply is None and not self._has_ended.is_set():
                self._may_be_job = True  # also if its row was written and the word of it got lost
                try:
                    self._adopt(self._row, self.running)
                    return self._row
                except StoreUnavailableError:
                    _log.error("a call that takes long could not be made a job: the database does not answer")
                except Exception:
                    _log.exception("a call that takes long could not be made a job")
        self._has_ended.wait()
        if self._reply is None:
            raise HooklineError("The call ended without an answer.")
        return self._reply
