"""The queue and its thread: nobody waits for them, and no row is lost or doubled while there is room."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from fake_clock import START
from hookline.errors import StoreUnavailableError
from hookline_ledger.rows import UsageRow
from hookline_ledger.waiting import WaitingRows
from hookline_ledger.writer import BATCH_ROWS, LedgerWriter


def row(number: int = 0) -> UsageRow:
    return UsageRow(
        call_id=f"call_{number}",
        parent_id=None,
        at=START,
        key_id="k1",
        tenant="acme",
        end_user=None,
        flow=None,
        action="acme.say",
        door="action",
        connection="acme",
        model=None,
        usage=None,
        status=200,
        error_code=None,
        attempts=1,
        first_byte_s=None,
        total_s=0.1,
        is_stream=False,
        is_internal=False,
        took_nothing=False,
    )


@dataclass
class Store:
    """Keeps what is inserted, unless ``fail`` raises."""

    fail: Callable[[Sequence[UsageRow]], None] = lambda rows: None
    batches: list[list[UsageRow]] = field(default_factory=list)
    tries: int = 0
    tended: int = 0
    tend_again_s: float = 3600.0

    def insert(self, rows: Sequence[UsageRow]) -> None:
        self.tries += 1
        self.fail(rows)
        self.batches.append(list(rows))

    def tend(self) -> float:
        self.tended += 1
        return self.tend_again_s

    @property
    def ids(self) -> list[str]:
        return [row.call_id for batch in self.batches for row in batch]


def wait_until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.005)


def ids(count: int) -> list[str]:
    return [f"call_{number}" for number in range(count)]


def down(_: Sequence[UsageRow]) -> None:
    raise StoreUnavailableError("The database cannot be reached.")


def test_nothing_runs_before_the_first_row() -> None:
    before = threading.active_count()
    writer = LedgerWriter(Store(), max_waiting=1000)
    assert threading.active_count() == before
    writer.close(1)


def test_a_row_is_written_within_a_quarter_of_a_second() -> None:
    store = Store()
    writer = LedgerWriter(store, max_waiting=1000)
    began = time.monotonic()
    writer.put(row())
    wait_until(lambda: bool(store.batches))
    assert time.monotonic() - began < 2  # 0.25 s and what a busy machine adds
    writer.close(5)
    assert store.ids == ["call_0"]


def test_rows_that_come_together_are_written_together() -> None:
    store = Store()
    writer = LedgerWriter(store, max_waiting=10_000, flush_s=0.2)
    for number in range(1000):
        writer.put(row(number))
    writer.close(5)
    assert store.ids == ids(1000)
    assert max(map(len, store.batches)) <= BATCH_ROWS
    assert len(store.batches) <= 7
    assert writer.state() == {"written": 1000, "waiting": 0, "dropped": 0}


def test_a_full_batch_does_not_wait_for_more() -> None:
    store = Store()
    writer = LedgerWriter(store, max_waiting=10_000, flush_s=60)
    for number in range(BATCH_ROWS):
        writer.put(row(number))
    wait_until(lambda: len(store.ids) == BATCH_ROWS)
    writer.close(5)


def test_every_row_of_many_threads_is_written_once() -> None:
    store = Store()
    writer = LedgerWriter(store, max_waiting=100_000, flush_s=0.001)
    barrier = threading.Barrier(16)

    def put(first: int) -> None:
        barrier.wait()
        for number in range(first, first + 500):
            writer.put(row(number))

    threads = [threading.Thread(target=put, args=(first * 500,)) for first in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close(10)
    assert sorted(store.ids) == sorted(ids(8000))


def test_what_waits_is_bounded_and_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    hold = threading.Event()
    store = Store(fail=lambda rows: (hold.wait(10), None)[1])
    writer = LedgerWriter(store, max_waiting=300, flush_s=0.001)
    writer.put(row(0))
    wait_until(lambda: store.tries == 1)  # from now on the writer hangs with the first row
    took_ns = []
    for number in range(1, 1001):
        began = time.perf_counter_ns()
        writer.put(row(number))
        took_ns.append(time.perf_counter_ns() - began)
    assert len(writer.waiting) == 300
    assert writer.waiting.dropped == 700
    assert sorted(took_ns)[500] < 1_000_000  # none of them waits for the writer
    hold.set()
    writer.close(5)
    assert store.ids == ids(301)
    told = [record.message for record in caplog.records if "were lost" in record.message]
    assert told == ["1 usage rows were lost, 1 since this worker began"]  # and no more for a minute


def test_drops_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    waiting = WaitingRows(lambda: None, max_waiting=0, monotonic=lambda: now[0])
    for seconds in range(0, 121, 2):
        now[0] = float(seconds)
        waiting.put(row())
    assert waiting.dropped == 61
    assert [record.getMessage() for record in caplog.records] == [
        "1 usage rows were lost, 1 since this worker began",
        "30 usage rows were lost, 31 since this worker began",
        "30 usage rows were lost, 61 since this worker began",
    ]


def test_an_outage_delays_rows_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(fail=down)
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.001)
    with caplog.at_level(logging.WARNING):
        for number in range(300):
            writer.put(row(number))
        wait_until(lambda: store.tries >= 3)
        assert writer.outage == "The database cannot be reached."
        assert writer.waiting.dropped == 0
        store.fail = lambda rows: None
        wait_until(lambda: len(store.ids) == 300)
        wait_until(lambda: writer.outage is None)
    writer.close(5)
    assert store.ids == ids(300)
    told = [record.getMessage() for record in caplog.records]
    assert [text.partition(":")[0] for text in told] == [
        "usage rows cannot be written and are kept for now",
        f"usage rows are written again; {told[1].split()[-2]} wait",
    ]


def test_a_row_that_is_refused_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(rows: Sequence[UsageRow]) -> None:
        if any(row.call_id == "call_7" for row in rows):
            raise ValueError("does not fit")

    store = Store(fail=refuse)
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.05)
    for number in range(20):
        writer.put(row(number))
    writer.close(5)
    assert sorted(store.ids) == sorted(set(ids(20)) - {"call_7"})
    assert writer.waiting.dropped == 1
    assert "a usage row was refused: call_7" in caplog.text


def test_an_outage_among_refused_rows_loses_none() -> None:
    tries = []

    def refuse(rows: Sequence[UsageRow]) -> None:
        tries.append(len(rows))
        if len(rows) > 1:
            raise ValueError("does not fit")
        if len(tries) in (3, 4):
            down(rows)

    store = Store(fail=refuse)
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.05)
    for number in range(5):
        writer.put(row(number))
    wait_until(lambda: len(store.ids) == 5)
    writer.close(5)
    assert store.ids == ids(5)


def test_closing_writes_what_waits() -> None:
    store = Store()
    writer = LedgerWriter(store, max_waiting=1000, flush_s=60)
    for number in range(3):
        writer.put(row(number))
    began = time.monotonic()
    writer.close(30)
    assert time.monotonic() - began < 10
    assert store.ids == ids(3)


def test_closing_takes_no_longer_than_it_may(caplog: pytest.LogCaptureFixture) -> None:
    hold = threading.Event()
    store = Store(fail=lambda rows: (hold.wait(30), None)[1])
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.001)
    writer.put(row(0))
    wait_until(lambda: store.tries == 1)
    for number in range(1, 4):
        writer.put(row(number))
    began = time.monotonic()
    writer.close(0.2)
    assert time.monotonic() - began < 5
    assert "4 usage rows could not be written before the end" in caplog.text
    hold.set()


def test_closing_during_an_outage_tries_once_more_and_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(fail=down)
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.001)
    writer.put(row(0))
    wait_until(lambda: store.tries >= 1)
    began = time.monotonic()
    writer.close(30)
    assert time.monotonic() - began < 10
    assert "1 usage rows could not be written before the end: The database cannot be reached." in caplog.text


def test_what_comes_after_the_end_is_counted_as_lost() -> None:
    store = Store()
    writer = LedgerWriter(store, max_waiting=1000)
    writer.close(1)
    writer.put(row())
    assert (store.tries, writer.waiting.dropped) == (0, 1)


def test_the_store_is_tended_now_and_then_and_between_batches() -> None:
    now = [0.0]
    store = Store(tend_again_s=10.0)
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.001, monotonic=lambda: now[0])
    for number, seconds in enumerate([0.0, 59.0, 60.0, 61.0, 70.0, 71.0]):
        now[0] = seconds
        writer.put(row(number))
        wait_until(lambda count=number + 1: len(store.ids) == count)  # type: ignore[misc]  # bound per turn
        wait_until(lambda: len(writer.waiting) == 0)
    writer.close(5)
    assert store.tended == 2


def test_a_failure_to_tend_stops_no_row(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Store):
        def tend(self) -> float:
            self.tended += 1
            raise (
                StoreUnavailableError("The database took too long.") if self.tended == 1 else ValueError("x")
            )

    now = [0.0]
    store = Broken()
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.001, monotonic=lambda: now[0])
    for number in range(3):
        now[0] += 100.0
        writer.put(row(number))
        wait_until(lambda count=number + 1: len(store.ids) == count)  # type: ignore[misc]  # bound per turn
    writer.close(5)
    assert store.ids == ids(3)
    assert "old usage rows could not be removed: The database took too long." in caplog.text


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_begins_anew() -> None:
    """The rows of the parent are written by the parent, and only by it."""
    hold = threading.Event()
    store = Store(fail=lambda rows: (hold.wait(20), None)[1])
    writer = LedgerWriter(store, max_waiting=1000, flush_s=0.001)
    writer.put(row(0))
    wait_until(lambda: store.tries == 1)
    writer.put(row(1))
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            own = Store()
            writer._store = own
            writer.put(row(2))
            writer.close(5)
            os.write(write_end, ",".join(own.ids).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    written = os.read(read_end, 1000)
    os.close(read_end)
    os.waitpid(pid, 0)
    assert written == b"call_2"
    hold.set()
    writer.close(5)
    assert store.ids == ids(2)
