"""The thread that does later what failed: each step once, in whichever thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError
from hookline_limits import keeper as keeper_module
from hookline_limits.keeper import Keeper

if TYPE_CHECKING:
    import pytest


def nothing() -> None:
    """Renew nothing."""


def test_a_process_that_ends_while_its_thread_does_what_is_left_does_each_step_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = Keeper(nothing, every_s=60)
    begun, go = threading.Event(), threading.Event()
    done: list[int] = []

    def slow() -> None:
        begun.set()
        assert go.wait(10)
        done.append(0)

    for step in (slow, *(lambda number=number: done.append(number) for number in range(1, 50))):
        keeper.do_later(step)
    threads = [threading.Thread(target=keeper._do_what_is_left) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    closing = threading.Thread(target=keeper.close)
    closing.start()
    closing.join(0.3)
    assert closing.is_alive()  # it waits for what is being done
    assert keeper.left == 50
    go.set()
    for thread in (*threads, closing):
        thread.join(10)

    assert done == list(range(50))
    assert keeper.left == 0
    assert caplog.text == ""


def test_a_process_ends_although_a_step_does_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "_TURN_S", 0.1)
    keeper = Keeper(nothing, every_s=60)
    begun, go = threading.Event(), threading.Event()

    def endless() -> None:
        begun.set()
        go.wait(30)

    keeper.do_later(endless)
    thread = threading.Thread(target=keeper._do_what_is_left)
    thread.start()
    assert begun.wait(10)

    closing = threading.Thread(target=keeper.close)
    closing.start()
    closing.join(10)

    assert not closing.is_alive()
    assert "1 settlements of limits could not be written" in caplog.text
    go.set()
    thread.join(10)


def test_a_step_that_cannot_be_done_keeps_no_other_from_being_done() -> None:
    keeper = Keeper(nothing, every_s=60)
    done: list[str] = []

    def away() -> None:
        raise StoreUnavailableError("Away.")

    def broken() -> None:
        raise ZeroDivisionError

    for step in (broken, away, lambda: done.append("first"), lambda: done.append("second")):
        keeper.do_later(step)
    for _ in range(2):
        keeper._do_what_is_left()

    assert done == ["first", "second"]
    assert keeper.left == 1


def test_what_fails_at_once_is_done_later_or_something_else_is() -> None:
    keeper = Keeper(nothing, every_s=60)
    done: list[str] = []
    problems: list[Exception] = [StoreUnavailableError("Away."), ZeroDivisionError()]

    def step() -> None:
        if problems:
            raise problems.pop(0)
        done.append("step")

    keeper.do(step, instead=lambda: done.append("instead of the first"))
    keeper.do(step, instead=lambda: done.append("instead of the second"))
    keeper._do_what_is_left()

    assert done == ["step", "instead of the second"]
