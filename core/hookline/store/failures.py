"""What drivers raise, told in our own words: without table contents, parameters and passwords.

Three things come out of a block of `hookline.store.database.Database`:

- `hookline.errors.StoreUnavailableError`: the store cannot be used just now. The answer is 503.
- `ConflictError`: a row with these unique values is there already. Whoever inserts such rows catches it.
- `StatementRefusedError`: a statement of ours is wrong. A mistake of a programmer.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
from dataclasses import dataclass

from hookline.errors import StoreUnavailableError

LOGGING_NAME = "hookline"


class ConflictError(Exception):
    """A row with the same unique values is there already. Says no more, as the driver would quote the row."""


class StatementRefusedError(Exception):
    """The database refused a statement that is wrong, or a value that does not fit its column."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What became of a driver's exception.

    Attributes:
        error: What to raise in its place.
        is_connection: Whether the database could not be reached, so that the next try would fail as well.
        keeps_cause: Whether the driver's own words may be chained: they quote no values.
    """

    error: Exception
    is_connection: bool = False
    keeps_cause: bool = True

    @property
    def message(self) -> str:
        """What is wrong, in our words."""
        return str(self.error)


UNREACHABLE = "The database cannot be reached."
LOCKED = "The database is locked by another writer for too long."
READ_ONLY = "The database cannot be written: it is read-only."
FULL = "The database cannot be written: its disk is full."
SLOW = "The database took too long."
BUSY = "All connections to the database are in use."
DAMAGED = "The database's file is damaged, or is none."
UNREADABLE = "The database's file cannot be opened, read or written."
REFUSED = "The database refused the gateway's user, password or rights."
MISSING = "The database lacks tables that its revision promises."

OF_WRITES = frozenset({LOCKED, READ_ONLY, FULL})
"""Those that reading may not notice."""

OF_FILES = frozenset({READ_ONLY, DAMAGED, UNREADABLE})
"""Those after which a file has to be opened anew."""

_OPERATOR = "Whoever runs this gateway must look at its database; `hookline db status` says more."

# Primary result codes of SQLite: https://www.sqlite.org/rescode.html
_SQLITE = {
    3: UNREADABLE,
    5: LOCKED,
    6: LOCKED,
    7: UNREADABLE,
    8: READ_ONLY,
    9: SLOW,
    10: UNREADABLE,
    11: DAMAGED,
    13: FULL,
    14: UNREADABLE,
    15: LOCKED,
    22: UNREADABLE,
    23: UNREADABLE,
    26: DAMAGED,
}
_SQLITE_UNIQUE = {1555, 2067, 2579}  # primary key, unique, row id
_SQLITE_READONLY = 8

# SQLSTATE or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "08": UNREACHABLE,
    "25006": READ_ONLY,
    "25P03": SLOW,
    "28": REFUSED,
    "3D": REFUSED,
    "40": LOCKED,
    "42501": REFUSED,
    "42P01": MISSING,
    "53": UNREACHABLE,
    "53100": FULL,
    "55P03": LOCKED,
    "57": UNREACHABLE,
    "57014": SLOW,
    "58": UNREADABLE,
    "XX": UNREADABLE,
}
_POSTGRESQL_UNIQUE = "23505"
_POSTGRESQL_READONLY = "25006"


def silence() -> None:
    """Keep statements and rows out of the logs, also where everything else is logged."""
    logging.getLogger(f"sqlalchemy.engine.Engine.{LOGGING_NAME}").setLevel(logging.WARNING)


def unavailable(message: str, *, hint: str | None = None) -> StoreUnavailableError:
    """Return the error for a store that cannot be used; its message names no place and no secret."""
    return StoreUnavailableError(message, hint=hint or _OPERATOR)


def judge(exc: BaseException, *, is_reading: bool = False) -> Fault | None:
    """Return what to raise in place of an exception; None if it does not come from the database.

    Args:
        exc: What came out of SQLAlchemy or a driver.
        is_reading: Whether the block may not write, so that a refused write is a mistake of the caller.
    """
    from sqlalchemy import exc as errors

    if isinstance(exc, errors.TimeoutError):
        return Fault(error=unavailable(BUSY))
    orig = exc.orig if isinstance(exc, errors.DBAPIError) and exc.orig is not None else exc
    if isinstance(orig, sqlite3.Error):
        return _judge_sqlite(orig, is_reading=is_reading)
    if type(orig).__module__.partition(".")[0] == "psycopg":
        return _judge_postgresql(orig, is_reading=is_reading)
    return None


def judge_opening(exc: Exception) -> Fault | None:
    """Return what to raise in place of what opening a database raised, failures of its file included."""
    if isinstance(exc, StoreUnavailableError):
        return Fault(error=exc)
    if isinstance(exc, OSError):
        is_full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        return Fault(error=unavailable(FULL if is_full else UNREADABLE))
    return judge(exc)


def words_of(exc: BaseException) -> str:
    """Return the driver's own words, for the log; only of a fault that keeps its cause."""
    orig = getattr(exc, "orig", None) or exc
    return str(orig).partition("\n")[0] or type(orig).__name__


def _judge_sqlite(exc: sqlite3.Error, *, is_reading: bool) -> Fault:
    code = getattr(exc, "sqlite_errorcode", 0)
    if code in _SQLITE_UNIQUE:
        return _conflict()
    if code == _SQLITE_READONLY and is_reading:
        return _refused("a write in a block that only reads")
    message = _SQLITE.get(code & 0xFF)
    if code == 1 and str(exc).startswith("no such table"):
        message = MISSING
    if message is None and isinstance(exc, sqlite3.ProgrammingError) and "closed database" in str(exc):
        message = UNREACHABLE
    if message is None:
        return _refused(getattr(exc, "sqlite_errorname", type(exc).__name__))
    return Fault(error=unavailable(message), is_connection=message == UNREACHABLE)


def _judge_postgresql(exc: BaseException, *, is_reading: bool) -> Fault:
    state = getattr(exc, "sqlstate", None)
    names = {kind.__name__ for kind in type(exc).__mro__}
    if state is None:
        if names & {"OperationalError", "InterfaceError"}:
            is_refused = "authentication failed" in str(exc) or "does not exist" in str(exc)
            return Fault(error=unavailable(REFUSED if is_refused else UNREACHABLE), is_connection=True)
        return _refused(type(exc).__name__)
    if state == _POSTGRESQL_UNIQUE:
        return _conflict()
    if state == _POSTGRESQL_READONLY and is_reading:
        return _refused("a write in a block that only reads")
    message = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    if message is None:
        diag = getattr(exc, "diag", None)
        column = getattr(diag, "column_name", None)
        return _refused(f"{type(exc).__name__} {state}" + (f", column {column}" if column else ""))
    return Fault(
        error=unavailable(message),
        is_connection=message == UNREACHABLE or state[:2] in ("28", "3D"),
    )


def _conflict() -> Fault:
    return Fault(error=ConflictError("a row with these unique values is there already"), keeps_cause=False)


def _refused(reason: str) -> Fault:
    return Fault(
        error=StatementRefusedError(f"the database refused a statement: {reason}"), keeps_cause=False
    )
