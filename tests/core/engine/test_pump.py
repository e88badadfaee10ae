"""Keeping a client awake, noticing that it left, and never holding more than a little for it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hookline.call import Cancellation
from hookline.engine.order import Answer
from hookline.engine.pump import HEARTBEAT, Pump, PumpPool
from hookline.errors import StreamInterruptedError
from hookline.settings import LimitSettings, Settings
from small_service import (
    CALLER,
    DONE,
    Body,
    event,
    make_gateway,
    say,
    say_on_the_wire,
    streamed,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookline import Reply, UpstreamRequest, UpstreamResponse

WAIT_S = 20.0
SOON_S = 0.02


class Stage:
    """A pump on a thread of its own, whose work is told when to go on."""

    def __init__(self, work: Callable[[], Answer], *, heartbeat_s: float = WAIT_S) -> None:
        self.cancellation = Cancellation()
        self.pump = Pump(work, cancellation=self.cancellation, heartbeat_s=heartbeat_s)
        self.thread = threading.Thread(target=self.pump.run, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def has_ended(self) -> bool:
        self.thread.join(WAIT_S)
        return not self.thread.is_alive()

    def pieces(self) -> Iterator[bytes]:
        return self.pump.chunks(lambda exc: f"error: {exc}".encode())


def answer(pieces: Iterator[bytes] | bytes) -> Answer:
    return Answer(status=200, headers=[], content=pieces)


def wait(signal: threading.Event) -> None:
    assert signal.wait(WAIT_S)


def test_pieces_come_out_as_they_went_in() -> None:
    stage = Stage(lambda: answer(iter([b"a", b"b", b"c"])))
    stage.start()

    assert stage.pump.wait_until_open() is not None
    assert b"".join(stage.pieces()) == b"abc"
    assert stage.has_ended()
    assert not stage.cancellation.is_cancelled


def test_a_silence_is_filled_with_comments_and_nothing_is_lost() -> None:
    go_on = threading.Event()

    def content() -> Iterator[bytes]:
        yield b"a"
        wait(go_on)
        yield b"b"

    stage = Stage(lambda: answer(content()), heartbeat_s=SOON_S)
    stage.start()
    pieces = stage.pieces()

    received = [next(pieces)]
    while received.count(HEARTBEAT) < 3:
        received.append(next(pieces))
    go_on.set()
    received += pieces

    assert b"".join(received).replace(HEARTBEAT, b"") == b"ab"
    assert received[-1] == b"b"


def test_before_the_answer_has_begun_an_error_is_raised_and_not_told_inside() -> None:
    error = StreamInterruptedError("Down.")

    def work() -> Answer:
        raise error

    stage = Stage(work)
    stage.start()

    with pytest.raises(StreamInterruptedError) as caught:
        stage.pump.wait_until_open()
    assert caught.value is error


def test_a_silent_upstream_is_waited_for_one_heartbeat_only() -> None:
    go_on = threading.Event()

    def work() -> Answer:
        wait(go_on)
        return answer(iter([b"late"]))

    stage = Stage(work, heartbeat_s=SOON_S)
    stage.start()

    assert stage.pump.wait_until_open() is None
    pieces = stage.pieces()
    assert next(pieces) == HEARTBEAT
    go_on.set()
    assert b"".join(pieces).replace(HEARTBEAT, b"") == b"late"


@pytest.mark.parametrize("is_late", [False, True])
def test_an_error_after_the_answer_has_begun_becomes_the_last_bytes(is_late: bool) -> None:
    go_on = threading.Event()

    def content() -> Iterator[bytes]:
        yield b"a"
        raise StreamInterruptedError("Down.")

    def work() -> Answer:
        wait(go_on)
        if is_late:
            raise StreamInterruptedError("Down.")
        return answer(content())

    stage = Stage(work, heartbeat_s=SOON_S)
    stage.start()
    assert stage.pump.wait_until_open() is None
    go_on.set()
    pieces = stage.pieces()

    received = [piece for piece in pieces if piece != HEARTBEAT]

    assert b"".join(received) == (b"" if is_late else b"a") + b"error: Down."
    assert list(pieces) == []
    assert stage.has_ended()


def test_a_whole_answer_after_the_stream_was_begun_is_an_error_and_not_silence() -> None:
    go_on = threading.Event()

    def work() -> Answer:
        wait(go_on)
        return answer(b'{"text": "all"}')

    stage = Stage(work, heartbeat_s=SOON_S)
    stage.start()
    assert stage.pump.wait_until_open() is None
    go_on.set()

    received = [piece for piece in stage.pieces() if piece != HEARTBEAT]

    assert received == [b"error: The service sent one whole answer where a stream was begun."]


def test_a_client_that_leaves_cancels_the_call_and_ends_the_worker() -> None:
    cancelled = threading.Event()
    closed = threading.Event()

    def content() -> Iterator[bytes]:
        try:
            yield b"a"
            wait(cancelled)  # as a read from the upstream, which cancellation wakes
            yield b"b"
        finally:
            closed.set()

    stage = Stage(lambda: answer(content()))
    stage.cancellation.add(cancelled.set)
    stage.start()
    pieces = stage.pieces()
    assert next(pieces) == b"a"

    pieces.close()  # type: ignore[attr-defined]  # what a server calls

    assert stage.has_ended()
    assert (cancelled.is_set(), closed.is_set()) == (True, True)
    assert list(pieces) == []


def test_a_client_that_leaves_before_its_first_byte_cancels_the_call() -> None:
    stage = Stage(lambda: answer(iter([b"a"])))

    stage.pieces().close()  # type: ignore[attr-defined]  # what a server calls
    stage.start()

    assert stage.has_ended()
    assert stage.cancellation.is_cancelled


def test_work_that_was_abandoned_before_its_turn_is_never_begun() -> None:
    begun: list[bool] = []

    def work() -> Answer:
        begun.append(True)
        return answer(b"")

    stage = Stage(work)
    stage.pump.abandon()
    stage.start()

    assert stage.has_ended()
    assert begun == []


def test_leaving_after_the_end_cancels_nothing() -> None:
    stage = Stage(lambda: answer(iter([b"a"])))
    stage.start()
    pieces = stage.pieces()
    assert b"".join(pieces) == b"a"
    assert stage.has_ended()

    pieces.close()  # type: ignore[attr-defined]  # what a server calls

    assert not stage.cancellation.is_cancelled


def test_a_slow_reader_holds_the_upstream_back() -> None:
    made: list[int] = []
    size = 64 * 1024
    is_full = threading.Event()

    def content() -> Iterator[bytes]:
        for number in range(200):
            made.append(number)
            if number == 16:  # the bound is 1 MiB: from here on each piece waits for the reader
                is_full.set()
            yield bytes([number % 256]) * size

    stage = Stage(lambda: answer(content()))
    stage.start()
    wait(is_full)
    made_before_reading = len(made)
    received = b"".join(stage.pieces())

    assert made_before_reading <= 18
    assert received == b"".join(bytes([number % 256]) * size for number in range(200))
    assert stage.has_ended()


def test_a_reader_that_leaves_frees_a_worker_that_waits_for_it() -> None:
    is_full = threading.Event()

    def content() -> Iterator[bytes]:
        yield b"x" * (1024 * 1024)
        is_full.set()
        yield b"y"

    stage = Stage(lambda: answer(content()))
    stage.start()
    wait(is_full)

    stage.pump.abandon()

    assert stage.has_ended()
    assert stage.cancellation.is_cancelled


def test_more_streams_than_threads_wait_their_turn_and_are_kept_awake() -> None:
    pool = PumpPool(max_streams=1, heartbeat_s=SOON_S)
    go_on = threading.Event()

    def slow() -> Answer:
        wait(go_on)
        return answer(iter([b"first"]))

    first = pool.start(slow, cancellation=Cancellation()).chunks(lambda exc: b"error")
    second = pool.start(lambda: answer(iter([b"second"])), cancellation=Cancellation()).chunks(
        lambda exc: b"error"
    )

    assert [next(second), next(second)] == [HEARTBEAT, HEARTBEAT]
    go_on.set()
    assert b"".join(first).replace(HEARTBEAT, b"") == b"first"
    assert b"".join(second).replace(HEARTBEAT, b"") == b"second"
    pool.close()


# ---------------------------------------------------------------- through the runner


def run_silent(respond: Callable[[], UpstreamResponse], *, wire: bool) -> tuple[Reply, bytes]:
    """Run a stream whose upstream says nothing until the client was sent a comment."""
    go_on = threading.Event()

    def silent(request: UpstreamRequest) -> UpstreamResponse:
        wait(go_on)
        return respond()

    gateway = make_gateway(answer=silent, settings=Settings(limits=LimitSettings(heartbeat_s=SOON_S)))
    order = say_on_the_wire(b'{"text": "hi", "stream": true}') if wire else say(stream=True)
    reply = gateway.runner.run(CALLER, replace(order, fields=dict(order.fields)))
    assert not isinstance(reply.content, bytes)
    assert next(reply.content) == HEARTBEAT
    go_on.set()
    return reply, b"".join(reply.content).replace(HEARTBEAT, b"")


def test_an_answer_is_begun_while_the_upstream_is_silent() -> None:
    reply, received = run_silent(lambda: streamed(Body([event("a"), DONE])), wire=True)

    assert (reply.status, received) == (200, event("a") + DONE)
    assert dict(reply.headers) == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
    }


@pytest.mark.parametrize("wire", [False, True])
@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [("refusal", 503, "upstream_unavailable"), ("whole", 200, "invalid_upstream_answer")],
)
def test_what_fails_after_the_answer_was_begun_is_told_inside_the_stream(
    answer: str, status: int, code: str, wire: bool
) -> None:
    reply, received = run_silent(lambda: whole({"text": answer}, status=status), wire=wire)

    assert reply.status == 200
    assert received.startswith(b'data: {"type":"error"')
    assert received.count(b"data:") == 1
    assert f'"code":"{code}"'.encode() in received
