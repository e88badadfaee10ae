"""What the hooks, routes and commands of jobs work with; nothing heavy is made before the first job."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import ReferenceType, WeakKeyDictionary, ref

from hookline.errors import HooklineError, InvalidInputError
from hookline.items import fields_of
from hookline.order import CALLBACK_URL, ITEMS
from hookline.routes import Reply
from hookline_jobs import answers
from hookline_jobs.options import JobsOptions
from hookline_jobs.wishes import has_wish, read_wish, without_wishes

if TYPE_CHECKING:
    from hookline import Call, Order, Principal, Proceed
    from hookline.gateway import Gateway
    from hookline_jobs.desk import Desk
    from hookline_jobs.engine import JobEngine
    from hookline_jobs.keeper import Keeper
    from hookline_jobs.runs import Runs
    from hookline_jobs.waiting import WaitingRoom
    from hookline_jobs.wishes import Wish

# An office refers to its gateway, so that what refers to it from here must be weak, too.
_OFFICES: WeakKeyDictionary[Gateway, ReferenceType[Office]] = WeakKeyDictionary()

MakeEngine = Callable[["Gateway", JobsOptions, str], "JobEngine"]


class Office:
    """Runs orders now, later, or now and then later.

    Args:
        gateway: The gateway.
        make_engine: Makes the queue.
        pace: How much of a second a second takes for those who wait; to try long waits out.
    """

    def __init__(self, gateway: Gateway, *, make_engine: MakeEngine, pace: float = 1.0) -> None:
        self.gateway = gateway
        self.options = gateway.options_of(JobsOptions)
        self.worker_id = f"worker_{secrets.token_hex(8)}"
        self._make_engine = make_engine
        self._pace = pace
        self._has_defaults = self.options.is_set("profile", "wait_s")
        self._delivers = gateway.host.has("hookline_job_over")
        self._lock = threading.Lock()
        self._parts: tuple[Desk, Runs, Keeper, WaitingRoom] | None = None
        self._is_closed = False
        _OFFICES[gateway] = ref(self)

    @property
    def desk(self) -> Desk:
        """Where jobs are taken in."""
        return self._made()[0]

    @property
    def keeper(self) -> Keeper:
        """What looks after jobs."""
        return self._made()[2]

    def run(self, principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
        """Answer an order as its caller wishes; None if there is nothing but to wait for it.

        Raises:
            HooklineError: If it is refused.
        """
        if order.is_detached or not (self._has_defaults or has_wish(order)):
            return None
        action = self.gateway.catalog.get(order.action_id)
        has_own_items = action is not None and ITEMS in fields_of(action)
        wish = read_wish(order, principal, self.options, has_own_items=has_own_items)
        if wish is None or (wish.wait_s is not None and wish.wait_s >= self._most_s and not wish.is_async):
            return None
        if wish.callback_url is not None and not self._delivers:
            raise InvalidInputError(
                "No plugin of this gateway posts results, so `callback_url` cannot be used.",
                field=CALLBACK_URL,
                hint="Send `Prefer: respond-async` and fetch the result from `Location`.",
            )
        if wish.is_async and wish.wait_s == 0:
            return self.desk.accept(principal, order, wish)
        return self._run_within(principal, order, proceed, wish)

    def note_sent(self, call: Call) -> None:
        """Note that the upstream may have been asked by a call."""
        if self._parts is not None:
            self._parts[1].note_sent(call)

    def begin(self) -> None:
        """Look after what earlier processes left, if there is anything; nobody waits for finding out."""
        threading.Thread(target=self._begin, name="hookline-jobs-left", daemon=True).start()

    def _begin(self) -> None:
        try:
            if self.gateway.database.is_made() and self._has_unfinished():
                self.keeper.wake()
        except HooklineError:
            self.keeper.wake()  # it looks again until the database answers

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._is_closed = True
            parts = self._parts
        if parts is not None:
            _, _, keeper, room = parts
            room.close()
            keeper.close(grace_s=self.options.base.grace_s)

    @property
    def _most_s(self) -> float:
        return self.gateway.settings.limits.timeout_s

    def _run_within(self, principal: Principal, order: Order, proceed: Proceed, wish: Wish) -> Reply:
        desk, _, _, room = self._made()
        wait_s = self._most_s if wish.wait_s is None else min(wish.wait_s, self._most_s)
        plain = replace(order, fields=without_wishes(order)) if wish.callback_url is not None else order

        came = room.run(desk.draft(principal, order, wish), plain, proceed, wait_s=wait_s * self._pace)
        if isinstance(came, Reply):
            if wish.applied:
                came.headers.append(("preference-applied", ", ".join(wish.applied)))
            return came
        if wish.is_async:
            return answers.accepted(
                came.id,
                state="running",
                url_of=self.gateway.url_of,
                applied=wish.applied,
                callback=wish.callback_url is not None,
            )
        is_wire = order.endpoint is not None
        raise answers.deadline_passed(came.id, wait_s, is_wire=is_wire, url_of=self.gateway.url_of)

    def _has_unfinished(self) -> bool:
        from hookline_jobs.job_table import JobTable

        return JobTable(self.gateway.database).has_unfinished()

    def _made(self) -> tuple[Desk, Runs, Keeper, WaitingRoom]:
        if self._parts is None:
            with self._lock:
                if self._parts is None:
                    self._parts = self._make()
        return self._parts

    def _make(self) -> tuple[Desk, Runs, Keeper, WaitingRoom]:
        from hookline_jobs.desk import Desk
        from hookline_jobs.endings import Endings
        from hookline_jobs.job_table import JobTable
        from hookline_jobs.keeper import Keeper
        from hookline_jobs.runs import Runs
        from hookline_jobs.waiting import WaitingRoom
        from hookline_jobs.worker_table import WorkerTable

        gateway, options = self.gateway, self.options
        table = JobTable(gateway.database)

        def found(action: str, key_id: str) -> JobsOptions:
            return options.find(action_id=action, key_id=key_id)

        endings = Endings(
            gateway,
            table,
            keep_us=lambda row: found(row.action, row.key_id).keep_s * 1_000_000,
            max_reply_bytes=options.base.max_reply_mb * 1_000_000,
        )
        runs = Runs(
            gateway,
            table,
            worker_id=self.worker_id,
            endings=endings,
            max_age_us=lambda row: found(row.action, row.key_id).max_age_s * 1_000_000,
        )
        keeper = Keeper(
            gateway,
            table,
            WorkerTable(gateway.database),
            runs,
            endings,
            self._make_engine(gateway, options.base, self.worker_id),
            worker_id=self.worker_id,
            dead_after_s=options.base.dead_after_s,
        )
        desk = Desk(
            gateway,
            table,
            runs,
            endings,
            options,
            worker_id=self.worker_id,
            announce=keeper.announce,
            wake=keeper.wake,
        )
        room = WaitingRoom(runs, endings, desk.adopt, max_waiting=gateway.settings.server.threads)
        return desk, runs, keeper, room


def office_of(gateway: Gateway) -> Office:
    """Return the office of a gateway, for commands.

    Raises:
        KeyError: If the gateway has none, or is gone.
    """
    office = _OFFICES[gateway]()
    if office is None:
        raise KeyError(gateway)
    return office


def make_engine(gateway: Gateway, options: JobsOptions, worker_id: str) -> JobEngine:
    """Return the queue that fits where the gateway keeps its state."""
    url = gateway.settings.database_url
    is_postgresql = gateway.database.dialect == "postgresql"
    if not is_postgresql and gateway.database.path is None:
        from hookline_jobs.memory_engine import MemoryEngine

        return MemoryEngine(running=options.running, running_per_lane=options.running_per_connection)
    from hookline_jobs.dbos_engine import DbosEngine

    return DbosEngine(
        url=url.get_secret_value() if url is not None and is_postgresql else None,
        folder=None if gateway.database.path is None else gateway.database.path.parent,
        worker_id=worker_id,
        running=options.running,
        running_per_lane=options.running_per_connection,
    )
