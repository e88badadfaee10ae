"""Switching a SQLite file to write-ahead logging."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hookline.store import write_ahead


@pytest.fixture
def held(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes, in a file that has a rollback journal."""
    path = tmp_path / "file.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def mode(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def test_it_is_switched_on_as_soon_as_others_let_go(held: sqlite3.Connection, tmp_path: Path) -> None:
    release = threading.Timer(0.1, held.execute, ["COMMIT"])
    release.start()
    with closing(sqlite3.connect(tmp_path / "file.sqlite3", isolation_level=None)) as connection:
        write_ahead.switch_on(connection, within_s=10)
        assert mode(connection) == "wal"
    release.join(10)


def test_a_file_that_stays_locked_is_given_up(held: sqlite3.Connection, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "file.sqlite3", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_ahead.switch_on(connection, within_s=0.1)
        assert mode(connection) == "delete"


def test_what_is_not_a_lock_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file.sqlite3").write_text("this is text, and by far no database\n" * 40)
    with (
        closing(sqlite3.connect(tmp_path / "file.sqlite3", isolation_level=None)) as connection,
        pytest.raises(sqlite3.DatabaseError, match="not a database"),
    ):
        write_ahead.switch_on(connection, within_s=60)
