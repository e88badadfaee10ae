"""A queue that outlives processes: DBOS on SQLite or PostgreSQL.

What a job is stands in the gateway's own table; DBOS keeps only which run of which job is to be brought to a
worker, in which order, and how many at a time. It is imported when the first job comes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hookline.errors import StoreUnavailableError
from hookline.store import write_ahead

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from hookline_jobs.engine import RunJob, Ticket

FILE = "jobs.sqlite3"
SCHEMA = "hookline_jobs"
_QUEUE = "jobs"
_WORKFLOW = "hookline.job"
_VERSION = "1"  # ours: a release of the gateway must run what one before it queued
_POLL_S = 0.2
_LOCK_WAIT_S = 5.0
_WAITING = frozenset({"ENQUEUED", "DELAYED"})
_MOST_AT_ONCE = 200

_log = logging.getLogger("hookline.jobs")


class DbosEngine:
    """Brings jobs to the workers of all processes that share a database.

    DBOS has room for one engine in a process.

    Args:
        url: Address of a PostgreSQL database; None for a file.
        folder: Where the file is.
        worker_id: Id of this process among those that share the database.
        running: How many jobs this process runs at the same time; none if it is 0.
        running_per_lane: How many of one lane run at the same time, over all processes.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _current: ClassVar[DbosEngine | None] = None

    def __init__(
        self, *, url: str | None, folder: Path | None, worker_id: str, running: int, running_per_lane: int
    ) -> None:
        self._url = url
        self._folder = folder
        self._worker_id = worker_id
        self._running = running
        self._running_per_lane = running_per_lane
        self._sqlite: Engine | None = None

    def start(self, run: RunJob) -> None:
        """Open the queue, and make it if it is not there.

        Raises:
            StoreUnavailableError: If it cannot be opened, or another gateway of this process has one open.
        """
        with DbosEngine._lock:
            if DbosEngine._current is not None:
                raise StoreUnavailableError(
                    "Another gateway of this process runs jobs; a process has room for one."
                )
            try:
                self._launch(run)
            except Exception as exc:
                self._destroy()
                raise StoreUnavailableError("The queue of jobs cannot be opened.") from exc
            DbosEngine._current = self

    def put(self, ticket: Ticket) -> None:
        """Queue a run; one that is queued already is left alone."""
        from dbos import DBOS, EnqueueOptions

        options: EnqueueOptions = {
            "workflow_name": _WORKFLOW,
            "queue_name": _QUEUE,
            "workflow_id": ticket.id,
            "app_version": _VERSION,
            "priority": ticket.priority,
            "queue_partition_key": ticket.lane,
        }
        if ticket.delay_s > 0:
            options["delay_seconds"] = ticket.delay_s
        DBOS.enqueue_workflow_with_options(options, ticket.job_id, ticket.run)

    def lost(self, tickets: Sequence[Ticket], *, alive: Collection[str]) -> list[Ticket]:
        """Return those that are neither queued nor in the hands of a worker that is alive."""
        from dbos import DBOS

        found = {
            status.workflow_id: status
            for at in range(0, len(tickets), _MOST_AT_ONCE)
            for status in DBOS.list_workflows(
                workflow_ids=[ticket.id for ticket in tickets[at : at + _MOST_AT_ONCE]],
                load_input=False,
                load_output=False,
            )
        }
        lost = []
        for ticket in tickets:
            status = found.get(ticket.id)
            is_held = status is not None and status.status == "PENDING" and status.executor_id in alive
            if status is None or not (status.status in _WAITING or is_held):
                lost.append(ticket)
        return lost

    def sweep(self, *, alive: Collection[str]) -> None:
        """Remove runs that dead workers hold: DBOS counts them as running, whoever has them."""
        from dbos import DBOS

        held = DBOS.list_workflows(
            status="PENDING", queue_name=_QUEUE, load_input=False, load_output=False, limit=_MOST_AT_ONCE
        )
        self.forget([one.workflow_id for one in held if one.executor_id not in alive])

    def forget(self, ids: Sequence[str]) -> None:
        """Remove runs that are over."""
        from dbos import DBOS

        for at in range(0, len(ids), _MOST_AT_ONCE):  # nothing for none
            DBOS.delete_workflows(list(ids[at : at + _MOST_AT_ONCE]))

    def stop(self, *, within_s: float) -> None:
        """Take nothing more, and wait for what runs, but not for long."""
        with DbosEngine._lock:
            if DbosEngine._current is not self:
                return
            self._destroy(within_s=within_s)
            DbosEngine._current = None

    def _launch(self, run: RunJob) -> None:
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        config: DBOSConfig = {
            "name": "hookline",
            "executor_id": self._worker_id,
            "application_version": _VERSION,
            "serializer": DBOSPortableJSONSerializer(),  # and never pickle
            "enable_otlp": False,
            "log_level": "ERROR",
            "max_executor_threads": self._running + 8,
        }
        if self._url is not None:
            config["system_database_url"] = self._url
            config["dbos_system_schema"] = SCHEMA
        else:
            assert self._folder is not None  # one of the two is given
            path = self._folder / FILE
            config["system_database_url"] = f"sqlite:///{path}"
            config["system_database_engine"] = self._sqlite = _open_sqlite(path)
        DBOS(config=config)

        @DBOS.workflow(name=_WORKFLOW)
        def job(job_id: str, number: int) -> None:
            run(job_id, number)

        if not self._running:
            DBOS.listen_queues([])
        DBOS.launch()
        DBOS.register_queue(
            _QUEUE,
            worker_concurrency=max(1, self._running),
            partition_concurrency=self._running_per_lane,
            polling_interval_sec=_POLL_S,
            on_conflict="always_update",
        )

    def _destroy(self, *, within_s: float = 0) -> None:
        from dbos import DBOS

        try:
            DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=int(within_s))
        except Exception:  # it is over anyway
            _log.exception("the queue of jobs could not be closed")
        if self._sqlite is not None:
            self._sqlite.dispose()
            self._sqlite = None


def _open_sqlite(path: Path) -> Engine:
    """Return the engine of a file for its owner only, with a write-ahead log.

    With the settings that DBOS itself would take every step waits for the disk.
    """
    import os
    import sqlite3
    from contextlib import closing, suppress

    from sqlalchemy import create_engine, event

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(sqlite3.connect(path, timeout=_LOCK_WAIT_S, isolation_level=None)) as connection:
        write_ahead.switch_on(connection, within_s=_LOCK_WAIT_S)
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": _LOCK_WAIT_S, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    return engine
