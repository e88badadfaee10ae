"""What is known of stored connections: how old it may be, and what an outage of the database does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from fake_clock import FakeClock
from hookline.errors import StoreUnavailableError
from hookline_connections.book import Book, Snapshot
from hookline_connections.rows import StoredConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Table:
    """Rows that can be changed, and be away."""

    def __init__(self) -> None:
        self.number = 0
        self.reads = 0
        self.looks = 0
        self.is_away = False

    def version(self) -> tuple[int, int]:
        self.looks += 1
        if self.is_away:
            raise StoreUnavailableError("The database cannot be reached.")
        return self.number, 0

    def read(self) -> list[StoredConnection]:
        self.reads += 1
        return [StoredConnection(tenant="", name=f"n{self.number}", connector="acme")]


class Lab:
    """A book whose readings are done when the test says so, or at once."""

    def __init__(self, *, at_once: bool = True, **more: Any) -> None:
        self.table, self.clock = Table(), FakeClock()
        self.waiting: list[Callable[[], None]] = []
        self.fails = False
        start: Callable[[Callable[[], None]], None] = (
            (lambda work: work()) if at_once else self.waiting.append
        )
        options: dict[str, Any] = {"cache_s": 5, "max_stale_s": 60, "wait_s": 0.01, "start": start, **more}
        self.book = Book(self.table, self.build, clock=self.clock, **options)

    def build(self, rows: Iterable[StoredConnection]) -> Snapshot:
        if self.fails:
            raise ZeroDivisionError
        return Snapshot(rows=tuple(rows))

    @property
    def name(self) -> str:
        return self.book.current().rows[0].name

    def catch_up(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


def test_rows_are_looked_at_again_after_the_stated_time_and_read_only_if_they_changed() -> None:
    lab = Lab()
    assert [lab.name for _ in range(3)] == ["n0"] * 3
    assert (lab.table.looks, lab.table.reads) == (1, 1)

    lab.clock.advance(5.1)
    assert lab.name == "n0"
    assert (lab.table.looks, lab.table.reads) == (2, 1)
    lab.table.number = 1
    assert lab.name == "n0"
    lab.clock.advance(5.1)
    assert lab.name == "n1"
    assert (lab.table.looks, lab.table.reads) == (3, 2)


def test_all_rows_are_read_now_and_then_even_if_nothing_seems_to_have_changed() -> None:
    lab = Lab()
    for _ in range(40):
        _ = lab.name
        lab.clock.advance(5.1)

    assert 3 <= lab.table.reads <= 5


def test_calls_do_not_wait_for_a_reading_until_what_is_known_is_twice_as_old() -> None:
    lab = Lab(at_once=False)
    lab.waiting.clear()
    threading.Timer(0.05, lab.catch_up).start()
    assert lab.name == "n0"  # the first waits
    lab.table.number = 1

    lab.clock.advance(5.1)
    assert lab.name == "n0"
    assert lab.name == "n0"
    assert len(lab.waiting) == 1  # one reads, whoever asks
    lab.catch_up()
    assert lab.name == "n1"
    lab.table.number = 2
    lab.clock.advance(10.1)
    assert lab.name == "n1"  # after a bounded wait
    lab.catch_up()
    assert lab.name == "n2"


def test_a_waiting_call_gets_what_was_read_meanwhile() -> None:
    lab = Lab(at_once=False, wait_s=20)
    threading.Timer(0.02, lab.catch_up).start()
    assert lab.name == "n0"
    lab.table.number = 1
    lab.clock.advance(11)
    threading.Timer(0.02, lab.catch_up).start()

    assert lab.name == "n1"


def test_while_the_database_is_away_what_is_known_is_used_for_a_stated_time_then_calls_get_503(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """S37."""
    lab = Lab()
    assert lab.name == "n0"
    lab.table.is_away = True

    for _ in range(5):
        lab.clock.advance(11.9)
        assert lab.name == "n0"
    lab.clock.advance(1)
    with pytest.raises(StoreUnavailableError, match="stored connections cannot be read"):
        _ = lab.name
    assert lab.book.problem == "The database cannot be reached."
    assert caplog.text.count("cannot be read") == 1

    lab.table.is_away = False
    lab.clock.advance(1.1)
    assert lab.name == "n0"
    assert lab.book.problem is None


def test_a_database_that_is_away_is_left_alone_for_a_second() -> None:
    lab = Lab()
    lab.table.is_away = True
    for _ in range(50):
        with pytest.raises(StoreUnavailableError):
            _ = lab.name

    assert lab.table.looks == 1


def test_a_change_made_here_is_seen_at_once_even_if_a_reading_was_under_way() -> None:
    lab = Lab(at_once=False, wait_s=20)
    threading.Timer(0.02, lab.catch_up).start()
    assert lab.name == "n0"
    lab.clock.advance(5.1)
    _ = lab.name
    (old,) = lab.waiting
    lab.waiting.clear()
    lab.table.number = 1
    lab.book.expire()
    threading.Timer(0.02, lab.catch_up).start()

    assert lab.name == "n1"
    old()
    assert lab.name == "n1"


def test_many_changes_made_here_one_after_the_other_make_no_call_fail() -> None:
    lab = Lab()
    changes = 20

    def read() -> list[StoredConnection]:
        nonlocal changes
        if changes:
            changes -= 1
            lab.book.expire()  # as a change does that is made while the rows are read
        return [StoredConnection(tenant="", name=f"after {20 - changes}", connector="acme")]

    lab.table.read = read  # type: ignore[method-assign]
    assert lab.name == "after 20"


def test_a_call_does_not_wait_twice_for_a_reading_that_does_not_end() -> None:
    lab = Lab(at_once=False)
    lab.book.expire()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hookline_connections.book._FIRST_WAIT_S", 0.5)
        began_s = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            _ = lab.name
    assert time.monotonic() - began_s < 0.95


def test_what_connections_are_made_of_can_change_without_the_database_and_without_a_gap() -> None:
    lab = Lab()
    assert lab.name == "n0"
    lab.table.is_away = True
    built: list[str] = []

    def build(rows: Iterable[StoredConnection]) -> Snapshot:
        built.append(lab.name)  # a call while the new snapshot is made
        return Snapshot(rows=tuple(rows), plain=frozenset({"acme"}))

    lab.book._build = build
    lab.book.rebuild()

    assert (built, lab.name, lab.book.current().plain) == (["n0"], "n0", frozenset({"acme"}))
    assert (lab.table.looks, lab.table.reads) == (1, 1)


def test_a_reading_under_way_is_made_of_what_there_is_when_it_ends() -> None:
    lab = Lab(at_once=False)
    threading.Timer(0.02, lab.catch_up).start()
    assert lab.name == "n0"
    lab.table.number = 1
    lab.clock.advance(5.1)
    assert lab.name == "n0"
    lab.book.rebuild()
    lab.catch_up()

    assert lab.name == "n1"


def test_a_snapshot_that_cannot_be_made_anew_is_read_anew() -> None:
    lab = Lab()
    assert lab.name == "n0"
    lab.fails = True
    lab.book.rebuild()
    lab.fails, lab.table.number = False, 1

    assert lab.name == "n1"


def test_an_unexpected_failure_of_a_reading_is_no_end() -> None:
    lab = Lab()
    lab.fails = True
    with pytest.raises(StoreUnavailableError):
        _ = lab.name

    lab.fails = False
    lab.clock.advance(1.1)
    assert lab.name == "n0"


def test_many_threads_read_once() -> None:
    lab = Lab(at_once=False)
    lab.book._start = lambda work: threading.Timer(0.05, work).start()
    barrier = threading.Barrier(32)
    names: list[str] = []

    def look() -> None:
        barrier.wait(20)
        names.append(lab.name)

    threads = [threading.Thread(target=look) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert names == ["n0"] * 32
    assert lab.table.reads == 1


def test_an_outage_of_the_real_database_is_503_and_passes_without_a_restart(lab: Any) -> None:
    """S37: never the connection of the settings instead."""
    lab.add("main")
    assert lab.tell() == (200, "from main.example")
    table = lab.office.book._table
    broken, table._database = table._database, _Away()
    lab.clock.advance(61)

    assert lab.tell() == (503, "store_unavailable")
    assert lab.tell() == (503, "store_unavailable")
    assert lab.service.hosts == ["main.example"]

    table._database = broken
    lab.clock.advance(1.1)
    assert lab.tell() == (200, "from main.example")


class _Away:
    def connect(self) -> Any:
        raise StoreUnavailableError("The database cannot be reached.")


def test_where_nothing_is_stored_choosing_costs_nearly_nothing(lab: Any, caller: Any) -> None:
    """About a microsecond; the bound is 20 because machines are busy at times."""
    from hookline.order import Order

    lab.tell()
    call = lab.gateway.pipeline.prepare(caller(), Order(action_id="acme.say", fields={"text": "hi"})).call
    choose = lab.office.choose
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(2000):
            assert choose(call) is None
        best = min(best, (time.perf_counter() - began) / 2000)
    print(f"choosing among nothing: {best * 1e6:.2f} us")

    assert best < 20e-6
