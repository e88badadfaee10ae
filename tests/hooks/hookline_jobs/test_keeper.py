"""What is looked after: dead workers, a queue that forgets, and processes that were only away."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fake_clock import FakeClock
from hookline.errors import StoreUnavailableError
from hookline_jobs.job_table import JobTable
from hookline_jobs.rows import QUEUED, RUNNING, JobRow, microseconds
from hookline_jobs.worker_table import WorkerTable
from jobs_lab import JobsLab

if TYPE_CHECKING:
    from hookline.store.database import Database

MakeLab = Callable[..., JobsLab]


def waiting(lab: JobsLab, text: str = "hi") -> str:
    """Return the id of a job that waits, in a gateway that runs none."""
    return str(lab.call(text, prefer="respond-async").json["id"])  # type: ignore[index]  # it is an object


def row_of(lab: JobsLab, id: str) -> JobRow:
    row = JobTable(lab.gateway.database).get(id)
    assert row is not None
    return row


@pytest.fixture
def idle(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> JobsLab:
    """A gateway that takes jobs in and does nothing by itself, with a clock that is moved by hand."""
    monkeypatch.setattr("hookline_jobs.keeper.Keeper.wake", lambda keeper: None)
    return make_lab(options={"running": 0}, clock=FakeClock())


def pretend(lab: JobsLab, id: str, **values: object) -> None:
    """Make a job look as if another process had it."""
    from sqlalchemy import update

    from hookline.store.tables import JOBS

    with lab.gateway.database.begin() as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == id).values(**values))


def reap(lab: JobsLab) -> None:
    """Do what the keeper's thread does, at once, and with all of it due."""
    keeper = lab.office.keeper
    keeper._beat()
    keeper._steady_since_s = -math.inf  # it has been there for long
    keeper._reap()
    keeper._tell()


def test_a_job_of_a_dead_worker_that_sent_nothing_waits_again(idle: JobsLab) -> None:
    id = waiting(idle)
    pretend(idle, id, state=RUNNING, owner="worker_dead", runs=1)
    reap(idle)
    row = row_of(idle, id)
    assert (row.state, row.runs, row.is_sent) == (QUEUED, 1, False)


def test_one_that_may_have_been_charged_ends_and_says_so(idle: JobsLab) -> None:
    id = waiting(idle)
    pretend(idle, id, state=RUNNING, owner="worker_dead", runs=1, is_sent=True)
    reap(idle)
    result = idle.client.get(f"/jobs/{id}")
    assert result.status_code == 502
    assert result.json["error"]["code"] == "job_interrupted"  # type: ignore[index]  # it is an object
    assert "may have charged" in result.json["message"]  # type: ignore[index]  # it is an object
    assert [job.state for job in idle.told.jobs] == ["failed"]


def test_one_that_somebody_cancelled_is_cancelled(idle: JobsLab) -> None:
    id = waiting(idle)
    pretend(idle, id, state=RUNNING, owner="worker_dead", runs=1, is_sent=True, is_cancelled=True)
    reap(idle)
    assert row_of(idle, id).state == "cancelled"


def test_a_job_of_a_worker_that_lives_is_left_alone(idle: JobsLab) -> None:
    id = waiting(idle)
    now_us = microseconds(idle.gateway.clock.now())
    WorkerTable(idle.gateway.database).beat("worker_alive", now_us=now_us)
    pretend(idle, id, state=RUNNING, owner="worker_alive", runs=1)
    reap(idle)
    assert row_of(idle, id).state == RUNNING
    idle.gateway.clock.advance(16)  # type: ignore[attr-defined]  # the clock of tests
    reap(idle)
    assert row_of(idle, id).state == QUEUED


def test_whoever_was_away_itself_judges_nobody_until_it_has_been_there_for_a_while(idle: JobsLab) -> None:
    """After an outage of the database the first to write a sign of life would take all others for dead."""
    id = waiting(idle)
    pretend(idle, id, state=RUNNING, owner="worker_other", runs=1, is_sent=True)
    keeper, clock = idle.office.keeper, idle.gateway.clock
    keeper.tick()
    for seconds in (3600, 5, 5):
        clock.advance(seconds)  # type: ignore[attr-defined]  # the clock of tests
        keeper._beat()
        keeper._reap()
        assert row_of(idle, id).state == RUNNING
    clock.advance(6)  # type: ignore[attr-defined]  # the clock of tests
    keeper._beat()
    keeper._reap()
    assert row_of(idle, id).state == "failed"


