"""Removing old rows, a few at a time, so that nobody else waits long. Imports SQLAlchemy: import it late."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from hookline.store.tables import USAGE_ROWS
from hookline_ledger.rows import to_us

if TYPE_CHECKING:
    from sqlalchemy import Select

    from hookline.store.database import Database

LOCK_S = 0.05
"""Time for which a batch aims to hold the lock; the next batch is made smaller or larger by it."""

_FIRST_ROWS = 500
_MAX_ROWS = 20_000
_LOOK_EVERY_S = 600.0


class Purger:
    """Removes rows in batches by id, oldest first.

    Two that run at the same time, such as of two workers, do no harm: each takes what is there.

    Args:
        database: Where the rows are.
        measure: Tells seconds.

    Attributes:
        longest_s: Longest time that a batch held the lock so far.
    """

    def __init__(self, database: Database, *, measure: Callable[[], float] = time.perf_counter) -> None:
        self._database = database
        self._measure = measure
        self._batch_rows = _FIRST_ROWS
        self.longest_s = 0.0

    def count_before(self, before: datetime) -> int:
        """Return how many rows are older than a time.

        Raises:
            StoreUnavailableError: If the database cannot be used now.
        """
        counted = select(func.count()).where(USAGE_ROWS.c.at_us < to_us(before))
        with self._database.connect() as connection:
            return connection.execute(counted).scalar_one()

    def remove_before(self, before: datetime) -> int:
        """Remove one batch of the rows that are older than a time; return how many it had.

        Raises:
            StoreUnavailableError: If the database cannot be used now.
        """
        oldest = select(USAGE_ROWS.c.id).where(USAGE_ROWS.c.at_us < to_us(before))
        return self._remove(oldest.order_by(USAGE_ROWS.c.at_us))

    def remove_beyond(self, max_rows: int) -> int:
        """Remove one batch of the rows that are not among the newest; return how many it had.

        What is newest is told by the id. Ids have gaps, so a little fewer may be kept; to count the rows
        each time would take long.

        Raises:
            StoreUnavailableError: If the database cannot be used now.
        """
        newest = select(func.max(USAGE_ROWS.c.id)).scalar_subquery()
        beyond = select(USAGE_ROWS.c.id).where(USAGE_ROWS.c.id <= newest - max_rows)
        return self._remove(beyond.order_by(USAGE_ROWS.c.id))

    def _remove(self, ids: Select[tuple[int]]) -> int:
        batch = ids.limit(self._batch_rows)
        if self._database.dialect == "postgresql":
            batch = batch.with_for_update(skip_locked=True)
        with self._database.begin() as connection:
            began = self._measure()
            removed = connection.execute(delete(USAGE_ROWS).where(USAGE_ROWS.c.id.in_(batch))).rowcount
            took_s = self._measure() - began
        self.longest_s = max(self.longest_s, took_s)
        if took_s > LOCK_S:
            self._batch_rows = max(1, self._batch_rows // 2)
        elif took_s < LOCK_S / 3 and removed == self._batch_rows:
            self._batch_rows = min(_MAX_ROWS, 2 * self._batch_rows)
        return removed


def remove_all(
    purger: Purger, before: datetime, *, sleep: Callable[[float], object] = time.sleep
) -> Iterator[int]:
    """Remove all rows that are older than a time; yield the size of each batch.

    After a batch the database is left alone for as long as it took, so that others get their turn.

    Raises:
        StoreUnavailableError: If the database cannot be used any more.
    """
    began = time.perf_counter()
    while removed := purger.remove_before(before):
        took_s = time.perf_counter() - began
        yield removed
        sleep(took_s)
        began = time.perf_counter()


class Retention:
    """Keeps the ledger within its bounds, one batch whenever it is given time.

    Args:
        purger: Removes rows.
        max_age_days: Days after which a row goes; 0 for no bound.
        max_rows: Most rows; 0 for no bound.
        now: Tells the date and time.
        measure: Tells seconds.
    """

    def __init__(
        self,
        purger: Purger,
        *,
        max_age_days: int,
        max_rows: int,
        now: Callable[[], datetime],
        measure: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._purger = purger
        self._max_age = timedelta(days=max_age_days)
        self._max_rows = max_rows
        self._now = now
        self._measure = measure

    def tend(self) -> float:
        """Remove one batch; return how many seconds to leave the database alone before the next.

        Raises:
            StoreUnavailableError: If the database cannot be used now.
        """
        began = self._measure()
        removed = 0
        if self._max_age:
            removed = self._purger.remove_before(self._now() - self._max_age)
        if self._max_rows and not removed:
            removed = self._purger.remove_beyond(self._max_rows)
        return self._measure() - began if removed else _LOOK_EVERY_S
