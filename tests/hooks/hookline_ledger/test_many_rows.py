"""A million rows that wait to go: they go in bounded time and memory, and nobody waits long meanwhile."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from fake_clock import START
from hookline.store.database import Database
from hookline.store.tables import USAGE_ROWS
from hookline_ledger.retention import Purger, Retention, remove_all
from hookline_ledger.rows import to_us

MILLION = 1_000_000
LONGEST_LOCK_S = 0.5  # it aims at 0.05
LONGEST_WAIT_S = 1.0
MOST_MEMORY_MB = 32

_FILL = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) {} FROM n",
    "postgresql": "{} FROM generate_series(1, :count) AS n(i)",
}
_ROWS = """
INSERT INTO usage_rows (call_id, at_us, key_id, tenant, end_user, action, door, connection, model,
input_tokens, output_tokens, cost_nano_usd, is_estimated, status, attempts, first_byte_ms, total_ms,
is_stream, is_internal)
SELECT 'call_' || (1000000000 + i), CAST(:at_us AS BIGINT) + i, 'key' || (i % 50), 'tenant' || (i % 10),
'user' || (i % 1000), 'openai.chat', 'action', 'openai', 'model' || (i % 8), 100, 50, 1000000,
{false}, 200, 1, 100, 200, {false}, {false}
"""


def fill(database: Database, count: int) -> None:
    rows = _ROWS.format(false="false" if database.dialect == "postgresql" else "0")
    at_us = to_us(START - timedelta(days=100))
    statement = _FILL[database.dialect]
    if database.dialect == "sqlite":
        insert, _, values = rows.partition("SELECT")
        statement = insert + statement.format("SELECT" + values)
    else:
        statement = statement.format(rows)
    with database.begin(timeout_s=300) as connection:
        connection.execute(text(statement), {"count": count, "at_us": at_us})


def count(database: Database) -> int:
    with database.connect() as connection:
        return connection.execute(select(func.count()).select_from(USAGE_ROWS)).scalar_one()


class Inserter:
    """Writes a row now and then, as a worker would, and notes how long each took."""

    def __init__(self, database: Database) -> None:
        self.waits_s: list[float] = []
        self._database = database
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Inserter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(30)

    def _run(self) -> None:
        values = {
            **{"at_us": to_us(START), "key_id": "k", "tenant": "t", "action": "a", "door": "action"},
            **{"is_estimated": False, "status": 200, "attempts": 1, "total_ms": 1},
            **{"is_stream": False, "is_internal": False},
        }
        while not self._is_over.is_set():
            began = time.perf_counter()
            with self._database.begin() as connection:
                call_id = f"new_{len(self.waits_s)}"
                connection.execute(USAGE_ROWS.insert().values(call_id=call_id, **values))
            self.waits_s.append(time.perf_counter() - began)
            time.sleep(0.01)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A folder whose half gigabyte does not stay after the test."""
    folder = tmp_path / "state"
    yield folder
    for path in folder.iterdir():
        path.unlink()


def peak_memory_mb() -> float:
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def test_a_million_rows_go_while_others_write(file: Path) -> None:
    database, other = Database(None, state_dir=file), Database(None, state_dir=file)
    fill(database, MILLION)
    purger = Purger(database)
    before_mb = peak_memory_mb()
    with Inserter(other) as inserter:
        removed = sum(remove_all(purger, START - timedelta(days=90)))
    assert removed == MILLION
    assert count(database) == len(inserter.waits_s) > 10
    assert purger.longest_s < LONGEST_LOCK_S
    assert max(inserter.waits_s) < LONGEST_WAIT_S
    assert peak_memory_mb() - before_mb < MOST_MEMORY_MB
    database.close()
    other.close()


def test_several_workers_remove_each_row_once(database: Database, database_url: str) -> None:
    fill(database, 30_000)
    removed: list[int] = []

    def purge() -> None:
        own = Database(database_url, state_dir=None)
        removed.extend(remove_all(Purger(own), START - timedelta(days=90), sleep=lambda seconds: None))
        own.close()

    threads = [threading.Thread(target=purge) for _ in range(4)]
    with Inserter(database) as inserter:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sum(removed) == 30_000
    assert count(database) == len(inserter.waits_s)


def test_the_newest_rows_stay(database: Database) -> None:
    fill(database, 30_000)
    retention = Retention(Purger(database), max_age_days=0, max_rows=1000, now=lambda: START)
    while retention.tend() < 60:
        pass
    assert count(database) == 1000
    with database.connect() as connection:
        oldest = connection.execute(select(func.min(USAGE_ROWS.c.call_id))).scalar_one()
    assert oldest == f"call_{1_000_000_000 + 29_001}"
