"""Backups: complete, of one moment, for their owner only, and never in the place of something else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookline.errors import ConfigurationError, StoreUnavailableError
from hookline.store.audit import AuditLog
from hookline.store.database import Database
from hookline.store.tables import STORE_STATE

if TYPE_CHECKING:
    from servers import NewDatabase, PostgresServer


def fill(database: Database, *, rows: int = 100) -> None:
    with database.begin() as connection:
        connection.execute(STORE_STATE.insert(), [{"name": f"n{n}", "value": "x"} for n in range(rows)])


def test_a_backup_can_be_used_in_the_place_of_the_original(sqlite: Database, tmp_path: Path) -> None:
    fill(sqlite)
    target = tmp_path / "copy.sqlite3"

    sqlite.backup(target)

    assert oct(target.stat().st_mode & 0o777) == "0o600"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy.sqlite3"]
    with closing(Database(f"sqlite:///{target}", state_dir=None)) as copy, copy.connect() as connection:
        assert len(connection.execute(STORE_STATE.select()).all()) == 100


def test_a_backup_of_a_database_in_memory_is_a_file(tmp_path: Path) -> None:
    with closing(Database(None, state_dir=None)) as database:
        fill(database)
        database.backup(tmp_path / "copy.sqlite3")

    with closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM store_state").fetchone() == (100,)


def test_a_backup_of_one_moment_is_made_while_others_write(sqlite: Database, tmp_path: Path) -> None:
    log = AuditLog(sqlite)
    is_over = threading.Event()
    written = []

    def keep_writing() -> None:
        while not is_over.is_set():
            written.append(
                log.append(actor="a", action="b", target="c", tenant="d", client="", details={}).seq
            )

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for number in range(5):
            sqlite.backup(tmp_path / f"{number}.sqlite3")
    finally:
        is_over.set()
        writer.join(20.0)

    assert len(written) > 5
    for number in range(5):
        with closing(Database(f"sqlite:///{tmp_path}/{number}.sqlite3", state_dir=None)) as copy:
            assert AuditLog(copy).verify().is_sound


def test_a_file_that_is_there_is_replaced_only_on_demand(
    database: Database, tmp_path: Path, new_database: NewDatabase
) -> None:
    target = tmp_path / "copy"
    target.write_text("precious")

    with pytest.raises(ConfigurationError, match="already") as caught:
        database.backup(target)
    assert ("--force" in caught.value.hint, target.read_text()) == (True, "precious")

    database.backup(target, overwrite=True)
    assert target.read_bytes()[:8] != b"precious"
    assert oct(target.stat().st_mode & 0o777) == "0o600"


def test_a_file_that_appears_meanwhile_is_not_replaced(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy"
    backend, _ = sqlite._open()
    monkeypatch.setattr(backend, "backup", lambda *_: target.write_text("precious"))

    with pytest.raises(ConfigurationError, match="already"):
        sqlite.backup(target)

    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy"]
    assert target.read_text() == "precious"


def test_a_file_system_without_links_takes_a_backup_as_well(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    sqlite.backup(tmp_path / "copy")

    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy"]


def test_a_folder_that_is_not_there_is_told(sqlite: Database, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        sqlite.backup(tmp_path / "nowhere" / "copy")


def test_a_backup_that_fails_leaves_nothing_behind(
    sqlite: Database, sqlite_path: Path, tmp_path: Path
) -> None:
    sqlite.close()
    sqlite_path.write_bytes(b"no database" * 100)
    for other in sqlite_path.parent.glob("*-*"):
        other.unlink()

    with (
        closing(Database(None, state_dir=sqlite_path.parent)) as damaged,
        pytest.raises(StoreUnavailableError),
    ):
        damaged.backup(tmp_path / "copy")

    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_dump_of_postgresql_can_be_restored(
    postgres_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with closing(Database(postgres_url, state_dir=None)) as database:
        fill(database)
        database.backup(tmp_path / "copy.dump")
    empty = postgres_server.new_database(is_upgraded=False)
    programs = postgres_server._programs
    subprocess.run(
        [programs / "pg_restore", "--no-owner", f"--dbname={empty}", tmp_path / "copy.dump"],
        check=True,
        capture_output=True,
    )

    assert oct((tmp_path / "copy.dump").stat().st_mode & 0o777) == "0o600"
    with closing(Database(empty, state_dir=None)) as restored, restored.connect() as connection:
        assert len(connection.execute(STORE_STATE.select()).all()) == 100
    postgres_server.drop_database(empty)


def test_the_password_is_in_no_argument_of_pg_dump(
    postgres_url: str, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S36: everybody on a machine can read the arguments of a process."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "pg_dump"
    fake.write_text('#!/bin/sh\nfor last; do :; done\nprintf "%s\\n" "$@" > "${last#--file=}"\nexit 0\n')
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    with closing(Database(postgres_url, state_dir=None)) as database:
        database.backup(tmp_path / "copy")

    arguments = (tmp_path / "copy").read_text()
    assert "--format=custom" in arguments
    assert postgres_server.password not in arguments


def test_a_missing_pg_dump_is_named(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with (
        closing(Database(postgres_url, state_dir=None)) as database,
        pytest.raises(ConfigurationError, match="pg_dump, which is not on the PATH"),
    ):
        database.backup(tmp_path / "copy")


def test_what_pg_dump_says_last_is_told(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "pg_dump"
    fake.write_text("#!/bin/sh\necho 'aborting because of server version mismatch' >&2\nexit 1\n")
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    with (
        closing(Database(postgres_url, state_dir=None)) as database,
        pytest.raises(ConfigurationError, match="pg_dump failed: aborting because of server version"),
    ):
        database.backup(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
