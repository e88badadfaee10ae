"""The line in which calls wait to be begun while very many streams are late."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hookline import hookimpl
from hookline.engine import runner, transport
from hookline.engine.http1_pacing import Pace
from hookline.engine.line import Line
from hookline.engine.pump import Pump, PumpPool
from hookline.engine.settlement import client_gone
from small_service import CALLER, DONE, Body, event, make_gateway, say, streamed, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.engine.order import Answer
    from hookline.order import Order
    from hookline.upstream import UpstreamRequest, UpstreamResponse

WAIT_S = 5.0
SOON_S = 0.05


class LatePace(Pace):
    """Its streams are late."""

    def is_late(self) -> bool:
        return True


def line_of(*, places: int = 1, patience_s: float = WAIT_S, longest_s: float = WAIT_S) -> Line:
    return Line(LatePace(), places=places, patience_s=patience_s, longest_s=longest_s)


def has_waiting(line: Line, number: int) -> bool:
    return len(line._waiting) == number


def begin(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_calls_are_let_in_one_after_another_in_the_order_in_which_they_came() -> None:
    line = line_of()
    order: list[int] = []

    def call(number: int) -> None:
        line.enter()
        order.append(number)
        line.leave()

    line.enter()
    threads = []
    for number in range(5):
        threads.append(begin(partial(call, number)))
        until(partial(has_waiting, line, number + 1))
    assert order == []
    line.leave()
    for thread in threads:
        thread.join(WAIT_S)

    assert order == [0, 1, 2, 3, 4]


def test_as_many_are_inside_as_there_are_places() -> None:
    line = line_of(places=3)
    inside = 0
    most = 0
    lock = threading.Lock()
    are_three = threading.Event()

    def call() -> None:
        nonlocal inside, most
        line.enter()
        with lock:
            inside += 1
            most = max(most, inside)
            if inside == 3:
                are_three.set()
        are_three.wait(WAIT_S)
        time.sleep(0.002)
        with lock:
            inside -= 1
        line.leave()

    threads = [begin(call) for _ in range(20)]
    for thread in threads:
        thread.join(WAIT_S)

    assert most == 3
    assert inside == 0


def test_nobody_waits_while_streams_are_not_late() -> None:
    line = Line(Pace(), places=1)
    line.enter()

    thread = begin(line.enter)
    thread.join(WAIT_S)

    assert not thread.is_alive()


def test_who_waits_goes_on_after_a_while_for_each_before_it_and_the_places_are_right_afterwards() -> None:
    line = line_of(patience_s=SOON_S)
    line.enter()
    began = time.monotonic()

    def call() -> None:
        line.enter()
        line.leave()

    threads = [begin(call) for _ in range(3)]
    for thread in threads:
        thread.join(WAIT_S)
    waited_s = time.monotonic() - began
    line.leave()

    assert SOON_S * 0.9 <= waited_s < WAIT_S
    assert line._free == 1
    assert not line._waiting
    assert not line._inside


def test_nobody_waits_for_longer_than_allowed_however_many_are_before_it() -> None:
    line = line_of(patience_s=WAIT_S, longest_s=SOON_S)
    line.enter()

    thread = begin(line.enter)
    thread.join(WAIT_S / 2)

    assert not thread.is_alive()


def test_a_call_inside_of_a_call_does_not_wait_for_its_own_place() -> None:
    line = line_of(patience_s=WAIT_S)
    line.enter()
    began = time.monotonic()

    line.enter()

    assert time.monotonic() - began < WAIT_S / 2


def test_a_place_can_be_handed_to_another_thread() -> None:
    line = line_of()
    line.enter()
    has_place = line.hand_over()
    line.leave()  # it has none any more
    assert line._free == 0

    def go_on() -> None:
        line.take_over(has_place)
        line.leave()

    begin(go_on).join(WAIT_S)

    assert line._free == 1
    assert not line.hand_over()


@pytest.mark.parametrize("order", [say(), say(stream=True), say(text=7)], ids=["plain", "stream", "refused"])
def test_a_call_has_a_place_while_it_is_begun_and_none_while_it_waits_for_the_service(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = line_of()
    monkeypatch.setattr(runner, "LINE", line)
    monkeypatch.setattr(transport, "LINE", line)
    free: list[int] = []

    class Watch:
        @hookimpl
        def hookline_shape_request(self) -> None:
            free.append(line._free)

        @hookimpl
        def hookline_execute(self) -> None:
            free.append(line._free)

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        free.append(line._free)
        return streamed(Body([event("a"), DONE])) if order.fields.get("stream") else whole({"text": "a"})

    reply = make_gateway(Watch(), answer=answer).runner.run(CALLER, order)
    if not isinstance(reply.content, bytes):
        b"".join(reply.content)

    assert free == ([] if reply.status == 422 else [0, 0, 1])
    assert line._free == 1


def test_a_stream_whose_client_left_before_its_turn_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = line_of()
    monkeypatch.setattr(runner, "LINE", line)
    monkeypatch.setattr(transport, "LINE", line)
    started = PumpPool.start

    def leave_at_once(pool: PumpPool, work: Callable[[], Answer], **options: Any) -> Pump:
        def skip() -> Answer:
            options["skip"]()
            raise client_gone()

        return started(pool, skip, **options)

    monkeypatch.setattr(PumpPool, "start", leave_at_once)

    make_gateway().runner.run(CALLER, say(stream=True))

    until(lambda: line._free == 1)


def test_a_stream_that_cannot_be_begun_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    line = line_of()
    monkeypatch.setattr(runner, "LINE", line)
    monkeypatch.setattr(transport, "LINE", line)

    def fail(pool: PumpPool, work: Callable[[], Answer], **options: Any) -> Pump:
        raise MemoryError

    monkeypatch.setattr(PumpPool, "start", fail)

    reply = make_gateway().runner.run(CALLER, say(stream=True))

    assert reply.status == 500
    assert line._free == 1


def until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.001)
