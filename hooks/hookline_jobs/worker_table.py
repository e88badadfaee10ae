"""The table ``job_workers``: which processes run jobs, and when they were last seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from hookline.store.tables import JOB_WORKERS

if TYPE_CHECKING:
    from hookline.store.database import Database


class WorkerTable:
    """Reads and writes signs of life.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, id: str, *, now_us: int) -> None:
        """Write that a worker is alive."""
        with self._database.begin() as connection:
            seen = connection.execute(
                update(JOB_WORKERS).where(JOB_WORKERS.c.id == id).values(seen_at_us=now_us)
            )
            if seen.rowcount == 0:
                connection.execute(insert(JOB_WORKERS).values(id=id, started_at_us=now_us, seen_at_us=now_us))

    def alive(self, *, since_us: int) -> set[str]:
        """Return the workers that were seen since a time."""
        with self._database.connect() as connection:
            return set(
                connection.execute(
                    select(JOB_WORKERS.c.id).where(JOB_WORKERS.c.seen_at_us >= since_us)
                ).scalars()
            )

    def leave(self, id: str) -> None:
        """Forget a worker that ends."""
        with self._database.begin() as connection:
            connection.execute(delete(JOB_WORKERS).where(JOB_WORKERS.c.id == id))

    def forget(self, *, before_us: int) -> None:
        """Forget workers that were not seen for long."""
        with self._database.begin() as connection:
            connection.execute(delete(JOB_WORKERS).where(JOB_WORKERS.c.seen_at_us < before_us))
