"""The table ``jobs``: each step of a job is one statement that only takes effect if nobody was faster."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, func, insert, literal, or_, select, tuple_, update

from hookline.store.bounds import STATEMENT_TIMEOUT_S
from hookline.store.tables import JOBS
from hookline_jobs.rows import CANCELLED, IN_QUEUE, MOST_BEFORE, QUEUED, RUNNING, UNFINISHED, JobRow, row_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Update

    from hookline.job import JobState
    from hookline.store.database import Database

_LARGE_TIMEOUT_S = 60.0
_CONTENT = ("order", "reply", "callback_url")
_NAMES = [column.name for column in JOBS.c]
_LIGHT = [column for column in JOBS.c if column.name not in _CONTENT]

_BY_AGE: Sequence[ColumnElement[Any]] = (JOBS.c.created_at_us, JOBS.c.id)
_NEWEST_FIRST = [column.desc() for column in _BY_AGE]
_BY_END = (JOBS.c.expires_at_us,)

# Made once: putting a statement together takes longer than carrying it out.
_INSERT = insert(JOBS)
_COUNT = select(func.count()).select_from(JOBS).where(JOBS.c.state == QUEUED)
_COUNT_THEIRS = select(func.count().filter(JOBS.c.state == QUEUED), func.count()).where(
    JOBS.c.tenant == bindparam("asked_for"), JOBS.c.state.in_(UNFINISHED)
)


class JobTable:
    """Reads and writes jobs.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------ one job

    def add(self, row: JobRow) -> None:
        """Write a new row."""
        with self._database.begin() as connection:
            connection.execute(_INSERT, {name: getattr(row, name) for name in _NAMES})

    def get(self, id: str) -> JobRow | None:
        """Return a job with all that is kept of it."""
        with self._database.connect() as connection:
            found = connection.execute(select(JOBS).where(JOBS.c.id == id)).mappings().first()
        return None if found is None else row_of(found)

    def begin(self, id: str, run: int, *, owner: str, now_us: int) -> JobRow | None:
        """Take a job that waits for this run; None if it does not any more."""
        with self._database.begin() as connection:
            mine = and_(JOBS.c.id == id, JOBS.c.state == QUEUED, JOBS.c.runs == run - 1)
            began = connection.execute(
                update(JOBS).where(mine).values(state=RUNNING, runs=run, owner=owner, started_at_us=now_us)
            )
            if began.rowcount != 1:  # unless it was this very step, whose answer got lost
                again = and_(JOBS.c.state == RUNNING, JOBS.c.runs == run, JOBS.c.owner == owner)
                found = connection.execute(select(JOBS).where(JOBS.c.id == id, again)).mappings().first()
                return None if found is None else row_of(found)
            return row_of(connection.execute(select(JOBS).where(JOBS.c.id == id)).mappings().one())

    def mark_sent(self, id: str, run: int) -> bool:
        """Note that the upstream may have been asked; False if the job is not this run's any more."""
        return self._change(_running(id, run).values(is_sent=True))

    def report(self, id: str, run: int, *, done: int, total: int) -> None:
        """Note how far a job has come."""
        self._change(_running(id, run).values(parts_done=done, parts_total=total))

    def finish(
        self,
        id: str,
        run: int,
        *,
        state: JobState,
        status: int,
        reply: bytes,
        now_us: int,
        expires_at_us: int,
    ) -> bool:
        """Keep the reply of a job; False if the job is not this run's any more."""
        return self._change(
            timeout_s=_LARGE_TIMEOUT_S,
            statement=_running(id, run).values(
                state=state,
                reply_status=status,
                reply=reply,
                order=None,
                ended_at_us=now_us,
                expires_at_us=expires_at_us,
            ),
        )

    def put_back(self, id: str, run: int, *, not_before_us: int) -> bool:
        """Let a job wait again; False if somebody cancelled it, or it is not this run's any more."""
        return self._change(
            _running(id, run)
            .where(JOBS.c.is_cancelled.is_(False))
            .values(state=QUEUED, owner=None, is_sent=False, not_before_us=not_before_us)
        )

    def cancel_waiting(self, id: str, *, status: int, reply: bytes, now_us: int, expires_at_us: int) -> bool:
        """End a job that has not begun; False if it has, or is over."""
        waiting = update(JOBS).where(JOBS.c.id == id, JOBS.c.state == QUEUED)
        return self._change(
            waiting.values(
                state=CANCELLED,
                is_cancelled=True,
                reply_status=status,
                reply=reply,
                order=None,
                ended_at_us=now_us,
                expires_at_us=expires_at_us,
            )
        )

    def ask_to_cancel(self, id: str) -> bool:
        """Leave word for the worker of a job that runs; False if it does not."""
        return self._change(
            update(JOBS).where(JOBS.c.id == id, JOBS.c.state == RUNNING).values(is_cancelled=True)
        )

    def told(self, id: str) -> None:
        """Note that all plugins were told that a job is over."""
        self._change(update(JOBS).where(JOBS.c.id == id).values(is_told=True))

    # ------------------------------------------------------------ many jobs

    def count_waiting(self) -> int:
        """Return how many jobs wait."""
        with self._database.connect() as connection:
            return int(connection.execute(_COUNT).scalar_one())

    def count_of(self, tenant: str) -> tuple[int, int]:
        """Return how many jobs of a tenant wait, and how many of it are not over."""
        with self._database.connect() as connection:
            waiting, unfinished = connection.execute(_COUNT_THEIRS, {"asked_for": tenant}).one()
        return int(waiting), int(unfinished)

    def position(self, row: JobRow) -> int:
        """Return how many jobs go before one that waits, counted up to `MOST_BEFORE`."""
        earlier = tuple_(JOBS.c.priority, JOBS.c.created_at_us) < (row.priority, row.created_at_us)
        with self._database.connect() as connection:
            before = select(literal(1)).select_from(JOBS).where(JOBS.c.state == QUEUED, earlier)
            counted = select(func.count()).select_from(before.limit(MOST_BEFORE).subquery())
            return int(connection.execute(counted).scalar_one())

    def page(
        self,
        *,
        tenant: str | None = None,
        key_id: str | None = None,
        state: str | None = None,
        before: tuple[int, str] | None = None,
        limit: int,
    ) -> list[JobRow]:
        """Return jobs, the newest first, without their contents; by default those of everybody."""
        wanted: list[ColumnElement[bool]] = []
        if tenant is not None:
            wanted.append(JOBS.c.tenant == tenant)
        if key_id is not None:
            wanted.append(JOBS.c.key_id == key_id)
        if state is not None:
            wanted.append(JOBS.c.state == state)
        if before is not None:
            at_us, id = before
            wanted.append(
                or_(JOBS.c.created_at_us < at_us, and_(JOBS.c.created_at_us == at_us, JOBS.c.id < id))
            )
        return self._light(*wanted, order=_NEWEST_FIRST, limit=limit)

    def to_queue(self, *, now_us: int, limit: int) -> list[JobRow]:
        """Return jobs that wait and are not in the queue yet."""
        return self._light(JOBS.c.state == QUEUED, JOBS.c.owner.is_(None), limit=limit)

    def in_queue(self, *, before_us: int, limit: int) -> list[JobRow]:
        """Return the longest waiting of the jobs that are in the queue and could have begun."""
        return self._light(
            JOBS.c.state == QUEUED, JOBS.c.owner == IN_QUEUE, JOBS.c.not_before_us < before_us, limit=limit
        )

    def mark_queued(self, rows: Sequence[JobRow]) -> None:
        """Note that jobs were put into the queue."""
        with self._database.begin() as connection:
            for row in rows:
                connection.execute(
                    update(JOBS)
                    .where(JOBS.c.id == row.id, JOBS.c.state == QUEUED, JOBS.c.runs == row.runs)
                    .values(owner=IN_QUEUE)
                )

    def skip_run(self, id: str, run: int) -> None:
        """Let a job that the queue has lost, or brought in vain, be put there again under the next number."""
        self._change(
            update(JOBS)
            .where(JOBS.c.id == id, JOBS.c.state == QUEUED, JOBS.c.runs == run - 1)
            .values(owner=None, runs=run)
        )

    def orphans(self, *, alive: Collection[str], limit: int) -> list[JobRow]:
        """Return jobs whose worker is dead."""
        return self._light(JOBS.c.state == RUNNING, JOBS.c.owner.not_in(list(alive)), limit=limit)

    def owned(self, owner: str, *, before_us: int, limit: int) -> list[JobRow]:
        """Return jobs that a worker began before a time and that are not over."""
        return self._light(
            JOBS.c.state == RUNNING, JOBS.c.owner == owner, JOBS.c.started_at_us < before_us, limit=limit
        )

    def to_cancel(self, owner: str) -> list[str]:
        """Return the jobs of a worker that somebody wants to end."""
        with self._database.connect() as connection:
            return list(
                connection.execute(
                    select(JOBS.c.id).where(
                        JOBS.c.state == RUNNING, JOBS.c.owner == owner, JOBS.c.is_cancelled.is_(True)
                    )
                ).scalars()
            )

    def untold(self, *, before_us: int, limit: int) -> list[str]:
        """Return jobs that were over before a time and of which not all plugins were told."""
        with self._database.connect() as connection:
            return list(
                connection.execute(
                    select(JOBS.c.id)
                    .where(
                        JOBS.c.state.not_in(UNFINISHED),
                        JOBS.c.is_told.is_(False),
                        JOBS.c.ended_at_us < before_us,
                    )
                    .order_by(JOBS.c.ended_at_us)
                    .limit(limit)
                ).scalars()
            )

    def has_unfinished(self) -> bool:
        """Tell whether there is anything left to do."""
        wanted = or_(JOBS.c.state.in_(UNFINISHED), JOBS.c.is_told.is_(False))
        with self._database.connect() as connection:
            return connection.execute(select(JOBS.c.id).where(wanted).limit(1)).first() is not None

    def remove_expired(self, *, now_us: int, limit: int) -> list[JobRow]:
        """Remove jobs whose reply is not kept any longer, and return them without their contents."""
        is_over = JOBS.c.state.not_in(UNFINISHED) & JOBS.c.is_told
        rows = self._light(JOBS.c.expires_at_us < now_us, is_over, limit=limit, order=_BY_END)
        if rows:
            with self._database.begin() as connection:
                connection.execute(delete(JOBS).where(JOBS.c.id.in_([row.id for row in rows])))
        return rows

    def _light(
        self, *wanted: ColumnElement[bool], limit: int, order: Sequence[ColumnElement[Any]] = _BY_AGE
    ) -> list[JobRow]:
        query = select(*_LIGHT).where(*wanted).order_by(*order).limit(limit)
        with self._database.connect() as connection:
            found = connection.execute(query).mappings().all()
        return [row_of({**row, **dict.fromkeys(_CONTENT)}) for row in found]

    def _change(self, statement: Update, *, timeout_s: float = STATEMENT_TIMEOUT_S) -> bool:
        with self._database.begin(timeout_s=timeout_s) as connection:
            return connection.execute(statement).rowcount == 1


def _running(id: str, run: int) -> Update:
    return update(JOBS).where(JOBS.c.id == id, JOBS.c.state == RUNNING, JOBS.c.runs == run)
