"""A file that is deleted, locked, read-only, full or broken (S37): closed, and back without a restart."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookline.clock import SYSTEM_CLOCK
from hookline.errors import StoreUnavailableError
from hookline_limits import sqlite_file
from hookline_limits.sqlite_schema import PRAGMAS
from hookline_limits.sqlite_store import SqliteStore
from limits_lab import LabClock, counter, must_refuse, must_take, take

if TYPE_CHECKING:
    from hookline_limits.rules import Counter

TOKENS = counter("1000 tokens / hour")
RUNNING = counter("2 concurrent")
PATIENCE_S = 0.3
SOON_S = 10.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "limits.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path, SYSTEM_CLOCK, patience_s=PATIENCE_S, lease_s=2.0)
    yield opened
    opened.close()


def must_fail(store: SqliteStore) -> float:
    """Return how long it took until the store was found not to answer."""
    began_at = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        take(store, (TOKENS, 1))
    assert caught.value.status == 503
    return time.monotonic() - began_at


def fill(store: SqliteStore, counters: list[Counter]) -> None:
    """Count for more holders than there is room for."""
    for one in counters:
        take(store, (one, 1))


def until_back(store: SqliteStore) -> None:
    end = time.monotonic() + SOON_S
    while store.check() is not None:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_locked_file_makes_few_calls_wait_and_is_back_by_itself(path: Path, store: SqliteStore) -> None:
    hold = must_take(store, (TOKENS, 500), (RUNNING, 1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert PATIENCE_S * 0.9 <= must_fail(store) < PATIENCE_S + 2
        assert sum(must_fail(store) for _ in range(100)) < 2 * PATIENCE_S
        assert store.check() is not None
        hold.settle([120, 0])
        other.execute("ROLLBACK")

    until_back(store)
    end = time.monotonic() + SOON_S
    while store.look([TOKENS, RUNNING]) != [120, 0]:
        assert time.monotonic() < end
        time.sleep(0.02)
    hold.settle([120, 0])
    assert store.look([TOKENS, RUNNING]) == [120, 0]


def test_after_the_file_was_deleted_all_processes_count_in_the_same_new_one(
    path: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(SqliteStore(path, SYSTEM_CLOCK)) as other:
        for one in (store, other):
            must_take(one, (RUNNING, 1))
        for file in path.parent.iterdir():
            file.unlink()

        must_take(store, (RUNNING, 1))
        must_take(other, (RUNNING, 1))
        must_refuse(store, (RUNNING, 1))
        must_refuse(other, (RUNNING, 1))
    assert "removed or replaced" in caplog.text


def test_after_the_folder_was_deleted_it_is_made_again(path: Path, store: SqliteStore) -> None:
    must_take(store, (RUNNING, 1))
    shutil.rmtree(path.parent)

    must_take(store, (RUNNING, 2))


def test_a_file_that_is_none_of_sqlite_refuses(path: Path, store: SqliteStore) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is a letter and no database." * 100)

    must_fail(store)
    assert store.check() is not None
    path.unlink()

    until_back(store)
    must_take(store, (TOKENS, 1))


def test_a_full_disk_refuses_and_takes_nothing(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = must_take(store, (TOKENS, 500), (RUNNING, 1))
    store.close()
    pages = "PRAGMA max_page_count = 1"  # fewer than there are: the file may not grow
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_file, "PRAGMAS", (*PRAGMAS, pages))
        many = [counter("5 tokens / hour per user", "x" * 64 + str(number)) for number in range(2000)]

        full = SqliteStore(path, SYSTEM_CLOCK, patience_s=PATIENCE_S)
        with pytest.raises(StoreUnavailableError):
            fill(full, many)
        assert full.check() is not None
        full.close()
    until_back(store)
    assert store.look([TOKENS]) in ([0], [500])
    hold.settle([100, 0])
    must_take(store, (TOKENS, 800))


_CHILD = """
import os, sys
from pathlib import Path
from hookline.clock import SYSTEM_CLOCK
from hookline.errors import StoreUnavailableError
from hookline_limits.sqlite_schema import PRAGMAS
from hookline_limits.sqlite_store import SqliteStore
from hookline_limits.rules import Take, make_rule
from hookline.limit import parse_limit
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
store = SqliteStore(Path(sys.argv[1]), SYSTEM_CLOCK, patience_s=0.3)
counter = make_rule(parse_limit("5 requests / minute"), tenant="t").counter("k")
try:
    store.take([Take(counter, 1)])
except StoreUnavailableError as error:
    print(error.status, store.check())
"""


def test_a_file_that_may_not_be_written_refuses(path: Path, store: SqliteStore) -> None:
    """Root may write anything, so a process of another user tries."""
    must_take(store, (TOKENS, 1))
    store.close()
    for folder in (path.parent, *list(path.parents)[1:4]):
        folder.chmod(0o755)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(path)], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        path.parent.chmod(0o755)
    assert done.stdout.startswith("503 "), done.stderr
    assert "None" not in done.stdout


def test_only_the_owner_of_the_gateway_may_read_the_file(path: Path, store: SqliteStore) -> None:
    must_take(store, (TOKENS, 1))

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_what_no_longer_counts_is_cleared_away(tmp_path: Path) -> None:
    clock = LabClock()
    with closing(SqliteStore(tmp_path / "l.sqlite3", clock, lease_s=3600)) as store:
        for number in range(1200):
            must_take(store, (counter("5 requests / minute per user", str(number)), 1)).settle([1])
        clock.advance(1000)

        store.tend()

        with closing(sqlite3.connect(tmp_path / "l.sqlite3")) as reader:
            assert reader.execute("SELECT count(*) FROM amounts").fetchone() == (0,)


def test_a_lease_that_the_clock_left_too_long_is_shortened(tmp_path: Path) -> None:
    """A process that died before the clock was set back does not keep what it had for longer than a lease."""
    clock, early = LabClock(), LabClock()
    early.advance(24 * 3600)
    dead = SqliteStore(tmp_path / "l.sqlite3", early, lease_s=30)
    must_take(dead, (RUNNING, 2))
    dead._keeper.close()
    with closing(SqliteStore(tmp_path / "l.sqlite3", clock, lease_s=30)) as store:
        must_refuse(store, (RUNNING, 1))
        assert store.check() is None
        clock.advance(31)

        must_take(store, (RUNNING, 2))


def test_a_process_that_slept_through_its_lease_keeps_what_it_has(tmp_path: Path) -> None:
    """As after a laptop was shut, or the clock leapt ahead."""
    clock = LabClock()
    with closing(SqliteStore(tmp_path / "l.sqlite3", clock, lease_s=30)) as store:
        must_take(store, (RUNNING, 2))
        clock.advance(3600)

        must_refuse(store, (RUNNING, 1))


def test_a_file_that_nobody_counted_in_is_not_made(path: Path) -> None:
    store = SqliteStore(path, SYSTEM_CLOCK, checks_unused=False)

    assert store.check() is None
    store.close()

    assert not path.parent.exists()


def test_a_new_file_that_another_process_is_just_making_is_waited_for(path: Path) -> None:
    """SQLite itself does not wait when a file is switched to write-ahead logging."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE made_by_another (x)")
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, other.execute, ["COMMIT"])
        release.start()
        with closing(SqliteStore(path, SYSTEM_CLOCK, patience_s=SOON_S)) as store:
            must_take(store, (TOKENS, 1))
        release.join(SOON_S)
