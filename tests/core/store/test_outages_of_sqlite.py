"""S37: a SQLite file that cannot be used gives 503 in time, and works again without a restart."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from hookline.errors import StoreUnavailableError
from hookline.store import bounds, status
from hookline.store.database import ConflictError, Database
from hookline.store.tables import STORE_STATE

NOBODY = 65534


def write(database: Database, value: str = "x", *, name: str | None = None) -> None:
    with database.begin() as connection:
        connection.execute(STORE_STATE.insert().values(name=name or os.urandom(8).hex(), value=value))


def read(database: Database) -> int:
    with database.connect() as connection:
        return len(connection.execute(STORE_STATE.select()).all())


def look_anew(database: Database) -> str | None:
    """Return what readiness says, without the memory of the last second."""
    database._pinged = None
    return database.ping()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the only writer from another connection, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Act as somebody whom the rights of files bind, which they do not if the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own is for its owner."""
    folder = Path(tempfile.mkdtemp(prefix="hookline-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_a_file_locked_for_long_refuses_writers_in_bounded_time_and_serves_readers(
    sqlite: Database, sqlite_path: Path
) -> None:
    with locked(sqlite_path):
        began_at = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="locked") as caught:
            write(sqlite)
        assert bounds.LOCK_WAIT_S * 0.9 < time.monotonic() - began_at < bounds.LOCK_WAIT_S + 1.0
        assert caught.value.status == 503

        began_at = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="locked"):
            write(sqlite)
        assert time.monotonic() - began_at < 0.2  # the next ones do not wait
        assert read(sqlite) == 0
        assert "locked" in str(look_anew(sqlite))

    time.sleep(bounds.REST_S)
    write(sqlite)
    assert (read(sqlite), look_anew(sqlite)) == (1, None)


def test_many_writers_at_a_locked_file_all_give_up_in_bounded_time(
    sqlite: Database, sqlite_path: Path
) -> None:
    waits: list[float] = []

    def try_it() -> None:
        began_at = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            write(sqlite)
        waits.append(time.monotonic() - began_at)

    with locked(sqlite_path):
        threads = [threading.Thread(target=try_it) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20.0)

    assert len(waits) == 20
    assert max(waits) < 2 * bounds.LOCK_WAIT_S + 1.0


def test_a_read_only_file_is_read_and_writing_says_why_not(public_folder: Path) -> None:
    path = public_folder / "keys.sqlite3"
    with closing(Database(f"sqlite:///{path}", state_dir=None)) as database:
        write(database)
        path.chmod(0o444)
        for other in public_folder.glob("*.sqlite3-*"):
            other.chmod(0o444)
        public_folder.chmod(0o555)
        with unprivileged(), closing(Database(f"sqlite:///{path}", state_dir=None)) as reader:
            with pytest.raises(StoreUnavailableError, match=r"read-only|opened, read or written") as caught:
                write(reader)
            assert caught.value.status == 503
            assert look_anew(reader) is not None

        public_folder.chmod(0o777)
        for file in public_folder.iterdir():
            file.chmod(0o666)
        write(database)
        assert read(database) == 2


def test_a_file_that_was_made_read_only_works_again_without_a_restart(public_folder: Path) -> None:
    path = public_folder / "keys.sqlite3"
    with unprivileged():
        with closing(Database(f"sqlite:///{path}", state_dir=None)) as database:
            database.upgrade()
        path.chmod(0o444)
        with closing(Database(f"sqlite:///{path}", state_dir=None)) as database:
            with pytest.raises(StoreUnavailableError, match="read-only"):
                write(database)
            for file in public_folder.iterdir():
                file.chmod(0o600)
            write(database)
            assert read(database) == 1


def test_a_folder_that_cannot_be_made_is_unavailable_until_it_can(public_folder: Path) -> None:
    folder = public_folder / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    with unprivileged(), closing(Database(None, state_dir=folder / "state")) as database:
        with pytest.raises(StoreUnavailableError, match="cannot be opened") as caught:
            write(database)
        with pytest.raises(StoreUnavailableError, match="cannot be opened"):
            write(database)  # while it has a rest
        assert isinstance(caught.value.__cause__, PermissionError)
        assert str(folder) not in caught.value.message  # callers see this
        folder.chmod(0o777)
        time.sleep(bounds.REST_S)
        write(database)


