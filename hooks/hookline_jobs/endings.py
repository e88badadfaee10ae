"""How jobs end: their replies are kept, the plugins are told, and dead workers' jobs are decided about."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from hookline import Order
from hookline.errors import StoreUnavailableError
from hookline.store.seals import SealError
from hookline_jobs import answers
from hookline_jobs.rows import CANCELLED, DONE, FAILED, JobRow, microseconds
from hookline_jobs.texts import dump_reply, load_reply

if TYPE_CHECKING:
    from hookline import HooklineError, Reply
    from hookline.gateway import Gateway
    from hookline.job import JobState
    from hookline_jobs.job_table import JobTable

T = TypeVar("T")

_log = logging.getLogger("hookline.jobs")
_PATIENCE_S = 0.5  # between two tries to write what must not be lost


class Endings:
    """Ends jobs.

    Args:
        gateway: The gateway.
        table: The jobs.
        keep_us: Returns how long the reply to a job is kept, in microseconds.
        max_reply_bytes: Largest reply that is kept.
    """

    def __init__(
        self,
        gateway: Gateway,
        table: JobTable,
        *,
        keep_us: Callable[[JobRow], int],
        max_reply_bytes: int,
    ) -> None:
        self._gateway = gateway
        self._table = table
        self._keep_us = keep_us
        self._max_reply_bytes = max_reply_bytes
        self._listeners = gateway.host.implementations("hookline_job_over")
        self._is_over = threading.Event()
        self._telling = threading.Lock()

    def finish(self, row: JobRow, reply: Reply, *, is_unwanted: bool) -> None:
        """Keep the reply of a job and tell the plugins. Waits until it is written."""
        state: JobState = DONE if reply.status < 400 else FAILED
        if is_unwanted and state == FAILED:
            reply, state = self._gateway.runner.refuse(order_of(row), answers.cancelled()), CANCELLED
        if isinstance(reply.content, bytes) and len(reply.content) > self._max_reply_bytes:
            reply, state = self._gateway.runner.refuse(order_of(row), answers.too_large()), FAILED
        now_us = self._now_us()
        sealed = self._gateway.seals.seal(dump_reply(reply), "jobs", row.id, "reply")
        kept = self.persist(
            lambda: self._table.finish(
                row.id,
                row.runs,
                state=state,
                status=reply.status,
                reply=sealed,
                now_us=now_us,
                expires_at_us=now_us + self._keep_us(row),
            )
        )
        if kept:
            self.tell(row.id)
        else:
            _log.warning("the reply of the job %s came after it was given up, and is not kept", row.id)

    def again_or_never(self, row: JobRow) -> None:
        """Decide about a job whose worker is dead: run it again where that cannot cost anything twice."""
        action = self._gateway.catalog.get(row.action)
        is_harmless = action is not None and (action.is_read_only or action.is_idempotent)
        kept = self._table.get(row.id)
        if kept is None:
            return
        if kept.is_cancelled:
            self._end(row, answers.cancelled(), CANCELLED)
        elif kept.order is not None and (not kept.is_sent or is_harmless):
            _log.warning("the worker of the job %s is dead; it runs again", row.id)
            self._table.put_back(row.id, row.runs, not_before_us=self._now_us())
        else:
            _log.error("the worker of %s is dead; it may have been charged, and is not run again", row.id)
            self._end(row, answers.interrupted(), FAILED)

    def _end(self, row: JobRow, error: HooklineError, state: JobState) -> None:
        reply = self._gateway.runner.refuse(order_of(row), error)
        now_us = self._now_us()
        if self._table.finish(
            row.id,
            row.runs,
            state=state,
            status=reply.status,
            reply=self._gateway.seals.seal(dump_reply(reply), "jobs", row.id, "reply"),
            now_us=now_us,
            expires_at_us=now_us + self._keep_us(row),
        ):
            self.tell(row.id)

    def tell(self, job_id: str) -> None:
        """Tell the plugins that a job is over, and note that they know."""
        with self._telling:
            row = self._table.get(job_id)
            if row is not None and not row.is_told:
                self._tell(row)

    def _tell(self, row: JobRow) -> None:
        try:
            reply = self.open_reply(row)
            url = None
            if row.callback_url is not None:
                url = self._gateway.seals.unseal(row.callback_url, "jobs", row.id, "callback").decode()
        except SealError:
            _log.error("what was kept of the job %s cannot be opened; nobody is told of its end", row.id)
        else:
            job = row.as_job(reply=reply, callback_url=url)
            for name, listen in self._listeners:
                try:
                    listen(job=job)
                except StoreUnavailableError:
                    raise  # it is told again later
                except Exception:
                    _log.exception("the plugin %r failed when it was told of the end of %s", name, row.id)
        self._table.told(row.id)

    def open_reply(self, row: JobRow) -> Reply:
        """Return the reply that is kept of a job.

        Raises:
            SealError: If it cannot be opened.
        """
        assert row.reply is not None  # asked only of jobs that are over
        return load_reply(self._gateway.seals.unseal(row.reply, "jobs", row.id, "reply"))

    def give_up(self) -> None:
        """Wait no longer for a database that does not answer."""
        self._is_over.set()

    def persist(self, step: Callable[[], T]) -> T:
        """Do what must not be lost as soon as the database answers."""
        while True:
            try:
                return step()
            except StoreUnavailableError:
                if self._is_over.wait(_PATIENCE_S):
                    raise

    def _now_us(self) -> int:
        return microseconds(self._gateway.clock.now())


def order_of(row: JobRow) -> Order:
    """Return the order of a job without its input, for errors about it."""
    return Order(action_id=row.action, fields={}, call_id=row.call_id)
