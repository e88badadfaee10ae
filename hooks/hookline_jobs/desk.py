"""Where jobs are taken in, looked up and cancelled."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.call import flow_of
from hookline.errors import InvalidInputError
from hookline.items import fields_of, read_item, read_list, text_field_of
from hookline.job import new_job_id
from hookline.order import ITEMS
from hookline.store.seals import SealError
from hookline_jobs import answers
from hookline_jobs.endings import order_of
from hookline_jobs.room import Room
from hookline_jobs.rows import QUEUED, RUNNING, JobRow, microseconds
from hookline_jobs.texts import dump_order, dump_reply
from hookline_jobs.wishes import without_wishes

if TYPE_CHECKING:
    from hookline import Order, Principal, Reply
    from hookline.gateway import Gateway
    from hookline.options import LayeredOptions
    from hookline_jobs.endings import Endings
    from hookline_jobs.job_table import JobTable
    from hookline_jobs.options import JobsOptions, Priority
    from hookline_jobs.runs import Running, Runs
    from hookline_jobs.wishes import Wish

ADMIN_SCOPE = "usage:admin"
"""With it a key sees the jobs of all keys of its tenant."""

PRIORITY_HEADER = "x-hookline-priority"
_ID = re.compile(r"job_[0-9a-f]{32}")
_CLASSES: dict[str, int] = {"high": 0, "normal": 1_000_000, "low": 2_000_000}


class Desk:
    """Takes in jobs and answers for them.

    Args:
        gateway: The gateway.
        table: The jobs.
        runs: What runs here.
        endings: What ends jobs.
        options: What is set.
        worker_id: Id of this process.
        announce: Gives a sign of life, if there was none yet.
        wake: Tells that there is something to do.
    """

    def __init__(
        self,
        gateway: Gateway,
        table: JobTable,
        runs: Runs,
        endings: Endings,
        options: LayeredOptions[JobsOptions],
        *,
        worker_id: str,
        announce: Callable[[], None],
        wake: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._table = table
        self._runs = runs
        self._endings = endings
        self._options = options
        self._worker_id = worker_id
        self._announce = announce
        self._wake = wake
        self._room = Room(
            table.count_waiting, most=options.base.max_waiting, monotonic=gateway.clock.monotonic
        )

    def accept(self, principal: Principal, order: Order, wish: Wish) -> Reply:
        """Take in an order as a job that runs later, and return the 202.

        Raises:
            HooklineError: If the order would be refused, or there is no room for it.
        """
        lane = self._check(principal, order)
        with self._room.place() as is_free:
            if not is_free:
                raise answers.queue_full("This gateway")
            of_tenant, unfinished = self._table.count_of(principal.tenant)
            if of_tenant >= self._options.base.max_waiting_per_tenant:
                raise answers.queue_full("Your account")
            row = self._row(principal, order, wish, state=QUEUED, connection=lane, turn=unfinished)
            self._table.add(row)
        self._wake()
        return answers.accepted(
            row.id,
            state=QUEUED,
            url_of=self._gateway.url_of,
            applied=wish.applied,
            callback=wish.callback_url is not None,
        )

    def draft(self, principal: Principal, order: Order, wish: Wish) -> JobRow:
        """Return the row that a call gets which is begun now, if it becomes a job.

        Raises:
            HooklineError: If the order says something about jobs that is not valid.
        """
        return self._row(principal, order, wish, state=RUNNING)

    def adopt(self, row: JobRow, running: Running) -> None:
        """Make a job of a call that runs already, so that what was begun is kept.

        Raises:
            StoreUnavailableError: If it cannot be written.
        """
        self._announce()
        with running.lock:  # nothing is sent meanwhile without a note
            running.job_id, running.run = row.id, row.runs
            self._table.add(replace(row, is_sent=running.is_sent))
        self._wake()

    def find(self, principal: Principal, id: str) -> JobRow:
        """Return a job of the caller, or of its tenant for one with the scope that sees all of it.

        Raises:
            HooklineError: If there is none.
        """
        row = self._table.get(id) if _ID.fullmatch(id) else None
        if row is None or row.tenant != principal.tenant:
            raise answers.unknown_job()
        if row.key_id != principal.key_id and not principal.has_scope(ADMIN_SCOPE):
            raise answers.unknown_job()
        return row

    def result(self, row: JobRow) -> Reply:
        """Return the reply to a job that is over, or the 202 that says how far it is."""
        if row.is_over:
            try:
                reply = self._endings.open_reply(row)
            except SealError:
                raise answers.unreadable() from None
            reply.headers += [(answers.JOB_HEADER, row.id), ("cache-control", "no-store")]
            return reply
        age_s = (microseconds(self._gateway.clock.now()) - row.created_at_us) / 1e6
        return answers.pending(row, position=self.position(row), url_of=self._gateway.url_of, age_s=age_s)

    def position(self, row: JobRow) -> int | None:
        """Return how many jobs go before one that waits."""
        return self._table.position(row) if row.state == QUEUED else None

    def cancel(self, row: JobRow) -> None:
        """End a job: at once if it waits, and upstream as well if it runs."""
        reply = self._gateway.runner.refuse(order_of(row), answers.cancelled())
        now_us = microseconds(self._gateway.clock.now())
        if self._table.cancel_waiting(
            row.id,
            status=reply.status,
            reply=self._gateway.seals.seal(dump_reply(reply), "jobs", row.id, "reply"),
            now_us=now_us,
            expires_at_us=now_us + self.keep_us(row),
        ):
            self._wake()
            return
        if self._table.ask_to_cancel(row.id):
            self._runs.cancel(row.id)

    def page(
        self,
        *,
        tenant: str,
        key_id: str | None,
        state: str | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> list[JobRow]:
        """Return jobs of a tenant, the newest first."""
        return self._table.page(tenant=tenant, key_id=key_id, state=state, before=before, limit=limit)

    def keep_us(self, row: JobRow) -> int:
        """Return how long the reply to a job is kept, in microseconds."""
        return self._options.find(action_id=row.action, key_id=row.key_id).keep_s * 1_000_000

    def max_age_us(self, row: JobRow) -> int:
        """Return how long a job may wait, in microseconds."""
        return self._options.find(action_id=row.action, key_id=row.key_id).max_age_s * 1_000_000

    def _check(self, principal: Principal, order: Order) -> str | None:
        """Refuse now what would be refused later, and return the upstream account that will be used."""
        fields, action = without_wishes(order), self._gateway.catalog.find(order.action_id)
        has_items = ITEMS in fields and ITEMS not in fields_of(action)
        if has_items:
            items = read_list(fields.pop(ITEMS))
            fields |= read_item(items[0], f"{ITEMS}[0]", text_field_of(action), action) if items else {}
        order = replace(order, fields=fields)
        try:
            return self._gateway.pipeline.check(principal, order).call.connection.name
        except InvalidInputError:
            if has_items:
                return None  # each item is judged by itself
            raise

    def _row(
        self,
        principal: Principal,
        order: Order,
        wish: Wish,
        *,
        state: str,
        connection: str | None = None,
        turn: int = 0,
    ) -> JobRow:
        id, seals = new_job_id(), self._gateway.seals
        options = self._options.find(action_id=order.action_id, key_id=principal.key_id)
        now_us = microseconds(self._gateway.clock.now())
        content = None
        if order.endpoint is None:
            content = dump_order(
                principal, order, without_wishes(order), is_simulated=self._gateway.settings.sandbox
            )
        url = wish.callback_url
        is_running = state == RUNNING
        return JobRow(
            id=id,
            tenant=principal.tenant,
            key_id=principal.key_id,
            call_id=order.call_id,
            action=order.action_id,
            connection=connection,
            flow=flow_of(order.headers),
            state=RUNNING if is_running else QUEUED,
            priority=_priority(options.priority, order, turn=turn),
            runs=1 if is_running else 0,
            owner=self._worker_id if is_running else None,
            is_sent=False,
            is_cancelled=False,
            not_before_us=now_us,
            created_at_us=now_us,
            started_at_us=now_us if is_running else None,
            ended_at_us=None,
            expires_at_us=now_us + (options.keep_s + options.max_age_s) * 1_000_000,
            parts_done=None,
            parts_total=None,
            order=None if content is None else seals.seal(content, "jobs", id, "order"),
            reply_status=None,
            reply=None,
            callback_url=None if url is None else seals.seal(url.encode(), "jobs", id, "callback"),
            is_told=False,
        )


def _priority(own: Priority, order: Order, *, turn: int) -> int:
    """Return the number by which jobs are brought to workers, the lowest first.

    Within a class tenants take turns: the first job of each goes before the second of any.
    """
    asked = order.headers.get(PRIORITY_HEADER, own).strip().lower()
    if asked not in _CLASSES:
        raise InvalidInputError(
            f"The header X-Hookline-Priority is one of {', '.join(_CLASSES)}, not {asked[:40]!r}.",
            field=PRIORITY_HEADER,
        )
    return max(_CLASSES[own], _CLASSES[asked]) + min(turn, 999_998) + 1