def test_a_full_disk_is_told_undone_and_over_when_there_is_room(sqlite: Database) -> None:
    write(sqlite)
    with limited_pages(sqlite):
        with pytest.raises(StoreUnavailableError, match="disk is full") as caught:
            write(sqlite, "x" * 1_000_000)
        assert caught.value.status == 503
        assert read(sqlite) == 1
        assert look_anew(sqlite) == "The database cannot be written: its disk is full."

    assert look_anew(sqlite) is None
    write(sqlite, "x" * 1_000_000)


@contextmanager
def limited_pages(database: Database) -> Iterator[None]:
    """Let the file grow no further, over every connection of the database."""
    from sqlalchemy import event

    _, engine = database._open()
    engine.dispose()

    @event.listens_for(engine, "connect")
    def limit(connection: sqlite3.Connection, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 1}")

    yield
    event.remove(engine, "connect", limit)
    engine.dispose()


def test_a_file_that_may_not_grow_is_unavailable_and_recovers(sqlite: Database, sqlite_path: Path) -> None:
    """The operating system itself refuses, as with a quota."""
    write(sqlite)
    wal_bytes = Path(f"{sqlite_path}-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal_bytes + 4096, hard))
    try:
        with pytest.raises(StoreUnavailableError, match=r"disk is full|read or written") as caught:
            write(sqlite, "x" * 1_000_000)
        assert read(sqlite) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.status == 503

    write(sqlite, "x" * 1_000_000)
    assert read(sqlite) == 2


def test_a_disk_that_is_almost_full_turns_readiness_red(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "LEAST_FREE_BYTES", 2**63)

    assert sqlite.ping() == "The disk of the database is almost full."


@pytest.mark.parametrize(
    "content", [b"This is no database, and it is long enough to be read." * 20, b"short"]
)
def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.sqlite3"
    path.write_bytes(content)

    with (
        closing(Database(f"sqlite:///{path}", state_dir=None)) as database,
        pytest.raises(StoreUnavailableError, match="damaged, or is none"),
    ):
        write(database)
    assert path.read_bytes() == content


def test_a_file_that_was_moved_away_is_not_silently_replaced(sqlite: Database, sqlite_path: Path) -> None:
    write(sqlite)
    _, engine = sqlite._open()
    engine.dispose()
    moved = sqlite_path.with_name("moved")
    sqlite_path.rename(moved)

    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        read(sqlite)
    assert not sqlite_path.exists()

    moved.rename(sqlite_path)
    time.sleep(bounds.REST_S)
    assert read(sqlite) == 1


def test_a_table_that_was_dropped_is_an_outage_and_no_crash(sqlite: Database, sqlite_path: Path) -> None:
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("DROP TABLE store_state")

    with pytest.raises(StoreUnavailableError, match="lacks tables"):
        read(sqlite)
    assert sqlite.ping() is not None


def test_an_outage_is_logged_once_and_so_is_its_end(
    sqlite: Database, sqlite_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with locked(sqlite_path):
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                write(sqlite)
        assert read(sqlite) == 0
    time.sleep(bounds.REST_S)
    with caplog.at_level("INFO"):
        write(sqlite)
        write(sqlite)

    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert all(str(sqlite_path) in record.getMessage() for record in caplog.records)


def test_a_snapshot_is_read_while_another_process_writes(sqlite: Database, sqlite_path: Path) -> None:
    write(sqlite)
    with sqlite.connect() as connection:
        before = connection.execute(text("SELECT count(*) FROM store_state")).scalar()
        with closing(sqlite3.connect(sqlite_path)) as other:
            other.execute("INSERT INTO store_state VALUES ('other', 'x')")
            other.commit()
        assert connection.execute(text("SELECT count(*) FROM store_state")).scalar() == before == 1
    assert read(sqlite) == 2


def test_a_file_that_is_locked_while_it_is_opened_is_waited_for(tmp_path: Path) -> None:
    """Switching to write-ahead logging is the one step for which SQLite itself does not wait."""
    path = tmp_path / "keys.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("PRAGMA user_version = 7")
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
        with closing(Database(f"sqlite:///{path}", state_dir=None)) as database:
            write(database)
            assert read(database) == 1


def test_a_probe_that_another_process_writes_at_the_same_moment_is_a_good_sign(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(*_: object, **__: object) -> None:
        raise ConflictError

    monkeypatch.setattr(status, "_write", conflict)

    assert sqlite.ping() is None


def test_readiness_that_hangs_elsewhere_is_answered_in_bounded_time(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "CHECK_TIMEOUT_S", 0.1)

    with sqlite._pinging:
        assert sqlite.ping() == "The database took too long."
