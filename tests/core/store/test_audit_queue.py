"""Events of the request path: nobody waits for the store, and nothing is lost in silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from hookline.errors import StoreUnavailableError
from hookline.store import audit_queue
from hookline.store.audit import AuditLog
from hookline.store.audit_events import AuditEvent, make_event
from hookline.store.audit_queue import AuditQueue

if TYPE_CHECKING:
    from hookline.store.database import Database


def event(number: int) -> AuditEvent:
    return make_event(at_us=number, actor="a", action="b", target="", tenant="", client="", details={})


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Store:
    """Takes batches, unless it is told not to."""

    def __init__(self) -> None:
        self.moments: list[int] = []
        self.tries = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.failure: Exception | None = None

    def write(self, batch: Sequence[AuditEvent]) -> None:
        self.tries += 1
        assert self.may_go_on.wait(20.0)
        if self.failure is not None:
            raise self.failure
        self.moments += [event.at_us for event in batch]


@pytest.fixture
def store() -> Store:
    return Store()


def test_events_are_written_soon_and_in_their_order(store: Store) -> None:
    queue = AuditQueue(store.write)
    for number in range(500):
        queue.put(event(number))

    wait_until(lambda: len(store.moments) == 500)
    assert store.moments == list(range(500))
    queue.close(5.0)
    assert queue.dropped == 0


def test_closing_writes_what_waits(store: Store) -> None:
    store.may_go_on.clear()
    queue = AuditQueue(store.write)
    for number in range(300):
        queue.put(event(number))
    threading.Timer(0.05, store.may_go_on.set).start()

    queue.close(10.0)

    assert (store.moments, queue.dropped) == (list(range(300)), 0)


def test_closing_takes_a_bounded_time_and_counts_what_is_lost(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.failure = StoreUnavailableError("It is down.")
    queue = AuditQueue(store.write)
    for number in range(7):
        queue.put(event(number))
    began_at = time.monotonic()

    queue.close(0.2)

    assert time.monotonic() - began_at < 2.0
    assert (store.moments, queue.dropped) == ([], 7)
    assert "audit events were lost: 7" in caplog.text


def test_events_wait_while_the_store_is_down(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_queue, "_RETRY_S", 0.01)
    store.failure = StoreUnavailableError("It is down.")
    queue = AuditQueue(store.write)
    queue.put(event(1))
    wait_until(lambda: store.tries >= 3)
    queue.put(event(2))
    store.failure = None

    wait_until(lambda: store.moments == [1, 2])
    queue.close(5.0)
    assert queue.dropped == 0


def test_a_full_queue_drops_at_once_and_says_so_once_a_minute(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit_queue, "MAX_WAITING", 10)
    store.may_go_on.clear()
    queue = AuditQueue(store.write)
    began_at = time.monotonic()
    for number in range(1000):
        queue.put(event(number))

    assert time.monotonic() - began_at < 5.0
    assert queue.dropped == 990
    assert caplog.text.count("audit events were lost") == 1
    store.may_go_on.set()
    queue.close(5.0)
    assert store.moments == list(range(10))


def test_a_batch_that_can_never_be_written_does_not_stop_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.failure = ZeroDivisionError()
    queue = AuditQueue(store.write)
    queue.put(event(1))
    wait_until(lambda: queue.dropped == 1)
    store.failure = None
    queue.put(event(2))

    wait_until(lambda: store.moments == [2])
    queue.close(5.0)
    assert "audit events could not be written" in caplog.text


def test_what_comes_after_closing_is_dropped_and_counted(store: Store) -> None:
    queue = AuditQueue(store.write)
    queue.close(1.0)
    queue.put(event(1))

    assert (store.moments, queue.dropped) == ([], 1)


def test_no_thread_runs_before_the_first_event(store: Store) -> None:
    before = threading.active_count()
    queue = AuditQueue(store.write)
    assert threading.active_count() == before
    queue.put(event(1))
    queue.close(5.0)

    assert threading.active_count() == before


def test_later_events_are_part_of_the_same_chain(database: Database) -> None:
    log = AuditLog(database)
    for number in range(20):
        append = log.append if number % 2 else log.append_later
        append(actor="a", action="b", target=str(number), tenant="", client="", details={})
    log.close()

    assert (log.verify().rows, log.verify().is_sound, log.dropped) == (20, True, 0)
    assert {entry.event.target for entry in log.entries()} == set(map(str, range(20)))
