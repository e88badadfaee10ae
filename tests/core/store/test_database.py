"""What every block does, on both kinds of databases."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, func, select, text

from hookline.errors import ConfigurationError, InvalidInputError, StoreUnavailableError
from hookline.store.database import ConflictError, Database, StatementRefusedError
from hookline.store.tables import KEYS, METADATA, REPLAY_IDS, STORE_STATE, USAGE_ROWS

if TYPE_CHECKING:
    from servers import NewDatabase

CANARY = "canary-5c1f"


def remember(connection: Connection, id: str, *, scope: str = "here") -> None:
    connection.execute(REPLAY_IDS.insert().values(scope=scope, id=id, expires_at_us=1))


def ids(database: Database) -> list[str]:
    with database.connect() as connection:
        return list(connection.execute(select(REPLAY_IDS.c.id).order_by(REPLAY_IDS.c.id)).scalars())


def test_using_nothing_imports_nothing() -> None:
    program = """
import sys
from pathlib import Path
from hookline.store.audit import AuditLog
from hookline.store.database import Database
AuditLog(Database("postgresql://a:b@127.0.0.1:1/c", state_dir=None)).close()
AuditLog(Database(None, state_dir=Path("nowhere"))).close()
print([name for name in ("sqlalchemy", "alembic", "psycopg") if name in sys.modules])
with Database(None, state_dir=None).begin():
    print("alembic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["[]", "False"]


def test_a_transaction_is_kept_and_seen_by_others(database: Database, new_database: NewDatabase) -> None:
    with database.begin() as connection:
        remember(connection, "one")

    assert ids(database) == ids(new_database()) == ["one"]


def test_a_block_that_raises_is_undone_and_its_error_is_left_as_it_is(database: Database) -> None:
    error = InvalidInputError("Not this.")

    def fail(connection: Connection) -> None:
        remember(connection, "one")
        raise error

    with pytest.raises(InvalidInputError) as caught, database.begin() as connection:
        fail(connection)

    assert caught.value is error
    assert ids(database) == []


def test_an_error_of_a_file_inside_a_block_is_not_taken_for_one_of_the_store(database: Database) -> None:
    with pytest.raises(FileNotFoundError), database.begin():
        raise FileNotFoundError


def test_a_second_row_with_the_same_unique_values_is_a_conflict(database: Database) -> None:
    with database.begin() as connection:
        remember(connection, "one")

    with pytest.raises(ConflictError), database.begin() as connection:
        remember(connection, "one")
    with database.begin() as connection:
        remember(connection, "one", scope="elsewhere")

    assert ids(database) == ["one", "one"]


def test_other_broken_rules_are_no_conflict(database: Database) -> None:
    with pytest.raises(StatementRefusedError), database.begin() as connection:
        connection.execute(REPLAY_IDS.insert().values(scope="here", id="one", expires_at_us=None))


@pytest.mark.parametrize("mistake", ["conflict", "missing", "syntax"])
def test_no_error_quotes_a_value_or_the_statement_it_stood_in(database: Database, mistake: str) -> None:
    """S23: what a driver says about a row holds the row."""

    def make_it(connection: Connection) -> None:
        if mistake == "conflict":
            remember(connection, CANARY)
            remember(connection, CANARY)
        elif mistake == "missing":
            connection.execute(REPLAY_IDS.insert().values(scope=CANARY, id=CANARY, expires_at_us=None))
        else:
            connection.execute(text("SELEKT :value"), {"value": CANARY})

    with pytest.raises((ConflictError, StatementRefusedError)) as caught, database.begin() as connection:
        make_it(connection)

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


def test_rows_and_values_are_in_no_log_at_any_level(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """S23: SQLAlchemy would log rows where everything is logged."""
    with caplog.at_level(logging.DEBUG):
        with database.begin() as connection:
            remember(connection, CANARY)
        assert ids(database) == [CANARY]
        with pytest.raises(ConflictError), database.begin() as connection:
            remember(connection, CANARY)

    assert CANARY not in caplog.text


def test_a_block_that_reads_cannot_write(database: Database) -> None:
    with pytest.raises(StatementRefusedError, match="only reads"), database.connect() as connection:
        remember(connection, "one")

    with database.begin() as connection:  # and the next one can
        remember(connection, "two")
    assert ids(database) == ["two"]


def test_a_block_inside_a_block_is_a_mistake_that_is_told_at_once(database: Database) -> None:
    with database.begin(), pytest.raises(RuntimeError, match="inside another"), database.connect():
        pass

    assert ids(database) == []


def test_a_statement_that_takes_too_long_is_ended(database: Database) -> None:
    """S6, S37."""
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "postgresql": "SELECT pg_sleep(60)",
    }
    began_at = time.monotonic()

    with (
        pytest.raises(StoreUnavailableError, match="took too long") as caught,
        database.connect(timeout_s=0.3) as connection,
    ):
        connection.execute(text(slow[database.dialect]))

    assert 0.2 < time.monotonic() - began_at < 5.0
    assert caught.value.status == 503
    assert ids(database) == []


def test_all_connections_in_use_is_told_after_a_bounded_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S37: pool exhausted."""
    from hookline.store import bounds

    monkeypatch.setattr(bounds, "POOL_WAIT_S", 0.3)
    release = threading.Event()
    ready = threading.Barrier(bounds.POOL_SIZE + 1)

    def hold() -> None:
        with database.connect() as connection:
            connection.execute(text("SELECT 1"))
            ready.wait(timeout=20.0)
            release.wait(timeout=20.0)

    with ThreadPoolExecutor(bounds.POOL_SIZE) as threads:
        holders = [threads.submit(hold) for _ in range(bounds.POOL_SIZE)]
        try:
            ready.wait(timeout=20.0)
            began_at = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="in use"), database.connect():
                pass
            assert time.monotonic() - began_at < 3.0
        finally:
            release.set()
        for holder in holders:
            holder.result(timeout=20.0)

    assert ids(database) == []


def test_threads_and_their_transactions_do_not_lose_an_update(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(STORE_STATE.insert().values(name="count", value="0"))

    def add_one(_: int) -> None:
        with database.begin() as connection:
            mine = select(STORE_STATE.c.value).where(STORE_STATE.c.name == "count").with_for_update()
            value = int(connection.execute(mine).scalar_one())
            connection.execute(
                STORE_STATE.update().where(STORE_STATE.c.name == "count").values(value=str(value + 1))
            )

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(add_one, range(200)))

    with database.connect() as connection:
        assert connection.execute(select(STORE_STATE.c.value)).scalar_one() == "200"


@pytest.mark.parametrize(
    "hostile",
    ["' OR 1=1 --", '"; DROP TABLE keys; --', "100%_\\", "\x1b[2J", "日本語 🔑", ":name %(name)s ?"],
)
def test_values_are_never_read_as_sql(database: Database, hostile: str) -> None:
    """S6."""
    with database.begin() as connection:
        remember(connection, hostile)
        remember(connection, "other")

    with database.connect() as connection:
        found = connection.execute(select(REPLAY_IDS.c.id).where(REPLAY_IDS.c.id == hostile)).scalars().all()
        assert found == [hostile]
        assert connection.execute(select(func.count()).select_from(KEYS)).scalar_one() == 0


def test_every_column_gives_back_what_was_put_in(database: Database) -> None:
    row = {
        "call_id": "call_1",
        "parent_id": None,
        "at_us": 1_795_000_000_000_000,
        "key_id": "k",
        "tenant": "t",
        "end_user": None,
        "flow": "nightly",
        "action": "openai.chat",
        "door": "actions",
        "connection": "openai",
        "model": None,
        "input_tokens": 2**40,
        "output_tokens": 0,
        "cached_tokens": None,
        "reasoning_tokens": None,
        "cost_nano_usd": None,
        "is_estimated": False,
        "status": 200,
        "error_code": None,
        "attempts": 1,
        "first_byte_ms": None,
        "total_ms": 12,
        "is_stream": True,
        "is_internal": False,
    }
    with database.begin() as connection:
        connection.execute(USAGE_ROWS.insert(), [row, {**row, "call_id": "call_2"}])

    with database.connect() as connection:
        found = [
            dict(one._mapping) for one in connection.execute(USAGE_ROWS.select().order_by(USAGE_ROWS.c.id))
        ]
    assert found == [{"id": 1, **row}, {"id": 2, **row, "call_id": "call_2"}]


def test_the_status_names_place_revision_size_and_rows(database: Database) -> None:
    with database.begin() as connection:
        remember(connection, "one")

    found = database.status()

    assert (found.where, found.dialect) == (database.url_shown, database.dialect)
    assert (found.revision, found.head, found.problem) == ("0004", "0004", None)
    assert found.size_bytes is not None
    assert found.size_bytes > 50_000
    assert found.rows == {name: int(name == "replay_ids") for name in METADATA.tables}


def test_a_database_that_works_is_ready(database: Database) -> None:
    assert database.ping() is None


def test_readiness_is_looked_at_once_a_second_however_often_it_is_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(database, "_look", lambda: looks.append(1))

    for _ in range(100):
        database.ping()

    assert len(looks) == 1


def test_a_closed_database_is_unavailable_and_says_so(database: Database) -> None:
    assert ids(database) == []
    database.close()

    with pytest.raises(StoreUnavailableError, match="closed"):
        ids(database)


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "hookline.store.postgresql", raising=False)
    database = Database("postgresql://ada:word@127.0.0.1:1/gate", state_dir=None)

    with pytest.raises(ConfigurationError, match="psycopg") as caught, database.connect():
        pass

    assert "pip install 'hookline[postgres]'" in caught.value.hint
    assert "word" not in caught.value.message


@pytest.fixture
def in_memory() -> Iterator[Database]:
    database = Database(None, state_dir=None)
    yield database
    database.close()


def test_a_database_in_memory_is_shared_by_threads_and_by_nobody_else(in_memory: Database) -> None:
    def add(number: int) -> None:
        with in_memory.begin() as connection:
            remember(connection, f"{number:03}")

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(add, range(100)))

    assert ids(in_memory) == [f"{number:03}" for number in range(100)]
    other = Database(None, state_dir=None)
    assert ids(other) == []
    other.close()


def test_a_database_in_memory_undoes_what_raises(in_memory: Database) -> None:
    def fail(connection: Connection) -> None:
        remember(connection, "one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), in_memory.begin() as connection:
        fail(connection)

    assert ids(in_memory) == []
    assert in_memory.ping() is None
    assert in_memory.status().where == "sqlite:///:memory:"


def test_the_sqlite_file_and_its_folder_are_for_their_owner_only(sqlite: Database, sqlite_path: Path) -> None:
    """S36."""
    with sqlite.begin() as connection:
        remember(connection, "one")

    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in sqlite_path.parent.iterdir()}
    assert modes == dict.fromkeys(
        ("hookline.sqlite3", "hookline.sqlite3-shm", "hookline.sqlite3-wal"), "0o600"
    )
    assert oct(sqlite_path.parent.stat().st_mode & 0o777) == "0o700"


def test_sqlite_is_set_up_for_readers_beside_a_writer(sqlite: Database) -> None:
    with sqlite.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 2000}


def test_postgresql_ends_what_takes_too_long_by_itself(postgres_url: str) -> None:
    database = Database(postgres_url, state_dir=None)
    with database.connect() as connection:
        found = {
            name: connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("statement_timeout", "lock_timeout", "transaction_read_only", "application_name")
        }
    database.close()

    assert found == {
        "statement_timeout": "5s",
        "lock_timeout": "2s",
        "transaction_read_only": "on",
        "application_name": "hookline",
    }
