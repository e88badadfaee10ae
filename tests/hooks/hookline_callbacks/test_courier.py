"""The thread: it begins when there is something to do, holds nobody up, and ends when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callbacks_lab import Lab, Receiver, job, make_lab, receiving
from fake_clock import FakeClock
from hookline.clock import SYSTEM_CLOCK
from hookline.errors import StoreUnavailableError
from scripted_server import answer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from hookline.store.database import Database

BOUND_S = 20.0


def eventually(is_so: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + BOUND_S
    while time.monotonic() < ends_at:
        if is_so():
            return True
        time.sleep(0.01)
    return False


def threads() -> set[str]:
    return {one.name for one in threading.enumerate() if one.name.startswith("hookline-callbacks")}


@contextmanager
def running(folder: Path, url: str | None = None, **options: object) -> Iterator[Lab]:
    lab = make_lab(folder, url, clock=SYSTEM_CLOCK, runs=True, **options)
    try:
        yield lab
    finally:
        lab.gateway.close()


def take(lab: Lab, receiver: Receiver, number: int, **changes: object) -> None:
    lab.plugin.hookline_job_over(job=job(number, callback_url=receiver.url(), **changes))


def test_a_gateway_that_posts_nothing_has_no_thread_and_opens_nothing(tmp_path: Path) -> None:
    with running(tmp_path):
        assert threads() == set()
        assert list(tmp_path.iterdir()) == []


def test_a_result_is_posted_at_once_and_the_thread_ends_with_the_gateway(tmp_path: Path) -> None:
    with receiving() as receiver, running(tmp_path) as lab:
        take(lab, receiver, 1)
        assert eventually(lambda: len(receiver.letters) == 1)
        assert eventually(lambda: lab.find().state == "delivered")
        assert threads() == {"hookline-callbacks"}
    assert threads() == set()


def test_what_waits_when_a_server_starts_is_carried(tmp_path: Path) -> None:
    with receiving() as receiver:
        stopped = make_lab(tmp_path)
        stopped.take(receiver.url())
        stopped.gateway.close()
        with running(tmp_path) as lab:
            assert threads() == set()  # as in every command
            lab.gateway.start_background()
            assert eventually(lambda: len(receiver.letters) == 1)


def test_a_server_without_a_database_begins_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "new") as lab:
        lab.gateway.start_background()
        assert threads() == set()


def test_a_slow_receiver_holds_up_nobody_else(tmp_path: Path) -> None:
    with receiving(None) as slow, receiving() as quick, running(tmp_path, max_sending=4, shutdown_s=0) as lab:
        for number in range(8):
            take(lab, slow, number)
        assert eventually(lambda: len(slow.letters) == 1)
        take(lab, quick, 100)
        assert eventually(lambda: len(quick.letters) == 1)
        assert len(slow.letters) == 1  # one receiver has a quarter of the places


def test_a_tenant_with_many_slow_receivers_leaves_places_for_others(tmp_path: Path) -> None:
    with (
        receiving(None) as one,
        receiving(None) as two,
        receiving(None) as three,
        receiving() as quick,
        running(tmp_path, max_sending=4, shutdown_s=0) as lab,
    ):
        for number, receiver in enumerate((one, two, three)):
            take(lab, receiver, number)
        slow = (one, two, three)
        assert eventually(lambda: sum(len(each.letters) for each in slow) == 2)
        take(lab, quick, 100, tenant="rome")
        assert eventually(lambda: len(quick.letters) == 1)
        assert sum(len(each.letters) for each in slow) == 2  # one tenant has half of the places


def test_what_is_cut_at_the_end_is_due_at_once_for_the_next(tmp_path: Path) -> None:
    with receiving(None, answer()) as receiver:
        with running(tmp_path, shutdown_s=0) as lab:
            take(lab, receiver, 1)
            assert eventually(lambda: len(receiver.letters) == 1)
        later = make_lab(tmp_path, clock=FakeClock(datetime.now(UTC)))
        try:
            cut = later.find()
            assert (cut.state, cut.attempts, cut.history) == ("waiting", 0, ())
            assert later.carry() == 1
            assert later.find().state == "delivered"
        finally:
            later.gateway.close()


def test_what_runs_at_the_end_may_finish(tmp_path: Path) -> None:
    arrived = threading.Event()

    def slowly() -> None:
        arrived.set()
        time.sleep(0.2)

    with receiving() as receiver:
        receiver.on_letter = slowly
        with running(tmp_path, shutdown_s=10) as lab:
            take(lab, receiver, 1)
            assert arrived.wait(BOUND_S)
        later = make_lab(tmp_path)
        assert later.find().state == "delivered"
        later.gateway.close()


def test_a_note_that_cannot_be_written_now_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the receiver would get it twice."""
    with receiving() as receiver, running(tmp_path) as lab:
        store = lab.office.deliveries
        failures = [StoreUnavailableError("The database is locked.")]
        note = store.note

        def failing(*arguments: object) -> bool:
            if failures:
                raise failures.pop()
            return note(*arguments)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(store, "note", failing)
        take(lab, receiver, 1)
        assert eventually(lambda: lab.find().state == "delivered")
        assert len(receiver.letters) == 1


def test_an_outage_of_the_database_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, running(tmp_path) as lab:
        store = lab.office.deliveries
        claim, failed = store.claim, threading.Event()

        def failing(**arguments: object) -> object:
            if not failed.is_set():
                failed.set()
                raise StoreUnavailableError("The database is locked.")
            return claim(**arguments)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(store, "claim", failing)
        take(lab, receiver, 1)
        assert failed.wait(BOUND_S)
        lab.office.courier.wake()
        assert eventually(lambda: len(receiver.letters) == 1)


def test_what_stays_wrong_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[int] = []

    def failing(**arguments: object) -> None:
        looks.append(1)
        raise LookupError("something unforeseen")

    with running(tmp_path) as lab:
        monkeypatch.setattr(lab.office.deliveries, "claim", failing)
        courier = lab.office.courier
        for count in (1, 2, 3):
            courier.wake()
            assert eventually(lambda least=count: len(looks) >= least)  # type: ignore[misc]  # bound now
    assert [one.levelname for one in caplog.records if "looked for" in one.message] == ["ERROR"]


def test_two_running_gateways_post_each_result_once(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    database.upgrade()
    with (
        receiving() as receiver,
        running(tmp_path, database_url) as one,
        running(tmp_path, database_url) as two,
    ):
        one.gateway.start_background()
        two.gateway.start_background()
        for number in range(30):
            take((one, two)[number % 2], receiver, number)
        found = one.office.deliveries

        def is_done() -> bool:
            return len(found.search(tenant=None, state="delivered", limit=50)) == 30

        assert eventually(is_done)
    assert len(receiver.letters) == len({letter.id for letter in receiver.letters}) == 30
