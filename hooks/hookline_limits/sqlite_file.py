"""One SQLite file, opened when it is needed and again when it was replaced."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.store import write_ahead
from hookline_limits.sqlite_schema import PRAGMAS, TABLES

if TYPE_CHECKING:
    from hookline_limits.breaker import Breaker

PATIENCE_S = 2.0
"""Longest wait for a turn in this process, and again for other processes to let go of the file."""

_log = logging.getLogger("hookline.limits")


class SqliteFile:
    """A file that one thread of this process writes at a time.

    Args:
        path: Where it is; it is made if it is not there.
        breaker: Remembers failures.
        patience_s: Longest wait for a turn, and for the file's lock.
    """

    def __init__(self, path: Path, breaker: Breaker, *, patience_s: float = PATIENCE_S) -> None:
        self._path = path
        self._breaker = breaker
        self._patience_s = patience_s
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._was_there = False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside of a transaction that nobody else writes in, and commit it.

        Raises:
            StoreUnavailableError: If the file cannot be read or written in time; then nothing was written.
        """
        self._breaker.enter()
        if not self._turn.acquire(timeout=self._patience_s):
            raise self._breaker.fail(f"{self._path.name}: no turn within {self._patience_s:g} s")
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as exc:
            self._give_up(exc)
            raise self._breaker.fail(f"{self._path.name}: {_words(exc)}") from exc
        except BaseException:
            self._give_up(None)
            raise
        finally:
            self._turn.release()
        self._breaker.succeed()

    def exists(self) -> bool:
        """Tell whether there is such a file."""
        return self._path.exists()

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._drop()

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            try:
                if os.stat(self._path).st_ino == self._inode:
                    return self._connection
            except FileNotFoundError:
                pass
            self._drop()  # others would count in another file
        if self._was_there:
            _log.error("%s was removed or replaced; what was counted in it is lost", self._path.name)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(
            self._path, timeout=self._patience_s, isolation_level=None, check_same_thread=False
        )
        try:
            write_ahead.switch_on(connection, within_s=self._patience_s)
            for pragma in PRAGMAS:
                connection.execute(pragma)
            connection.executescript(TABLES)
            os.chmod(self._path, 0o600)
            self._inode = os.stat(self._path).st_ino
        except BaseException:
            connection.close()
            raise
        self._connection, self._was_there = connection, True
        return connection

    def _give_up(self, exc: Exception | None) -> None:
        """Leave the transaction; after a failure with a new connection the next time."""
        if self._connection is None:
            return
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        if exc is not None and not _is_busy(exc):
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _is_busy(exc: Exception) -> bool:
    return getattr(exc, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _words(exc: Exception) -> str:
    """Return what is wrong, in words that name no path."""
    return (exc.strerror or type(exc).__name__) if isinstance(exc, OSError) else str(exc)
