"""Tables and migrations: the same shape by both ways, one way forward, and clear words where that fails."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from hookline.errors import StoreUnavailableError
from hookline.store import revisions
from hookline.store.database import Database
from hookline.store.revisions import REVISIONS, Revisions
from hookline.store.tables import METADATA, STORE_STATE

if TYPE_CHECKING:
    from servers import NewDatabase, PostgresServer

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "0004"


def upgrade():
    with op.batch_alter_table("store_state") as batch:
        batch.add_column(sa.Column("note", sa.Text(), nullable=False, server_default="old"))
    {more}
"""
START = """
import sys
from pathlib import Path
from hookline.store.database import Database
sys.stdin.readline()
database = Database(None, state_dir=Path(sys.argv[1]))
with database.begin() as connection:
    pass
print(database.status().revision)
"""


def next_revisions(folder: Path, *, more: str = "") -> Revisions:
    """Return revisions with one more than there is."""
    shutil.copytree(REVISIONS.folder, folder)
    (folder / "versions" / "r9999_next.py").write_text(NEXT.format(more=more))
    return Revisions(known=(*REVISIONS.known, "9999"), folder=folder)


@pytest.fixture
def later(tmp_path: Path) -> Revisions:
    return next_revisions(tmp_path / "later")


def test_the_known_revisions_are_those_of_the_migration_files() -> None:
    scripts = ScriptDirectory(str(REVISIONS.folder))

    found = [script.revision for script in scripts.walk_revisions()]

    assert tuple(reversed(found)) == revisions.KNOWN


def test_migrations_make_the_tables_that_the_program_uses(database: Database) -> None:
    """SQLite makes them at once, PostgreSQL by migrations; alembic finds no difference to either."""
    with database.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": revisions.TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_tables_made_at_once_are_those_that_migrations_make(sqlite: Database, tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    path = tmp_path / "migrated.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(REVISIONS.folder))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    assert sqlite.path is not None

    assert shape_of(sqlite.path) == shape_of(path)


def shape_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")
        ]
        return {
            f"{pragma} {name}": sorted(row[1:] for row in connection.execute(f"PRAGMA {pragma}({name})"))
            for name in sorted(names)
            for pragma in ("table_info", "index_list", "index_info")
        } | {"rows": connection.execute(f"SELECT * FROM {revisions.TABLE}").fetchall()}


def test_a_fresh_postgresql_is_refused_until_it_is_upgraded(postgres_server: PostgresServer) -> None:
    url = postgres_server.new_database(is_upgraded=False)
    with closing(Database(url, state_dir=None)) as database:
        with pytest.raises(StoreUnavailableError, match="does not hold") as caught, database.begin():
            pass
        assert "`hookline db upgrade`" in caught.value.hint
        assert database.ping() == "The database does not hold the gateway's tables yet."
        assert database.status().revision is None

        with closing(Database(url, state_dir=None)) as other:
            assert other.upgrade() == list(revisions.KNOWN)
            assert other.upgrade() == []

        with database.begin():  # the same object, without a restart
            pass
        assert database.status().problem is None
    postgres_server.drop_database(url)


def test_an_older_sqlite_file_is_upgraded_by_its_first_use_and_keeps_its_rows(
    sqlite: Database, sqlite_path: Path, later: Revisions
) -> None:
    with sqlite.begin() as connection:
        connection.execute(STORE_STATE.insert().values(name="kept", value="yes"))
    sqlite.close()

    with (
        closing(Database(None, state_dir=sqlite_path.parent, revisions=later)) as newer,
        newer.connect() as connection,
    ):
        assert connection.execute(text("SELECT name, value, note FROM store_state")).all() == [
            ("kept", "yes", "old")
        ]
    assert newer.revisions.head == "9999"


def test_an_older_postgresql_is_upgraded_by_command_only(postgres_url: str, later: Revisions) -> None:
    with closing(Database(postgres_url, state_dir=None, revisions=later)) as database:
        refused = pytest.raises(StoreUnavailableError, match="revision 0004, and this program needs 9999")
        with refused, database.connect():
            pass

        assert database.upgrade() == ["9999"]

        with database.connect() as connection:
            assert "note" in {column["name"] for column in inspect(connection).get_columns("store_state")}


def test_a_database_newer_than_the_program_is_refused(
    database: Database, new_database: NewDatabase, later: Revisions
) -> None:
    database.revisions = later
    database.upgrade()

    with pytest.raises(StoreUnavailableError, match="newer than this program") as caught:
        new_database().upgrade()
    assert "Install" in caught.value.hint
    older = new_database()
    for _ in range(2):  # also while it has a rest after the first failure
        with pytest.raises(StoreUnavailableError, match="newer than this program") as caught, older.begin():
            pass
        assert "Install" in caught.value.hint
    assert "newer" in str(new_database().ping())
    assert new_database().status().revision == "9999"


def test_a_migration_that_fails_leaves_everything_as_it_was(database: Database, tmp_path: Path) -> None:
    with database.begin() as connection:
        connection.execute(STORE_STATE.insert().values(name="kept", value="yes"))
    broken = next_revisions(tmp_path / "broken", more="raise ZeroDivisionError")
    as_set = database.revisions
    database.revisions = broken

    with pytest.raises(ZeroDivisionError):
        database.upgrade()

    database.revisions = as_set
    with database.connect() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("store_state")}
        assert columns == {"name", "value"}
        assert connection.execute(STORE_STATE.select()).all() == [("kept", "yes")]


def test_processes_that_start_at_once_make_one_sqlite_file(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60.0) for process in processes]

    assert outputs == [("0004\n", "")] * 6


def test_upgrades_that_run_at_once_apply_each_revision_once(
    database: Database, new_database: NewDatabase, later: Revisions
) -> None:
    with database.connect():
        pass
    opened = [new_database() for _ in range(4)]
    for one in opened:
        one.revisions = later

    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda one: one.upgrade(), opened))

    assert sorted(applied) == [[], [], [], ["9999"]]


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")

    with closing(Database(f"sqlite:///{path}", state_dir=None)) as database:
        with (
            pytest.raises(StoreUnavailableError, match=r"not the gateway's: songs\.") as caught,
            database.begin(),
        ):
            pass
        assert "`database_url`" in caught.value.hint


def test_tables_of_somebody_else_with_our_names_are_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.new_database(is_upgraded=False)
    with closing(Database(url, state_dir=None)) as database:
        _, engine = database._open()
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE keys (id INT)"))
            connection.execute(text("CREATE TABLE songs (id INT)"))

        with pytest.raises(StoreUnavailableError, match=r"not the gateway's: keys\."):
            database.upgrade()
    postgres_server.drop_database(url)


@pytest.fixture(autouse=True)
def _no_stale_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep alembic from leaving compiled migrations behind."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
