"""What there is to know about a database: for `hookline db status`, and for readiness."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hookline.store.failures import ConflictError
from hookline.store.opening import find_problem

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from hookline.store.backend import Backend
    from hookline.store.revisions import Revisions

LEAST_FREE_BYTES = 4 * 1024 * 1024
"""Room on the disk of a SQLite file below which it counts as full."""

_COUNT_TIMEOUT_S = 60.0
_ROOM_BYTES = 65_536

Begin = Callable[[], AbstractContextManager["Connection"]]
_ALMOST_FULL = "The disk of the database is almost full."


@dataclass(frozen=True, kw_only=True)
class DatabaseStatus:
    """A database at one moment.

    Attributes:
        where: Its address without password.
        dialect: ``sqlite`` or ``postgresql``.
        revision: Which tables it has; None if it has none of ours, such as a file that is not made yet.
        head: Which tables this program needs.
        problem: Why it cannot be used; None if it can.
        size_bytes: What it takes; None if that is not known.
        rows: How many rows each table has.
    """

    where: str
    dialect: str
    revision: str | None
    head: str
    problem: str | None = None
    size_bytes: int | None = None
    rows: dict[str, int] = field(default_factory=dict)


def read_status(
    backend: Backend, engine: Engine | None, *, where: str, dialect: str, revisions: Revisions
) -> DatabaseStatus:
    """Return what there is to know about a database.

    Args:
        backend: Its kind.
        engine: The database itself; None if there is none yet.
        where: Its address, to be shown.
        dialect: Its kind, to be shown.
        revisions: What the program knows.
    """
    found = DatabaseStatus(where=where, dialect=dialect, revision=None, head=revisions.head, size_bytes=0)
    if engine is None:
        return found
    with backend.session(engine, is_write=False, timeout_s=_COUNT_TIMEOUT_S) as connection:
        revision = backend.read_revision(connection)
        return replace(
            found,
            revision=revision,
            problem=find_problem(revision, revisions),
            size_bytes=backend.size_bytes(connection),
            rows={} if revision is None else _count_rows(backend, connection),
        )


def probe(begin: Begin, *, needs_room: bool) -> None:
    """Write something of no importance, to see that it can be done.

    Args:
        begin: Opens a block that writes.
        needs_room: Whether the database was full, so that it must be seen to grow.

    Raises:
        StoreUnavailableError: If it cannot be done.
    """
    with suppress(ConflictError), begin() as connection:  # another process wrote it at the same moment
        _write(connection, name="probe", value="here")
    if needs_room:
        with suppress(ConflictError), begin() as connection:
            _write(connection, name="room", value="x" * _ROOM_BYTES)
        with begin() as connection:
            _remove(connection, name="room")


def find_lack_of_room(backend: Backend) -> str | None:
    """Return what is wrong with the room on the disk; None if there is enough or it is not known."""
    free_bytes = backend.free_bytes()
    return _ALMOST_FULL if free_bytes is not None and free_bytes < LEAST_FREE_BYTES else None


def _write(connection: Connection, *, name: str, value: str) -> None:
    from hookline.store.tables import STORE_STATE

    row = STORE_STATE.c.name == name
    if connection.execute(STORE_STATE.update().where(row).values(value=value)).rowcount == 0:
        connection.execute(STORE_STATE.insert().values(name=name, value=value))


def _remove(connection: Connection, *, name: str) -> None:
    from hookline.store.tables import STORE_STATE

    connection.execute(STORE_STATE.delete().where(STORE_STATE.c.name == name))


def _count_rows(backend: Backend, connection: Connection) -> dict[str, int]:
    from sqlalchemy import func, select

    from hookline.store.tables import METADATA

    there = backend.tables(connection)
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in METADATA.sorted_tables
        if table.name in there
    }
