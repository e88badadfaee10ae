from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import Result

from hookline.store import failures
from hookline.store.database import Database
from hookline.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from servers import PostgresServer

Run = Callable[..., Result]
TABLES = [
    "audit_events",
    "callback_secrets",
    "connections",
    "deliveries",
    "job_workers",
    "jobs",
    "kept_replies",
    "keys",
    "oauth_grants",
    "replay_ids",
    "store_state",
    "usage_rows",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def environ(folder: Path) -> Mapping[str, str]:
    return {"HOOKLINE_STATE_DIR": str(folder)}


@pytest.fixture
def where(folder: Path) -> str:
    return f"sqlite:///{folder}/hookline.sqlite3"


def test_status_makes_nothing(run: Run, folder: Path, where: str, environ: Mapping[str, str]) -> None:
    result = run("db", "status", environ=environ)

    assert result.exit_code == 0
    lines = [line.split(maxsplit=1) for line in result.output.splitlines()]
    assert ["where", where] in lines
    assert ["revision", "none yet (this program needs 0004)"] in lines
    assert ["usable", "yes, first use makes it"] in lines
    assert not folder.exists()


def test_status_counts_rows(run: Run, where: str, environ: Mapping[str, str]) -> None:
    run("db", "upgrade", environ=environ)

    result = run("db", "status", environ=environ)

    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()[-len(TABLES) :]] == [
        [name, "0"] for name in TABLES
    ]
    assert "usable    yes\n" in result.output


def test_status_as_json(run: Run, where: str, environ: Mapping[str, str]) -> None:
    run("db", "upgrade", environ=environ)

    found = json.loads(run("db", "status", "--json", environ=environ).output)

    assert found.pop("size_bytes") > 50_000
    assert found == {
        "where": where,
        "dialect": "sqlite",
        "revision": "0004",
        "head": "0004",
        "problem": None,
        "rows": dict.fromkeys(TABLES, 0),
    }


def test_upgrade_says_what_it_did_and_then_that_there_is_nothing_to_do(
    run: Run, where: str, environ: Mapping[str, str]
) -> None:
    first, second = run("db", "upgrade", environ=environ), run("db", "upgrade", environ=environ)

    assert (first.exit_code, first.output) == (
        0,
        f"{where} is at revision 0004; applied: 0001, 0002, 0003, 0004.\n",
    )
    assert second.output == f"{where} is at revision 0004; there was nothing to do.\n"
    assert json.loads(run("db", "upgrade", "--json", environ=environ).output) == {
        "where": where,
        "applied": [],
        "revision": "0004",
    }


