"""Databases of both kinds for every test of the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hookline.store.database import Database


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "hookline.sqlite3"


@pytest.fixture
def sqlite(sqlite_path: Path) -> Iterator[Database]:
    """A SQLite database that has been opened."""
    with closing(Database(None, state_dir=sqlite_path.parent)) as database:
        with database.connect():
            pass
        yield database
