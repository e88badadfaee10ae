"""What is done for one job takes the same, however many others wait."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fake_clock import FakeClock
from hookline.store.database import Database
from hookline.store.tables import JOBS
from hookline_jobs.answers import pending
from hookline_jobs.job_table import JobTable
from hookline_jobs.room import COUNT_EVERY_S, Room
from hookline_jobs.rows import MOST_BEFORE, QUEUED, JobRow
from query_plans import plans_of

ROW = JobRow(
    id="job_1", tenant="t", key_id="k", call_id="c", action="a", connection=None, flow=None, state=QUEUED,
    priority=1, runs=0, owner=None, is_sent=False, is_cancelled=False, not_before_us=0, created_at_us=5,
    started_at_us=None, ended_at_us=None, expires_at_us=10**15, parts_done=None, parts_total=None, order=b"x",
    reply_status=None, reply=None, callback_url=None, is_told=False,
)  # fmt: skip

STEPS: dict[str, Callable[[JobTable], object]] = {
    "count_of": lambda table: table.count_of("t"),
    "to_queue": lambda table: table.to_queue(now_us=1, limit=9),
    "in_queue": lambda table: table.in_queue(before_us=1, limit=9),
    "mark_queued": lambda table: table.mark_queued([ROW]),
    "begin": lambda table: table.begin("job_1", 1, owner="w", now_us=1),
    "owned": lambda table: table.owned("w", before_us=1, limit=9),
    "to_cancel": lambda table: table.to_cancel("w"),
    "untold": lambda table: table.untold(before_us=1, limit=9),
    "remove_expired": lambda table: table.remove_expired(now_us=1, limit=9),
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(None, state_dir=tmp_path)
    yield database
    database.close()


@pytest.mark.parametrize("name", STEPS)
def test_no_step_of_a_job_reads_or_sorts_those_of_others(database: Database, name: str) -> None:
    table = JobTable(database)
    table.add(ROW)
    with plans_of(database) as plans:
        STEPS[name](table)
    assert plans
    assert plans.scans == []


def test_what_waits_is_counted_in_an_index_alone(database: Database) -> None:
    table = JobTable(database)
    table.add(ROW)
    with plans_of(database) as plans:
        table.count_waiting()
        table.count_of("t")
        table.position(ROW)
    reads = [step for step in plans if step.startswith("SEARCH jobs")]
    assert len(reads) == 3
    assert all("USING COVERING INDEX" in step for step in reads), plans


def test_a_position_counts_by_class_and_then_by_time(database: Database) -> None:
    table = JobTable(database)
    for number, (priority, created_at_us) in enumerate([(1, 4), (1, 5), (1, 6), (0, 9), (2, 1)]):
        table.add(replace(ROW, id=f"job_{number}", priority=priority, created_at_us=created_at_us))
    assert table.position(ROW) == 2  # the one before it in its class, and that of the class before


def test_jobs_in_front_are_counted_up_to_a_bound(database: Database) -> None:
    table = JobTable(database)
    names = [column.name for column in JOBS.c]
    values = [
        {**{name: getattr(ROW, name) for name in names}, "id": f"job_{number}", "created_at_us": number}
        for number in range(MOST_BEFORE + 5)
    ]
    with database.begin() as connection:
        connection.execute(JOBS.insert(), values)
    last, other = (replace(ROW, created_at_us=at_us) for at_us in (MOST_BEFORE + 4, MOST_BEFORE - 1))
    assert (table.position(last), table.position(other)) == (MOST_BEFORE, MOST_BEFORE - 1)
    told = pending(last, position=table.position(last), url_of=str, age_s=1.0)
    assert isinstance(told.content, bytes)
    assert json.loads(told.content)["message"] == "The job waits. 1,000 or more go before it."


class Counted:
    """Says how many jobs wait, and how often it was asked."""

    def __init__(self, *answers: int) -> None:
        self.left = list(answers)

    def __call__(self) -> int:
        return self.left.pop(0)


def take(room: Room) -> bool:
    with room.place() as is_free:
        return is_free


def test_room_is_counted_once_a_second_while_there_is_some() -> None:
    clock, counted = FakeClock(), Counted(0, 7)
    room = Room(counted, most=10, monotonic=clock.monotonic)
    assert [take(room) for _ in range(5)] == [True] * 5
    assert counted.left == [7]
    clock.advance(COUNT_EVERY_S)
    assert take(room)
    assert counted.left == []


def test_the_last_tenth_of_the_room_is_counted_for_each() -> None:
    clock, counted = FakeClock(), Counted(88, 90, 100)
    room = Room(counted, most=100, monotonic=clock.monotonic)
    assert take(room)
    assert take(room)  # by the first count
    assert take(room)  # by the second
    assert not take(room)  # other processes took the rest meanwhile


def test_nobody_is_refused_without_counting_anew() -> None:
    clock, counted = FakeClock(), Counted(0, 1, 2)
    room = Room(counted, most=2, monotonic=clock.monotonic)
    assert take(room)
    assert take(room)
    assert take(room)  # one of both has begun meanwhile
    assert not take(room)


def test_jobs_that_come_together_never_pass_the_number() -> None:
    """Each counts before the others have written theirs."""
    written: list[int] = []
    all_counted = threading.Barrier(8)

    def count() -> int:
        found = len(written)
        all_counted.wait(5)
        return found

    room = Room(count, most=3, monotonic=FakeClock().monotonic)

    def accept(number: int) -> None:
        with room.place() as is_free:
            if is_free:
                written.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(accept, range(8)))
    assert len(written) == 3


def test_a_job_that_is_not_written_takes_no_room() -> None:
    room = Room(Counted(0, 0), most=1, monotonic=FakeClock().monotonic)
    with pytest.raises(ZeroDivisionError), room.place():
        _ = 1 / 0
    assert take(room)
