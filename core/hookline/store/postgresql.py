"""PostgreSQL through psycopg 3, with every wait bounded."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

import psycopg
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, InvalidatePoolError

from hookline.errors import ConfigurationError
from hookline.store import bounds, failures, revisions

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import Dialect
    from sqlalchemy.pool import ConnectionPoolEntry

R = TypeVar("R")

_UPGRADE_LOCK = 0x686F6F6B_00000001
_IDLE_S = 1.0
_LAST_USED = "hookline_last_used_at_s"


class BoundedConnection(psycopg.Connection[tuple[object, ...]]):
    """A connection that does not wait for ever for a server that has stopped to answer.

    PostgreSQL ends statements that take too long by itself; a machine that hangs cannot.

    Attributes:
        patience_s: Seconds that one answer may take.
    """

    patience_s = bounds.STATEMENT_TIMEOUT_S + bounds.PATIENCE_S

    def wait(self, gen: Generator[object, object, R], *args: object, **options: object) -> R:  # type: ignore[override]
        """Run a conversation with the server to its end, or close the connection when patience ends."""
        deadline = time.monotonic() + self.patience_s
        return super().wait(self._until(deadline, gen), *args, **options)  # type: ignore[arg-type]

    def _until(self, deadline: float, gen: Generator[object, object, R]) -> Generator[object, object, R]:
        try:
            asked = next(gen)
            while True:
                ready = yield asked
                if not ready and time.monotonic() > deadline:
                    self.close()
                    raise psycopg.OperationalError("the server does not answer")
                asked = gen.send(ready)
        except StopIteration as end:
            return cast("R", end.value)


class PostgresqlBackend:
    """Opens a PostgreSQL database and runs blocks of statements in it.

    Args:
        url: URL for SQLAlchemy, password included.
    """

    upgrades_itself = False

    def __init__(self, url: str) -> None:
        self._url = url

    def create_engine(self) -> Engine:
        """Return an engine; nothing is connected yet.

        Raises:
            ConfigurationError: If the URL cannot be read; it is not repeated.
        """
        try:
            url = make_url(self._url)
        except (ArgumentError, ValueError):
            raise ConfigurationError(
                "`database_url` (HOOKLINE_DATABASE_URL) cannot be read: check its port and options."
            ) from None
        failures.silence()
        engine = create_engine(
            url,
            pool_size=5,
            max_overflow=bounds.POOL_SIZE - 5,
            pool_timeout=bounds.POOL_WAIT_S,
            pool_recycle=1800,
            pool_use_lifo=True,
            hide_parameters=True,
            logging_name=failures.LOGGING_NAME,
        )
        return _listen(engine)

    def close(self, engine: Engine) -> None:
        """Close connections that are not in use; those that are, when their block ends."""
        engine.dispose()

    @contextmanager
    def session(self, engine: Engine, *, is_write: bool, timeout_s: float) -> Iterator[Connection]:
        """Run one block: a transaction that is kept if it writes, or one that may only read."""
        with engine.connect() as connection:
            _raw(connection).patience_s = timeout_s + bounds.PATIENCE_S
            _raw(connection).read_only = None if is_write else True  # None leaves it to the server
            with connection.begin() as transaction:
                if timeout_s != bounds.STATEMENT_TIMEOUT_S:
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(timeout_s * 1000)}")
                yield connection
                if not is_write:
                    transaction.rollback()

    @contextmanager
    def alone(self, engine: Engine) -> Iterator[Connection]:
        """Run one transaction that no other process can be in, to make or change tables."""
        with engine.connect() as connection:
            _raw(connection).patience_s = bounds.UPGRADE_TIMEOUT_S + bounds.PATIENCE_S
            _raw(connection).read_only = None
            with connection.begin():
                for name, wait_s in (
                    ("statement_timeout", bounds.UPGRADE_TIMEOUT_S),
                    ("lock_timeout", bounds.OPENING_WAIT_S),
                ):
                    connection.exec_driver_sql(f"SET LOCAL {name} = {int(wait_s * 1000)}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")
                yield connection

    def read_revision(self, connection: Connection) -> str | None:
        """Return the revision that the database says it has; None if it does not say."""
        if connection.execute(text(f"SELECT to_regclass('{revisions.TABLE}')")).scalar() is None:
            return None
        found = connection.execute(text(f"SELECT version_num FROM {revisions.TABLE}")).scalar()
        return None if found is None else str(found)

    def tables(self, connection: Connection) -> set[str]:
        """Return the names of the tables that a statement finds without naming a schema."""
        found = connection.execute(
            text("SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid)")
        )
        return {str(name) for name in found.scalars()}

    def size_bytes(self, connection: Connection) -> int:
        """Return what the whole database takes."""
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())

    def free_bytes(self) -> int | None:
        """Return None: the server does not tell."""
        return None

    def exists(self) -> bool:
        """Return True: only the server knows, and it is asked."""
        return True

    def backup(self, engine: Engine, target: Path) -> None:
        """Write a dump into an empty file, by PostgreSQL's own program."""
        from hookline.store.dumps import dump

        dump(engine.url, target)


def _listen(engine: Engine) -> Engine:
    @event.listens_for(engine, "do_connect")
    def connect(_: Dialect, __: object, args: list[object], options: dict[str, object]) -> BoundedConnection:
        options.setdefault("connect_timeout", bounds.CONNECT_TIMEOUT_S)
        options.setdefault("application_name", "hookline")
        connection = BoundedConnection.connect(*args, **options)  # type: ignore[arg-type]
        assert isinstance(connection, BoundedConnection)
        return connection

    @event.listens_for(engine, "connect")
    def set_up(connection: BoundedConnection, entry: ConnectionPoolEntry) -> None:
        connection.execute(
            b"SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false), "
            b"set_config('idle_in_transaction_session_timeout', '60000', false)",
            (str(int(bounds.STATEMENT_TIMEOUT_S * 1000)), str(int(bounds.LOCK_WAIT_S * 1000))),
        )
        connection.commit()
        entry.info[_LAST_USED] = time.monotonic()

    @event.listens_for(engine, "checkin")
    def note_use(_: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_LAST_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def check(connection: BoundedConnection, entry: ConnectionPoolEntry, _: object) -> None:
        """Find out that the server was restarted, without a question before each of many blocks."""
        if time.monotonic() - entry.info.get(_LAST_USED, 0.0) < _IDLE_S:
            return
        connection.patience_s = bounds.CHECK_TIMEOUT_S
        try:
            connection.execute(b"SELECT 1")
            connection.rollback()
        except psycopg.Error as exc:
            raise InvalidatePoolError from exc

    return engine


def _raw(connection: Connection) -> BoundedConnection:
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, BoundedConnection)
    return raw
