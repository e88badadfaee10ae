"""SQLite: one file for all processes of a machine, or a private database in memory."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from hookline.store import bounds, failures, revisions, write_ahead

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import Pool

_LAST_BLOCK_S = 10.0
_STEPS_BETWEEN_LOOKS = 20_000
_IS_WRITE = "hookline_is_write"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"


class SqliteBackend:
    """Opens a SQLite database and runs blocks of statements in it.

    Write-ahead logging lets readers and one writer work side by side. Writers of one process take turns
    before they ask SQLite, which lets in whoever happens to ask at the right moment.

    Args:
        path: The file; None for a database in memory, in which only one block runs at a time.
    """

    upgrades_itself = True

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._turn = threading.Lock()

    def create_engine(self) -> Engine:
        """Return an engine; file and folder are made if they are missing, for their owner only.

        Raises:
            OSError: If they cannot be made.
        """
        if self.path is None:
            return _engine(None, StaticPool, lock_wait_s=bounds.LOCK_WAIT_S)
        _make_file(self.path)
        with closing(
            sqlite3.connect(self.path, timeout=bounds.LOCK_WAIT_S, isolation_level=None)
        ) as connection:
            write_ahead.switch_on(connection, within_s=bounds.OPENING_WAIT_S)
        return _engine(
            self.path,
            QueuePool,
            lock_wait_s=bounds.LOCK_WAIT_S,
            pool_size=bounds.POOL_SIZE,
            max_overflow=0,
            pool_timeout=bounds.POOL_WAIT_S,
        )

    def close(self, engine: Engine) -> None:
        """Close connections; the one of a database in memory when no block uses it, for all share it."""
        is_mine = self.path is None and self._turn.acquire(timeout=_LAST_BLOCK_S)
        try:
            engine.dispose()
        finally:
            if is_mine:
                self._turn.release()

    @contextmanager
    def session(self, engine: Engine, *, is_write: bool, timeout_s: float) -> Iterator[Connection]:
        """Run one block: a transaction that is kept if it writes, or a snapshot to read from."""
        needs_turn = is_write or self.path is None
        if needs_turn and not self._turn.acquire(timeout=bounds.LOCK_WAIT_S):
            raise failures.unavailable(failures.LOCKED)
        try:
            with engine.connect() as connection:
                raw = _raw(connection)
                raw.execute(f"PRAGMA query_only={'OFF' if is_write else 'ON'}")
                deadline = time.monotonic() + timeout_s
                raw.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
                try:
                    if is_write:
                        connection.execution_options(**{_IS_WRITE: True})
                        with connection.begin():
                            yield connection
                    else:
                        yield connection
                finally:
                    with suppress(sqlite3.Error):  # it was closed meanwhile
                        raw.set_progress_handler(None, 0)
        finally:
            if needs_turn:
                self._turn.release()

    @contextmanager
    def alone(self, engine: Engine) -> Iterator[Connection]:
        """Run one transaction that no other process can be in, to make or change tables."""
        if self.path is None:
            with self.session(engine, is_write=True, timeout_s=bounds.UPGRADE_TIMEOUT_S) as connection:
                yield connection
            return
        patient = _engine(self.path, NullPool, lock_wait_s=bounds.OPENING_WAIT_S)
        with patient.connect() as connection:
            _raw(connection).execute("PRAGMA foreign_keys=OFF")  # tables are rebuilt under the same name
            connection.execution_options(**{_IS_WRITE: True})
            with connection.begin():
                yield connection

    def read_revision(self, connection: Connection) -> str | None:
        """Return the revision that the database says it has; None if it does not say."""
        if revisions.TABLE not in self.tables(connection):
            return None
        found = connection.execute(text(f"SELECT version_num FROM {revisions.TABLE}")).scalar()
        return None if found is None else str(found)

    def tables(self, connection: Connection) -> set[str]:
        """Return the names of all tables."""
        return {str(name) for name in connection.execute(text(_TABLES)).scalars()}

    def size_bytes(self, connection: Connection) -> int:
        """Return what the database takes, what is not yet merged into its file included."""
        if self.path is None:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            return int(pages) * int(connection.execute(text("PRAGMA page_size")).scalar_one())
        sizes = [_size(Path(f"{self.path}{suffix}")) for suffix in ("", "-wal")]
        return sum(sizes)

    def free_bytes(self) -> int | None:
        """Return the room on the file's disk; None where that says nothing."""
        if self.path is None:
            return None
        disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize

    def exists(self) -> bool:
        """Tell whether there is anything to look at without making it."""
        return self.path is None or self.path.exists()

    def backup(self, engine: Engine, target: Path) -> None:
        """Copy the database into an empty file; others write meanwhile, and the copy is of one moment."""
        with engine.connect() as connection, closing(sqlite3.connect(target)) as copy:
            _raw(connection).backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file that is complete by itself


def _engine(path: Path | None, pool: type[Pool], *, lock_wait_s: float, **options: object) -> Engine:
    # Without mode=rw SQLite would make a new, empty file where one was moved away.
    name = ":memory:" if path is None else f"file:{quote(str(path.absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            name,
            uri=path is not None,
            timeout=lock_wait_s,
            isolation_level=None,
            check_same_thread=False,
        )

    failures.silence()
    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=pool,
        hide_parameters=True,
        logging_name=failures.LOGGING_NAME,
        **options,
    )
    return _listen(engine)


def _listen(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get(_IS_WRITE)
        _raw(connection).execute("BEGIN IMMEDIATE" if is_write else "BEGIN")

    return engine


def _raw(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never open a file that is there: closing it again would drop the locks of this process on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