def test_postgresql_is_upgraded_by_the_command(
    run: Run,
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.new_database(is_upgraded=False)
    environ = {"HOOKLINE_DATABASE_URL": url}

    before = run("db", "status", environ=environ)
    upgraded = run("db", "upgrade", "--json", environ=environ)
    after = run("db", "status", "--json", environ=environ)

    assert before.exit_code == 1
    assert "no: The database does not hold the gateway's tables yet." in before.output
    assert json.loads(upgraded.output)["applied"] == ["0001", "0002", "0003", "0004"]
    assert (after.exit_code, json.loads(after.output)["problem"]) == (0, None)
    assert postgres_server.password not in before.output + upgraded.output + after.output
    postgres_server.drop_database(url)


def test_a_server_that_is_not_there_is_told_without_the_password(run: Run) -> None:
    """S23."""
    result = run("db", "status", environ={"HOOKLINE_DATABASE_URL": "postgresql://ada:w0rd@127.0.0.1:1/gate"})

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The database cannot be reached.\n")
    assert "w0rd" not in result.output


def test_a_url_that_is_none_is_a_mistake_of_configuration(run: Run) -> None:
    result = run("db", "status", environ={"HOOKLINE_DATABASE_URL": "mysql://ada:w0rd@127.0.0.1/gate"})

    assert result.exit_code == 2
    assert "HOOKLINE_DATABASE_URL" in result.stderr
    assert "w0rd" not in result.output


def test_backup_writes_a_copy_for_its_owner(
    run: Run, tmp_path: Path, where: str, environ: Mapping[str, str]
) -> None:
    run("db", "upgrade", environ=environ)
    target = tmp_path / "copy.sqlite3"

    result = run("db", "backup", str(target), environ=environ)

    assert result.exit_code == 0
    assert result.output.startswith(f"{where} was copied to {target}, ")
    assert oct(target.stat().st_mode & 0o777) == "0o600"
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT version_num FROM hookline_revision").fetchall() == [("0004",)]


def test_backup_replaces_a_file_only_with_force(
    run: Run, tmp_path: Path, where: str, environ: Mapping[str, str]
) -> None:
    target = tmp_path / "copy.sqlite3"
    target.write_text("precious")

    refused = run("db", "backup", str(target), environ=environ)
    assert (refused.exit_code, target.read_text()) == (2, "precious")
    assert "--force" in refused.stderr

    forced = run("db", "backup", str(target), "--force", "--json", environ=environ)
    assert json.loads(forced.output) == {
        "where": where,
        "file": str(target),
        "size_bytes": target.stat().st_size,
    }


@pytest.mark.parametrize("command", [["db"], ["audit"]])
def test_help_shows_examples_and_loads_no_database(run: Run, command: list[str]) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from hookline.cli.group import build_cli\n"
        f"try: build_cli()({[*command, '--help']!r})\n"
        "finally: print([name for name in ('sqlalchemy', 'alembic', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "Examples:" in done.stdout
    assert done.stdout.endswith("[]\n")


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that this process may not look into."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o700)
    (folder / "state").mkdir()
    if os.getuid() == 0:
        os.chown(folder, 12345, 12345)
        os.seteuid(65534)
    else:
        folder.chmod(0)
    try:
        yield folder / "state"
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        else:
            folder.chmod(0o700)


@pytest.fixture
def warm(run: Run, tmp_path: Path) -> None:
    """Load all that the command loads, while every file can be read."""
    run("db", "upgrade", environ={"HOOKLINE_STATE_DIR": str(tmp_path / "warm")})
    run("db", "status", environ={"HOOKLINE_STATE_DIR": str(tmp_path / "warm")})


@pytest.mark.usefixtures("warm")
def test_a_folder_that_may_not_be_read_is_named(run: Run, nobody: Path) -> None:
    result = run("db", "status", "--json", environ={"HOOKLINE_STATE_DIR": str(nobody)})

    assert result.exit_code == 1
    problem = json.loads(result.stdout)["problem"]
    assert problem.startswith(f"The folder {nobody} cannot be used: Permission denied.")
    assert "HOOKLINE_STATE_DIR" in problem
    for command in (("audit", "list"), ("db", "backup", "copy")):
        result = run(*command, environ={"HOOKLINE_STATE_DIR": str(nobody)})
        assert result.exit_code == 2
        assert f"The folder {nobody} cannot be used: Permission denied." in result.stderr


@pytest.mark.parametrize("place", ["/proc/nope", "/dev/null", "/dev/null/state", "FILE", "x" * 300])
def test_a_folder_that_cannot_be_made_is_told_before_its_first_use(
    run: Run, tmp_path: Path, place: str
) -> None:
    (tmp_path / "FILE").write_text("no folder")
    place = str(tmp_path / place)

    result = run("db", "status", environ={"HOOKLINE_STATE_DIR": place})

    assert result.exit_code == 1, result.output
    told = " ".join(result.stdout.split())
    assert "usable no: " in told
    assert "HOOKLINE_STATE_DIR" in told
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["FILE"]


def test_a_database_that_can_be_read_only_is_not_usable(
    run: Run, folder: Path, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("db", "upgrade", environ=environ)
    monkeypatch.setattr(Database, "_look", lambda _: failures.READ_ONLY)

    result = run("db", "status", environ=environ)

    assert result.exit_code == 1
    assert f"no: {failures.READ_ONLY}" in result.stdout


def test_a_disk_that_is_almost_full_is_not_usable(
    run: Run, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("db", "upgrade", environ=environ)
    monkeypatch.setattr(SqliteBackend, "free_bytes", lambda _: 0)

    result = run("db", "status", environ=environ)

    assert result.exit_code == 1
    assert "almost full" in result.stdout


def test_a_backup_without_room_blames_its_own_disk(
    run: Run, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    run("db", "upgrade", environ=environ)
    target = tmp_path / "copy.sqlite3"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        result = run("db", "backup", str(target), environ=environ)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    assert result.exit_code == 2
    assert f"No backup can be written to {target}: its disk" in result.stderr
    assert not target.exists()
