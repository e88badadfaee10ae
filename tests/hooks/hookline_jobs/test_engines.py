"""What brings jobs to workers: the same rules for the queue in memory and for DBOS."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hookline.errors import StoreUnavailableError
from hookline_jobs.dbos_engine import DbosEngine
from hookline_jobs.engine import JobEngine, Ticket
from hookline_jobs.memory_engine import MemoryEngine

SOON_S = 20.0
Make = Callable[..., JobEngine]


class Runs:
    """Notes which runs come, and holds them until it is told to let them go."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.seen: list[tuple[str, int]] = []
        self.most = 0
        self._now = 0
        self._changed = threading.Condition()
        self._is_open = is_open

    def __call__(self, job_id: str, run: int) -> None:
        with self._changed:
            self.seen.append((job_id, run))
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._is_open, SOON_S)
            self._now -= 1

    def open(self) -> None:
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, SOON_S), self.seen


EVERYWHERE = pytest.mark.parametrize("make", ["memory", "sqlite", "postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hookline_jobs.dbos_engine._POLL_S", 0.05)


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[JobEngine] = []
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None

    def make(*, running: int = 4, running_per_lane: int = 4, worker_id: str = "worker_1") -> JobEngine:
        engine: JobEngine
        if request.param == "memory":
            engine = MemoryEngine(running=running, running_per_lane=running_per_lane)
        else:
            engine = DbosEngine(
                url=url,
                folder=tmp_path,
                worker_id=worker_id,
                running=running,
                running_per_lane=running_per_lane,
            )
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.stop(within_s=0)


def ticket(
    job_id: str, *, priority: int = 1, lane: str = "main", delay_s: float = 0.0, run: int = 1
) -> Ticket:
    return Ticket(job_id=job_id, run=run, priority=priority, lane=lane, delay_s=delay_s)


@EVERYWHERE
def test_each_run_comes_once_however_often_it_is_put_there(make: Make) -> None:
    engine, runs = make(), Runs()
    engine.start(runs)
    for _ in range(3):
        engine.put(ticket("a"))
        engine.put(ticket("b"))
    engine.put(ticket("a", run=2))
    runs.wait_for(3)
    engine.put(ticket("last"))
    runs.wait_for(4)
    assert sorted(runs.seen) == [("a", 1), ("a", 2), ("b", 1), ("last", 1)]


def test_lower_numbers_go_first(make: Make) -> None:
    engine, runs = make(running=1), Runs(is_open=False)
    engine.start(runs)
    engine.put(ticket("first"))
    runs.wait_for(1)
    for number, name in ((1_000_002, "later"), (1_000_001, "soon"), (5, "now")):
        engine.put(ticket(name, priority=number))
    runs.open()
    runs.wait_for(4)
    assert [name for name, _ in runs.seen] == ["first", "now", "soon", "later"]


@EVERYWHERE
def test_no_lane_takes_more_than_its_places(make: Make) -> None:
    engine, runs = make(running=4, running_per_lane=1), Runs(is_open=False)
    engine.start(runs)
    for name in ("a", "b", "c"):
        engine.put(ticket(name, lane="narrow"))
    engine.put(ticket("other", lane="wide"))
    runs.wait_for(2)
    assert sorted(name for name, _ in runs.seen) == ["a", "other"]
    runs.open()
    runs.wait_for(4)


def test_what_is_put_off_comes_later(make: Make) -> None:
    engine, runs = make(), Runs()
    engine.start(runs)
    began = time.monotonic()
    engine.put(ticket("later", delay_s=0.6))
    runs.wait_for(1)
    assert time.monotonic() - began >= 0.6


def test_a_process_that_runs_none_takes_none(make: Make) -> None:
    engine, runs = make(running=0), Runs()
    engine.start(runs)
    engine.put(ticket("a"))
    assert engine.lost([ticket("a")], alive=["worker_1"]) == []
    time.sleep(0.5)  # longer than the queue is looked at
    assert runs.seen == []


def test_what_nobody_will_run_is_found(make: Make) -> None:
    engine, runs = make(), Runs()
    engine.start(runs)
    engine.put(ticket("later", delay_s=60))
    unknown = ticket("unknown")
    assert engine.lost([ticket("later"), unknown], alive=["worker_1"]) == [unknown]


def test_runs_that_are_over_are_forgotten(make: Make) -> None:
    engine, runs = make(), Runs()
    engine.start(runs)
    engine.put(ticket("a"))
    runs.wait_for(1)
    time.sleep(0.1)
    engine.forget(["a.1", "never.1"])
    assert engine.lost([ticket("a")], alive=["worker_1"]) == [ticket("a")]


def test_a_run_that_was_taken_by_a_dead_worker_is_found(tmp_path: Path) -> None:
    def engine(worker_id: str, *, running: int) -> DbosEngine:
        return DbosEngine(url=None, folder=tmp_path, worker_id=worker_id, running=running, running_per_lane=4)

    first, runs = engine("worker_1", running=4), Runs(is_open=False)
    first.start(runs)
    first.put(ticket("a"))
    runs.wait_for(1)
    first.stop(within_s=0)  # as if it had been killed: the run is still its own
    second = engine("worker_2", running=0)
    second.start(Runs())
    try:
        assert second.lost([ticket("a")], alive=["worker_1", "worker_2"]) == []
        assert second.lost([ticket("a")], alive=["worker_2"]) == [ticket("a")]
    finally:
        second.stop(within_s=0)
        runs.open()


def test_what_a_dead_worker_holds_takes_up_no_place_of_its_lane(tmp_path: Path) -> None:
    """DBOS counts what runs by whoever runs it, dead or alive."""

    def engine(worker_id: str) -> DbosEngine:
        return DbosEngine(url=None, folder=tmp_path, worker_id=worker_id, running=4, running_per_lane=1)

    first, held = engine("worker_1"), Runs(is_open=False)
    first.start(held)
    first.put(ticket("a"))
    held.wait_for(1)
    first.stop(within_s=0)  # as if it had been killed
    second, runs = engine("worker_2"), Runs()
    second.start(runs)
    try:
        second.put(ticket("b"))
        second.sweep(alive=["worker_1", "worker_2"])
        time.sleep(0.7)  # longer than the queue is looked at
        assert runs.seen == []
        second.sweep(alive=["worker_2"])
        runs.wait_for(1)
        assert runs.seen == [("b", 1)]
    finally:
        second.stop(within_s=0)
        held.open()


def test_a_process_has_room_for_one_queue_and_another_one_is_told_so(tmp_path: Path) -> None:
    first, second = (
        DbosEngine(url=None, folder=tmp_path, worker_id=name, running=1, running_per_lane=1)
        for name in ("worker_1", "worker_2")
    )
    first.start(Runs())
    try:
        with pytest.raises(StoreUnavailableError, match="a process has room for one"):
            second.start(Runs())
        second.stop(within_s=0)
        runs = Runs()
        first.put(ticket("a"))
        assert runs.seen == []
    finally:
        first.stop(within_s=0)
    second.start(Runs())
    second.stop(within_s=0)


def test_a_queue_that_cannot_be_opened_is_a_store_that_is_down(tmp_path: Path) -> None:
    engine = DbosEngine(
        url="postgresql://nobody:none@127.0.0.1:1/none",
        folder=None,
        worker_id="worker_1",
        running=1,
        running_per_lane=1,
    )
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        engine.start(Runs())


def test_nothing_is_pickled(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    engine, runs = (
        DbosEngine(url=None, folder=tmp_path, worker_id="worker_1", running=1, running_per_lane=1),
        Runs(),
    )
    engine.start(runs)
    engine.put(ticket("job_1", delay_s=60))
    engine.stop(within_s=0)
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite3")) as connection:
        [(kind,)] = connection.execute("SELECT serialization FROM workflow_status").fetchall()
        [row] = connection.execute("SELECT * FROM workflow_input").fetchall()
    assert (kind, json.loads(row[1])["positionalArgs"]) == ("portable_json", ["job_1", 1])
    assert (tmp_path / "jobs.sqlite3").stat().st_mode & 0o077 == 0