def test_a_reply_that_comes_after_the_job_was_given_up_changes_nothing(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.gate.opened.clear()
    id = waiting(lab)
    lab.gate.wait_until_asked()
    pretend(lab, id, owner="worker_dead")
    reap(lab)
    assert row_of(lab, id).state == "failed"
    lab.gate.opened.set()
    lab.office.close()
    assert row_of(lab, id).reply_status == 502


def test_a_job_that_the_queue_has_lost_is_put_there_again(idle: JobsLab) -> None:
    id = waiting(idle)
    keeper = idle.office.keeper
    keeper.tick()
    idle.gateway.clock.advance(60)  # type: ignore[attr-defined]  # the clock of tests
    keeper._engine.forget([f"{id}.1"])
    keeper._check_queue()
    row = row_of(idle, id)
    assert (row.state, row.owner, row.runs) == (QUEUED, None, 1)
    keeper.tick()
    assert row_of(idle, id).owner == "queue"


def test_plugins_are_told_again_what_a_dead_process_could_not_tell(idle: JobsLab) -> None:
    id = waiting(idle)
    idle.client.delete(f"/jobs/{id}")
    assert idle.told.jobs == []
    idle.gateway.clock.advance(10)  # type: ignore[attr-defined]  # the clock of tests
    reap(idle)
    reap(idle)
    assert [(job.id, job.state) for job in idle.told.jobs] == [(id, "cancelled")]


def test_a_job_whose_key_is_gone_says_so_and_holds_up_no_other(make_lab: MakeLab) -> None:
    lab = make_lab(options={"running": 1})
    lab.gate.opened.clear()
    waiting(lab, "first")
    lab.gate.wait_until_asked()
    broken, sound = waiting(lab, "broken"), waiting(lab, "sound")
    order = row_of(lab, broken).order
    assert order is not None
    pretend(lab, broken, order=order[:-1] + bytes([order[-1] ^ 1]))
    lab.gate.opened.set()
    assert lab.result(f"/jobs/{broken}").json["error"]["code"] == "job_unreadable"  # type: ignore[index]
    assert lab.result(f"/jobs/{sound}").status_code == 200


def test_a_database_that_is_away_when_a_job_ends_is_waited_for(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True, False])
    finish = JobTable.finish

    def fail_twice(*args: Any, **values: Any) -> bool:
        if next(failures, False):
            raise StoreUnavailableError("The database does not answer.")
        return finish(*args, **values)

    monkeypatch.setattr(JobTable, "finish", fail_twice)
    lab = make_lab()
    assert lab.result(f"/jobs/{waiting(lab)}").status_code == 200
    assert lab.gate.sent == ["hi"]


def test_a_gateway_that_ends_finishes_what_runs_and_leaves_the_rest(make_lab: MakeLab) -> None:
    lab = make_lab(options={"running": 1})
    lab.gate.opened.clear()
    first = waiting(lab, "first")
    lab.gate.wait_until_asked()
    second = waiting(lab, "second")
    threading.Timer(0.2, lab.gate.opened.set).start()

    lab.office.close()

    assert lab.gate.sent == ["first"]
    assert row_of(lab, first).state == "done"
    assert row_of(lab, second).state == QUEUED


def test_two_workers_never_take_the_same_job(database: Database) -> None:
    table = JobTable(database)
    row = JobRow(
        id="job_1", tenant="t", key_id="k", call_id="c", action="acme.say", connection=None, flow=None,
        state=QUEUED, priority=1, runs=0, owner=None, is_sent=False, is_cancelled=False, not_before_us=0,
        created_at_us=0, started_at_us=None, ended_at_us=None, expires_at_us=10**15, parts_done=None,
        parts_total=None, order=b"x", reply_status=None, reply=None, callback_url=None, is_told=False,
    )  # fmt: skip
    for number in range(20):
        table.add(replace(row, id=f"job_{number}"))
    taken: list[tuple[str, str]] = []

    def take(owner: str) -> None:
        for number in range(20):
            if table.begin(f"job_{number}", 1, owner=owner, now_us=1) is not None:
                taken.append((f"job_{number}", owner))

    threads = [threading.Thread(target=take, args=[f"worker_{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(id for id, _ in taken) == sorted(f"job_{number}" for number in range(20))
    assert not table.mark_sent("job_0", 2)
    assert table.mark_sent("job_0", 1)
    assert not table.finish("job_0", 2, state="done", status=200, reply=b"", now_us=2, expires_at_us=3)
    assert table.finish("job_0", 1, state="done", status=200, reply=b"", now_us=2, expires_at_us=3)
    assert not table.put_back("job_0", 1, not_before_us=0)
    assert (table.count_waiting(), table.count_of("t")) == (0, (0, 19))
