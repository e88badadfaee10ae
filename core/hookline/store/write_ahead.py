"""Write-ahead logging of a SQLite file, switched on while others open the same file."""

from __future__ import annotations

import sqlite3
import time

_PAUSE_S = 0.02


def switch_on(connection: sqlite3.Connection, *, within_s: float) -> None:
    """Switch a file to write-ahead logging, trying again while others are at it.

    SQLite waits for locks, but not for this one: of several processes that open a new file at the same
    instant, all but one are told at once that it is locked.

    Args:
        connection: To the file, outside of a transaction.
        within_s: Longest time to try.

    Raises:
        sqlite3.OperationalError: If the file stays locked, or cannot be written.

    Source: SQLite documentation, "Write-Ahead Logging", section 3.
    """
    give_up_s = time.monotonic() + within_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_s:
                raise
        time.sleep(_PAUSE_S)
