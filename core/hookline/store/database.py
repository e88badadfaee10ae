"""The database of a gateway: opened on first use, bounded in every wait, never failing open.

Creating a `Database` costs nothing and imports nothing; the first block loads SQLAlchemy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import HooklineError, StoreUnavailableError
from hookline.store import bounds, failures, opening, places
from hookline.store.addresses import Dialect, locate
from hookline.store.failures import ConflictError, StatementRefusedError
from hookline.store.guard import Guard
from hookline.store.revisions import REVISIONS, Revisions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from hookline.store.backend import Backend
    from hookline.store.status import DatabaseStatus

__all__ = ["ConflictError", "Database", "StatementRefusedError"]


class Database:
    """Keys, connections, usage and audit events of a gateway. Safe to use from any number of threads.

    Statements run in blocks, ``with database.begin() as connection:``. A block holds one connection, so keep
    it short and never open one inside another. What leaves a block is:

    - `hookline.errors.StoreUnavailableError` for everything that makes the database unusable: not reachable,
      locked, slow, full, read-only, of another revision. Its message holds no address, statement or value.
    - `ConflictError` if a row with the same unique values exists; catch it around the block.
    - `StatementRefusedError` if a statement is wrong.

    Waits are bounded: 2 s to connect, 2 s for one of 15 connections, 2 s for another writer, 5 s for a
    statement, and 6 s for a server that hangs. After the database could not be reached every block fails at
    once for 1 s; then one block tries, and if it gets through so does everybody. The same holds for writers
    after a SQLite file stayed locked. Nothing has to be restarted.

    Args:
        url: Such as ``postgresql://user:password@host/name`` or ``sqlite:////folder/file.sqlite3``; None for
            ``hookline.sqlite3`` in the state folder.
        state_dir: The state folder; without it and a URL the database is in memory and private.
        revisions: The shapes of tables that the program knows.
        monotonic: Seconds that only go forward.

    Attributes:
        url_shown: The address without password and options.
        dialect: ``sqlite`` or ``postgresql``.
        path: File of SQLite; None for PostgreSQL and in memory.

    Raises:
        ConfigurationError: If the URL is none of a database that we know.
    """

    def __init__(
        self,
        url: str | None,
        *,
        state_dir: Path | None,
        revisions: Revisions = REVISIONS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = locate(url, state_dir=state_dir)
        self.url_shown = self._address.shown
        self.dialect: Dialect = self._address.dialect
        self.path = self._address.path
        self._setting = "HOOKLINE_STATE_DIR" if url is None else "HOOKLINE_DATABASE_URL"
        self.revisions = revisions
        self._opening = threading.Lock()
        self._opened: tuple[Backend, Engine] | None = None
        self._applied: list[str] = []
        self._is_current = False
        self._is_closed = False
        self._inside = threading.local()
        self._monotonic = monotonic
        self._guard = Guard(
            self.url_shown,
            rests_writers=self.dialect == "sqlite",
            on_failure=self._on_failure,
            monotonic=monotonic,
        )
        self._was_full = False
        self._pinging = threading.Lock()
        self._pinged: tuple[float, str | None] | None = None

    def connect(self, *, timeout_s: float = bounds.STATEMENT_TIMEOUT_S) -> AbstractContextManager[Connection]:
        """Return a block that reads; writing in it is refused.

        Args:
            timeout_s: Longest time of one statement; on SQLite, of the block.
        """
        return self._block(is_write=False, timeout_s=timeout_s)

    def begin(self, *, timeout_s: float = bounds.STATEMENT_TIMEOUT_S) -> AbstractContextManager[Connection]:
        """Return a block that is one transaction: kept if it ends well, undone if it raises.

        On SQLite it is the only writer from its beginning on (``BEGIN IMMEDIATE``).

        Args:
            timeout_s: Longest time of one statement; on SQLite, of the block.
        """
        return self._block(is_write=True, timeout_s=timeout_s)

    def upgrade(self) -> list[str]:
        """Bring the tables to this program's revision, in one transaction.

        A SQLite database does so by itself when it is opened; for PostgreSQL it is called by
        ``hookline db upgrade``, so that an operator says when. It may be called by several processes at once.

        Returns:
            Revisions that were applied, oldest first; empty if there was nothing to do.

        Raises:
            StoreUnavailableError: If that fails, or the database is newer than this program.
        """
        with self._guard.translate(is_write=True):
            backend, engine = self._open()
            applied, self._applied = self._applied, []
            return applied + opening.upgrade(backend, engine, self.revisions)

    def is_made(self) -> bool:
        """Tell whether there is a database to look into; asking does not make one.

        Raises:
            ConfigurationError: If its folder may not be looked into; says which, and what to do.
        """
        if self.path is None:
            return self.dialect == "postgresql"
        return places.is_there(self.path, setting=self._setting)

    def status(self) -> DatabaseStatus:
        """Return what there is to know, after trying it; neither makes nor upgrades anything.

        Raises:
            StoreUnavailableError: If a server cannot be used. What is wrong with a file is told instead.
        """
        found = self._read_status()
        if found.problem is not None:
            return found
        if found.revision is not None:
            problem = self._look()  # now, and not what was found a moment ago
        else:
            problem = None if self.path is None else places.try_to_make(self.path, setting=self._setting)
        return found if problem is None else replace(found, problem=problem)

    def _read_status(self) -> DatabaseStatus:
        from hookline.store.status import DatabaseStatus, read_status

        try:
            with self._guard.translate(is_write=False), self._peek() as (backend, engine):
                return read_status(
                    backend, engine, where=self.url_shown, dialect=self.dialect, revisions=self.revisions
                )
        except StoreUnavailableError as exc:
            if self.path is None:
                raise
            problem = exc.message
            if exc.message == failures.UNREADABLE:  # the driver does not say why, and its folder may
                own = f"{problem} {places.what_to_do(self._setting)}"
                problem = places.try_to_make(self.path, setting=self._setting) or own
        except OSError as exc:
            folder = None if self.path is None else self.path.parent
            problem = (
                f"The folder {folder} cannot be used: {exc.strerror}. {places.what_to_do(self._setting)}"
            )
        return DatabaseStatus(
            where=self.url_shown,
            dialect=self.dialect,
            revision=None,
            head=self.revisions.head,
            problem=problem,
        )

    def backup(self, target: Path, *, overwrite: bool = False) -> None:
        """Write a copy of one moment to a file that only its owner can read; others may write meanwhile.

        SQLite gives a SQLite file. PostgreSQL gives a dump for ``pg_restore``, made by ``pg_dump``.

        Args:
            target: Where to; it appears only when it is complete.
            overwrite: Whether a file that is there may be replaced.

        Raises:
            ConfigurationError: If the file exists, cannot be made, or ``pg_dump`` is missing or fails.
            StoreUnavailableError: If the database cannot be read.
        """
        from hookline.store.backups import new_file, telling_of

        with new_file(target, overwrite=overwrite) as path, self._guard.translate(is_write=False):
            backend, engine = self._open()
            with backend.session(engine, is_write=False, timeout_s=bounds.CHECK_TIMEOUT_S) as connection:
                opening.check(backend, connection, self.revisions)
            with telling_of(target):
                backend.backup(engine, path)

    def ping(self) -> str | None:
        """Return what is wrong, for readiness; None if rows can be read and written.

        It takes at most a few seconds, and looks at most once a second however often it is asked.
        """
        if not self._pinging.acquire(timeout=bounds.CHECK_TIMEOUT_S):
            return failures.SLOW
        try:
            now_s = self._monotonic()
            if self._pinged is None or now_s - self._pinged[0] >= bounds.REST_S:
                self._pinged = (now_s, self._look())
            return self._pinged[1]
        finally:
            self._pinging.release()

    def close(self) -> None:
        """Close all connections; blocks that run end well, and no new one begins."""
        with self._opening:
            self._is_closed = True
            opened, self._opened = self._opened, None
        if opened is not None:
            opened[0].close(opened[1])

    @contextmanager
    def _block(self, *, is_write: bool, timeout_s: float) -> Iterator[Connection]:
        if getattr(self._inside, "is_open", False):
            raise RuntimeError("a block of a database was opened inside another one of the same thread")
        self._inside.is_open = True
        try:
            with self._guard.translate(is_write=is_write), self._guard.admit(is_write=is_write) as pass_:
                backend, engine = self._open()
                with backend.session(engine, is_write=is_write, timeout_s=timeout_s) as connection:
                    if not self._is_current:
                        self._check(backend, connection)
                    pass_()
                    yield connection
        finally:
            self._inside.is_open = False

    def _on_failure(self, fault: failures.Fault) -> None:
        if fault.is_connection:
            self._is_current = False
        self._was_full = self._was_full or fault.message == failures.FULL
        opened = self._opened
        if fault.message in failures.OF_FILES and self.path is not None and opened is not None:
            opened[1].dispose()  # a file that was opened to be read stays so, whatever its rights are now

    def _check(self, backend: Backend, connection: Connection) -> None:
        try:
            opening.check(backend, connection, self.revisions)
        except StoreUnavailableError as exc:
            self._guard.say(exc.message, exc.hint)
            raise
        self._is_current = True

    def _open(self) -> tuple[Backend, Engine]:
        if self._opened is not None:
            return self._opened
        if not self._opening.acquire(timeout=bounds.OPENING_WAIT_S):
            raise failures.unavailable(failures.SLOW)
        try:
            if self._is_closed:
                raise failures.unavailable("The database was closed.")
            if self._opened is None:
                self._opened = self._open_now()
            return self._opened
        finally:
            self._opening.release()

    def _open_now(self) -> tuple[Backend, Engine]:
        backend = opening.make_backend(self._address)
        try:
            engine = backend.create_engine()
            try:
                if backend.upgrades_itself:
                    self._applied = opening.upgrade(backend, engine, self.revisions)
            except BaseException:
                engine.dispose()
                raise
        except Exception as exc:
            self._guard.fail_to_open(exc)
        return backend, engine

    @contextmanager
    def _peek(self) -> Iterator[tuple[Backend, Engine | None]]:
        """Give the database as it is, without making or upgrading it."""
        if self._opened is not None or (self.dialect == "sqlite" and self.path is None):
            yield self._open()
            return
        backend = opening.make_backend(self._address)
        if not backend.exists():
            yield backend, None
            return
        engine = backend.create_engine()
        try:
            yield backend, engine
        finally:
            engine.dispose()

    def _look(self) -> str | None:
        from hookline.store.status import find_lack_of_room, probe

        self._is_current = False  # another program may have upgraded it
        try:
            probe(lambda: self.begin(timeout_s=bounds.CHECK_TIMEOUT_S), needs_room=self._was_full)
            self._was_full = False
        except HooklineError as exc:
            return exc.message
        return None if self._opened is None else find_lack_of_room(self._opened[0])
