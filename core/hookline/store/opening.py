"""Opening a database: the right backend, and tables of this program's revision."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.store import failures
from hookline.store.revisions import TABLE, Revisions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from hookline.store.addresses import Address
    from hookline.store.backend import Backend

_ALEMBIC = threading.Lock()  # what its scripts see as `context` belongs to the whole process
_UPGRADE = "Run `hookline db upgrade`; it needs to be done once, not per process."


def make_backend(address: Address) -> Backend:
    """Return what opens a database.

    Raises:
        ConfigurationError: If the driver of PostgreSQL is not installed.
    """
    if address.dialect == "sqlite":
        from hookline.store.sqlite import SqliteBackend

        return SqliteBackend(address.path)
    try:
        from hookline.store.postgresql import PostgresqlBackend
    except ImportError as exc:
        raise ConfigurationError(
            f"The database {address.shown} needs psycopg, which is not installed.",
            hint="Install it with `pip install 'hookline[postgres]'`.",
        ) from exc
    return PostgresqlBackend(address.url)


def find_problem(found: str | None, revisions: Revisions) -> str | None:
    """Return what is wrong with the revision of a database; None if it is the program's own."""
    if found == revisions.head:
        return None
    if found is None:
        return "The database does not hold the gateway's tables yet."
    if found in revisions.known:
        return f"The database has revision {found}, and this program needs {revisions.head}."
    return f"The database has revision {found}, which is newer than this program knows ({revisions.head})."


def check(backend: Backend, connection: Connection, revisions: Revisions) -> None:
    """Refuse a database that has not the program's revision.

    Raises:
        StoreUnavailableError: Says which it has, and which command helps.
    """
    found = backend.read_revision(connection)
    problem = find_problem(found, revisions)
    if problem is not None:
        raise failures.unavailable(problem, hint=_hint(found, revisions))


def upgrade(backend: Backend, engine: Engine, revisions: Revisions) -> list[str]:
    """Bring a database to the program's revision, in one transaction; any number of processes may try.

    Returns:
        The revisions that were applied, oldest first.

    Raises:
        StoreUnavailableError: If it is newer than the program, or a SQLite file holds tables of others.
    """
    with engine.connect() as connection:
        if backend.read_revision(connection) == revisions.head:
            return []
    with backend.alone(engine) as connection:
        found = backend.read_revision(connection)  # another process may have been faster
        if found == revisions.head:
            return []
        if found is not None and found not in revisions.known:
            problem = find_problem(found, revisions)
            raise failures.unavailable(problem or "", hint=_hint(found, revisions))
        if found is None:
            _refuse_others(backend, connection)
        if found is None and backend.upgrades_itself:
            _create(connection, revisions)
        else:
            _migrate(connection, revisions)
    return list(revisions.known[revisions.known.index(found) + 1 if found is not None else 0 :])


def _hint(found: str | None, revisions: Revisions) -> str:
    if found is None or found in revisions.known:
        return _UPGRADE
    return "Install the version of Hookline that upgraded it, or a later one."


def _refuse_others(backend: Backend, connection: Connection) -> None:
    """Refuse a database in which others have tables that ours would be mixed up with."""
    from hookline.store.tables import METADATA

    there = backend.tables(connection)
    foreign = there if backend.upgrades_itself else there & set(METADATA.tables)
    if foreign:
        raise failures.unavailable(
            f"The database holds tables that are not the gateway's: {', '.join(sorted(foreign)[:5])}.",
            hint="Name a database in `database_url` that is the gateway's alone.",
        )


def _create(connection: Connection, revisions: Revisions) -> None:
    """Make all tables as they are now, which saves the second that alembic takes to import."""
    from sqlalchemy import text

    from hookline.store.tables import METADATA

    METADATA.create_all(connection)
    connection.execute(
        text(
            f"CREATE TABLE {TABLE} "
            f"(version_num VARCHAR(32) NOT NULL, CONSTRAINT {TABLE}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text(f"INSERT INTO {TABLE} VALUES (:head)"), {"head": revisions.head})


def _migrate(connection: Connection, revisions: Revisions) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(revisions.folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _ALEMBIC:
        command.upgrade(config, revisions.head)
