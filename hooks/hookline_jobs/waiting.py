"""A call that somebody waits for, but not for ever: it runs on a thread of its own and may become a job."""

from __future__ import annotations

import logging
import threading
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

Adopt = Callable[[Running], "JobRow"]

_log = logging.getLogger("hookline.jobs")


class WaitingRoom:
    """Runs calls whose callers wait for a limited time.

    Args:
        runs: Knows which calls run here.
        endings: What ends jobs.
        max_waiting: How many run at the same time.
    """

    def __init__(self, runs: Runs, endings: Endings, *, max_waiting: int) -> None:
        self._runs = runs
        self._endings = endings
        self._threads = ThreadPoolExecutor(max_workers=max_waiting, thread_name_prefix="hookline-waiting")

    def run(self, order: Order, proceed: Proceed, adopt: Adopt, *, wait_s: float) -> Reply | JobRow:
        """Return the reply if it comes in time, else the job that the call has become.

        If no job can be made of it, because the database does not answer, it is waited for to its end.

        Args:
            order: What to run.
            proceed: Runs it.
            adopt: Makes a job of the call that runs.
            wait_s: Seconds until there must be an answer.

        Raises:
            HooklineError: If the gateway is being ended.
        """
        visit = Visit(self._runs, self._endings, adopt)
        order = replace(order, cancellation=visit.running.cancellation)
        self._runs.enter(visit.running)
        try:
            self._threads.submit(visit.run, order, proceed)
        except RuntimeError as exc:
            self._runs.leave(visit.running)
            error = HooklineError("This gateway is being ended and begins no more calls.", status=503)
            error.retryable = True
            raise error from exc
        return visit.wait(wait_s)

    def close(self) -> None:
        """Begin no more."""
        self._threads.shutdown(wait=False)


class Visit:
    """One such call.

    Args:
        runs: Knows which calls run here.
        endings: What ends jobs.
        adopt: Makes a job of the call.
    """

    def __init__(self, runs: Runs, endings: Endings, adopt: Adopt) -> None:
        self.running = Running()
        self._runs = runs
        self._endings = endings
        self._adopt = adopt
        self._lock = threading.Lock()
        self._has_ended = threading.Event()
        self._reply: Reply | None = None
        self._row: JobRow | None = None

    def run(self, order: Order, proceed: Proceed) -> None:
        """Run the call to its end; called on a thread of its own."""
        try:
            reply = whole(proceed(order))
            with self._lock:
                self._reply = reply
                row = self._row
            self._has_ended.set()
            if row is not None:
                self._endings.finish(row, reply, is_unwanted=self.running.is_unwanted)
        except Exception:
            _log.exception("%s could not be finished", order.call_id)
        finally:
            self._has_ended.set()
            self._runs.leave(self.running)

    def wait(self, wait_s: float) -> Reply | JobRow:
        """Return the reply, or the job that the call became because it was not there in time."""
        self._has_ended.wait(wait_s)
        with self._lock:
            if self._reply is None:
                try:
                    self._row = self._adopt(self.running)
                    return self._row
                except StoreUnavailableError:
                    _log.error("a call that takes long could not be made a job: the database does not answer")
        self._has_ended.wait()
        if self._reply is None:
            raise HooklineError("The call ended without an answer.")
        return self._reply
