"""Streams that the client's own thread reads, and what a second thread still has to do."""

from __future__ import annotations

import _thread
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest

from hookline import UpstreamRequest, UpstreamResponse, hookimpl
from hookline.call import Cancellation
from hookline.engine.alarms import Alarms
from hookline.engine.http1_pacing import PacedChunks
from hookline.engine.order import Answer
from hookline.engine.pump import Pump, PumpedStream, PumpPool
from hookline.engine.stepping import HEARTBEAT, SteppedStream
from hookline.engine.threads import Threads
from hookline.errors import StreamInterruptedError
from hookline.streaming import StreamEvent, StreamTransform
from small_service import CALLER, DONE, Body, event, make_gateway, say, say_on_the_wire, streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hookline import Reply

WAIT_S = 20.0
SOON_S = 0.02
LONG_S = 1_000.0


@dataclass
class Content:
    """A stream that gives what it was told to: pieces, and functions that are called for one."""

    given: list[bytes | Callable[[], bytes]]
    ends_at_once: bool = True
    may_wait: bool = False
    closed: int = 0
    readers: list[int] = field(default_factory=list)
    is_stepped: bool = False
    was_closed: threading.Event = field(default_factory=threading.Event)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.readers.append(threading.get_ident())
        if not self.given:
            raise StopIteration
        item = self.given.pop(0)
        return item() if callable(item) else item

    def step(self, every_s: float) -> bool:
        self.is_stepped = True
        return True

    def run_on(self) -> None:
        self.is_stepped = self.may_wait = False

    def close_at_once(self) -> bool:
        if self.ends_at_once:
            self.close()
        return self.ends_at_once

    def close(self) -> None:
        self.closed += 1
        self.was_closed.set()

    def waits(self) -> bytes:
        """Tell that what comes next may take long."""
        self.may_wait = True
        return b""


def open_stepped(content: Content, *, heartbeat_s: float = LONG_S) -> tuple[SteppedStream, list[str]]:
    heard: list[str] = []

    def later(work: Callable[[], object]) -> None:
        heard.append("later")
        work()

    stream = SteppedStream.open(
        content, heartbeat_s=heartbeat_s, later=later, on_over=lambda: heard.append("over")
    )
    assert stream is not None
    return stream, heard


def test_pieces_come_one_by_one_and_the_end_closes_the_stream() -> None:
    content = Content([b"a", b"", b"b"])
    stream, heard = open_stepped(content)

    assert [stream.take(), stream.take(), stream.take()] == [b"a", b"b", None]
    assert (stream.is_over, content.closed, heard) == (True, 1, ["over"])
    assert stream.take() is None


def test_an_end_that_takes_a_while_is_left_to_another_thread() -> None:
    content = Content([], ends_at_once=False)
    stream, heard = open_stepped(content)

    assert stream.take() is None
    assert (content.closed, heard) == (1, ["later", "over"])


def test_a_silence_is_filled_with_comments() -> None:
    stream, _ = open_stepped(Content([b"", b"", b"a"]), heartbeat_s=0.0)

    assert [stream.take(), stream.take(), stream.take()] == [HEARTBEAT, HEARTBEAT, b"a"]


def test_steps_without_anything_to_send_are_no_reason_for_a_comment_before_its_time() -> None:
    stream, _ = open_stepped(Content([b"", b"", b"", b"a"]))

    assert stream.take() == b"a"


def test_what_breaks_a_stream_is_raised_once_it_was_let_go() -> None:
    def fail() -> bytes:
        raise StreamInterruptedError("Down.")

    content = Content([fail])
    stream, heard = open_stepped(content)

    with pytest.raises(StreamInterruptedError):
        stream.take()
    assert (stream.is_over, content.closed, heard) == (True, 1, ["over"])


def test_what_may_wait_is_handed_back_open() -> None:
    content = Content([b"a", lambda: content.waits(), b"b"])
    stream, heard = open_stepped(content)

    assert [stream.take(), stream.take()] == [b"a", None]
    assert [stream.hand_back(), stream.hand_back()] == [True, False]
    assert stream.let_go()
    assert (content.closed, heard) == (0, [])


def test_a_comment_that_is_due_does_not_hide_that_what_comes_next_may_wait() -> None:
    stream, _ = open_stepped(Content([lambda: content.waits(), b"b"]), heartbeat_s=0.0)
    content = cast("Content", stream.content)

    assert [stream.take(), stream.take(), stream.hand_back()] == [HEARTBEAT, None, True]


def test_a_stream_is_let_go_by_whoever_reads_it_if_somebody_does() -> None:
    is_reading, go_on = threading.Event(), threading.Event()

    def slow() -> bytes:
        is_reading.set()
        assert go_on.wait(WAIT_S)
        return b"a"

    content = Content([slow, b"b"])
    stream, heard = open_stepped(content)
    reader = threading.Thread(target=stream.take)
    reader.start()
    assert is_reading.wait(WAIT_S)

    assert not stream.let_go()
    assert content.closed == 0
    go_on.set()
    reader.join(WAIT_S)

    assert (stream.is_over, content.closed, heard) == (True, 1, ["over"])
    assert stream.take() is None


def test_a_stream_that_nobody_reads_just_then_is_let_go_at_once() -> None:
    content = Content([b"a", b"b"])
    stream, heard = open_stepped(content)
    stream.take()

    assert stream.let_go()
    assert stream.let_go()
    assert (content.closed, heard) == (1, ["over"])


def test_a_stream_that_is_read_is_not_let_go_for_a_reason_and_neither_is_one_that_is_over() -> None:
    reasons: list[str] = []
    content = Content([lambda: str(stream.let_go(lambda: reasons.append("early"))).encode()])
    stream, _ = open_stepped(content)

    assert stream.take() == b"False"
    assert not stream.is_over
    assert stream.take() is None
    assert stream.let_go(lambda: reasons.append("late"))
    assert (reasons, content.closed) == ([], 1)


# ---------------------------------------------------------------- below a pump


def start(
    content: Content, *, time_left_s: float = LONG_S, heartbeat_s: float = WAIT_S
) -> tuple[Pump, PumpedStream, Cancellation]:
    cancellation = Cancellation()
    pump = Pump(
        lambda: Answer(status=200, headers=[], content=cast("Iterator[bytes]", content)),
        cancellation=cancellation,
        heartbeat_s=heartbeat_s,
        time_left=lambda: time_left_s,
        later=Threads(1).run,
        alarms=Alarms(),
    )
    thread = threading.Thread(target=pump.run)
    thread.start()
    assert pump.wait_until_open() is not None
    thread.join(WAIT_S)
    assert not thread.is_alive()  # the second thread is free before anything was read
    return pump, pump.chunks(lambda exc: f"error: {exc}".encode()), cancellation


def test_the_thread_that_serves_the_client_reads_the_stream() -> None:
    content = Content([b"a", b"b"])
    pump, pieces, cancellation = start(content)

    assert list(pieces) == [b"a", b"b"]
    pieces.close()

    assert set(content.readers) == {threading.get_ident()}
    assert (content.closed, cancellation.is_cancelled, pump.is_done.is_set()) == (1, False, True)


def test_what_may_wait_is_done_by_another_thread_which_goes_on_reading() -> None:
    content = Content([b"a", lambda: content.waits(), b"b", b"c"])
    pump, pieces, _ = start(content)

    assert b"".join(pieces) == b"abc"
    assert pump.is_done.wait(WAIT_S)

    own, others = content.readers[:2], content.readers[2:]
    assert set(own) == {threading.get_ident()}
    assert threading.get_ident() not in others
    assert (content.closed, content.is_stepped) == (1, False)


def test_while_another_thread_waits_the_client_gets_comments() -> None:
    go_on = threading.Event()

    def slow() -> bytes:
        assert go_on.wait(WAIT_S)
        return b"b"

    content = Content([b"a", lambda: content.waits(), slow])
    _, pieces, _ = start(content, heartbeat_s=SOON_S)

    received = [next(pieces), next(pieces), next(pieces)]
    go_on.set()

    assert received == [b"a", HEARTBEAT, HEARTBEAT]
    assert b"".join(pieces).replace(HEARTBEAT, b"") == b"b"


def test_a_client_is_told_of_the_end_before_the_upstream_was_let_go() -> None:
    content = Content([b"a"], ends_at_once=False)
    later: list[Callable[[], object]] = []
    cancellation = Cancellation()
    pump = Pump(
        lambda: Answer(status=200, headers=[], content=cast("Iterator[bytes]", content)),
        cancellation=cancellation,
        heartbeat_s=SOON_S,
        later=later.append,
    )
    pump.run()
    pieces = pump.chunks(lambda exc: f"error: {exc}".encode())

    assert [next(pieces), next(pieces, None)] == [b"a", None]
    pieces.close()
    assert (content.closed, cancellation.is_cancelled, pump.is_done.is_set()) == (0, False, False)

    later.pop()()
    assert (content.closed, pump.is_done.is_set()) == (1, True)


def test_a_client_that_leaves_cancels_the_call_and_lets_the_stream_go() -> None:
    content = Content([b"a", b"b"])
    pump, pieces, cancellation = start(content)
    assert next(pieces) == b"a"

    pieces.close()

    assert (content.closed, cancellation.is_cancelled, pump.is_done.is_set()) == (1, True, True)
    assert list(pieces) == []


def test_a_client_that_does_not_read_is_not_waited_for_beyond_the_time_of_its_call() -> None:
    content = Content([b"a", b"b"])
    pump, pieces, _ = start(content, time_left_s=SOON_S)

    assert content.was_closed.wait(WAIT_S)
    assert pump.is_done.wait(WAIT_S)

    assert list(pieces) == [b"error: The client did not read the stream in the time that the call may take."]


def test_a_stream_that_takes_long_to_let_go_keeps_no_other_from_it() -> None:
    is_closing, go_on = threading.Event(), threading.Event()

    class Slow(Content):
        def close(self) -> None:
            is_closing.set()
            assert go_on.wait(WAIT_S)
            super().close()

    pool = PumpPool(max_streams=2, heartbeat_s=WAIT_S)

    def begin(content: Content) -> Pump:
        pump = pool.start(
            lambda: Answer(status=200, headers=[], content=cast("Iterator[bytes]", content)),
            cancellation=Cancellation(),
            time_left=lambda: SOON_S,
        )
        assert pump.wait_until_open() is not None
        return pump

    slow, quick = Slow([b"a"]), Content([b"a"])
    first = begin(slow)
    assert is_closing.wait(WAIT_S)
    second = begin(quick)

    assert second.is_done.wait(WAIT_S)
    assert (slow.closed, quick.closed) == (0, 1)
    go_on.set()
    assert first.is_done.wait(WAIT_S)
    pool.close()


def test_a_client_that_left_before_its_answer_began_leaves_the_stream_to_the_worker() -> None:
    content = Content([b"a"])
    later: list[Callable[[], object]] = []
    pump = Pump(
        lambda: Answer(status=200, headers=[], content=cast("Iterator[bytes]", content)),
        cancellation=Cancellation(),
        heartbeat_s=WAIT_S,
        later=later.append,
    )

    def work() -> Answer:
        pump.abandon()
        return Answer(status=200, headers=[], content=cast("Iterator[bytes]", content))

    pump._work = work
    pump.run()

    assert (content.closed, content.is_stepped, pump.is_done.is_set()) == (1, False, True)


def test_a_stream_that_cannot_be_handed_over_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    content, alarms = Content([b"a"]), Alarms()
    pump = Pump(
        lambda: Answer(status=200, headers=[], content=cast("Iterator[bytes]", content)),
        cancellation=Cancellation(),
        heartbeat_s=WAIT_S,
        time_left=lambda: LONG_S,
        later=Threads(1).run,
        alarms=alarms,
    )

    def begin_none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", begin_none)
        pump.run()

    assert (content.closed, content.readers, pump.is_done.is_set()) == (1, [], True)
    with pytest.raises(RuntimeError):
        pump.wait_until_open()
    is_heard = threading.Event()
    alarms.add(0.0, is_heard.set)
    assert is_heard.wait(WAIT_S)


def test_a_pool_that_is_closed_lets_go_of_streams_that_nobody_reads() -> None:
    pool = PumpPool(max_streams=2, heartbeat_s=WAIT_S)
    content = Content([b"a", b"b"])
    pump = pool.start(
        lambda: Answer(status=200, headers=[], content=cast("Iterator[bytes]", content)),
        cancellation=Cancellation(),
    )
    assert pump.wait_until_open() is not None

    pool.close(within_s=WAIT_S)

    assert (content.closed, pump.is_done.is_set()) == (1, True)


# ---------------------------------------------------------------- what can be read in steps


class Looks(StreamTransform):
    """Lets everything pass."""

    def __init__(self, *, may_wait: bool) -> None:
        self.may_wait = may_wait
        self.seen: list[bytes] = []

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        self.seen.append(event.data)
        return (event,)


class Opens:
    def __init__(self, transform: StreamTransform) -> None:
        self.transform = transform

    @hookimpl
    def hookline_open_stream(self) -> StreamTransform:
        return self.transform


def run(
    *plugins: object, chunks: list[bytes | Exception], wire: bool = True
) -> tuple[Reply, list[float | None]]:
    """Run a stream whose body can be read in steps, and return how it was told to step."""
    beats: list[float | None] = []

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        response = streamed(Body(chunks))
        response.chunks = PacedChunks(response.chunks, beats.append)
        return response

    gateway = make_gateway(*plugins, answer=answer)
    order = say_on_the_wire(b'{"text": "hi", "stream": true}') if wire else say(stream=True)
    return gateway.runner.run(CALLER, replace(order, fields=dict(order.fields))), beats


def read(reply: Reply) -> bytes:
    assert not isinstance(reply.content, bytes)
    return b"".join(reply.content)


STREAM: list[bytes | Exception] = [event("a"), b"", event("b")[:9], event("b")[9:] + DONE]


def test_a_stream_that_nobody_looks_at_is_read_in_steps() -> None:
    reply, beats = run(chunks=list(STREAM))

    assert read(reply) == event("a") + event("b") + DONE
    assert beats[0] == 5.0 / 4


def test_a_transform_that_may_wait_keeps_a_thread_for_the_stream() -> None:
    looks = Looks(may_wait=True)
    reply, beats = run(Opens(looks), chunks=list(STREAM))

    assert read(reply) == event("a") + event("b") + DONE
    assert (len(looks.seen), beats) == (2, [])
    assert StreamTransform.may_wait


def test_a_transform_that_never_waits_sees_each_event_of_a_stream_in_steps() -> None:
    looks = Looks(may_wait=False)
    reply, beats = run(Opens(looks), chunks=list(STREAM))

    assert read(reply) == event("a") + event("b") + DONE
    assert looks.seen == [b'{"text":"a"}', b'{"text":"b"}']
    assert beats


@pytest.mark.parametrize("wire", [True, False])
def test_a_stream_in_steps_that_breaks_tells_what_came_and_the_error(wire: bool) -> None:
    reply, beats = run(chunks=[event("a"), StreamInterruptedError("Down.")], wire=wire)

    received = read(reply)

    assert beats
    assert received.index(b'"a"') < received.index(b"stream_interrupted")
    assert received.count(b"\n\n") == 2


def test_an_action_is_answered_with_the_same_events_as_without_steps() -> None:
    stepped, beats = run(chunks=list(STREAM), wire=False)
    gateway = make_gateway(answer=lambda request: streamed(Body(list(STREAM))))
    order = say(stream=True)
    plain = gateway.runner.run(CALLER, replace(order, fields=dict(order.fields)))

    assert read(stepped) == read(plain)
    assert beats[-1] is None or beats[-1] == 0.001


# ---------------------------------------------------------------- threads and alarms


def test_threads_do_all_that_they_are_given_with_no_more_of_them_than_allowed() -> None:
    threads, seen, done = Threads(3), set[int](), threading.Semaphore(0)

    def work() -> None:
        seen.add(threading.get_ident())
        done.release()

    for _ in range(50):
        threads.run(work)

    assert all(done.acquire(timeout=WAIT_S) for _ in range(50))
    assert 1 <= len(seen) <= 3


def test_closed_threads_take_no_more_and_do_what_they_took() -> None:
    threads, done = Threads(1), threading.Semaphore(0)
    for _ in range(5):
        threads.run(done.release)
    threads.close()

    with pytest.raises(RuntimeError):
        threads.run(done.release)
    assert all(done.acquire(timeout=WAIT_S) for _ in range(5))


def test_what_no_thread_can_be_begun_for_is_refused_or_waits_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin, threads, done = _thread.start_new_thread, Threads(2), threading.Semaphore(0)
    is_busy, go_on = threading.Event(), threading.Event()

    def keep_busy() -> None:
        is_busy.set()
        go_on.wait(WAIT_S)

    def begin_none(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("hookline.engine.threads.start_new_thread", begin_none)
    with pytest.raises(RuntimeError):
        threads.run(done.release)

    monkeypatch.setattr("hookline.engine.threads.start_new_thread", begin)
    threads.run(keep_busy)
    assert is_busy.wait(WAIT_S)
    monkeypatch.setattr("hookline.engine.threads.start_new_thread", begin_none)
    threads.run(done.release)
    go_on.set()

    assert done.acquire(timeout=WAIT_S)
    assert not done.acquire(timeout=SOON_S)  # what was refused is not done


@pytest.mark.parametrize("failure", [ValueError, SystemExit])
def test_a_thread_survives_what_it_does(failure: type[BaseException]) -> None:
    threads, done = Threads(1), threading.Event()

    def fail() -> None:
        raise failure("no")

    threads.run(fail)
    threads.run(done.set)

    assert done.wait(WAIT_S)


def test_alarms_ring_in_the_order_of_their_times_unless_they_were_taken_back() -> None:
    alarms, rung, is_last = Alarms(), list[str](), threading.Event()
    alarms.add(LONG_S, lambda: rung.append("never"))
    alarms.add(3 * SOON_S, is_last.set)
    alarms.add(2 * SOON_S, lambda: rung.append("second"))
    alarms.add(SOON_S, lambda: rung.append("first"))
    alarms.discard(alarms.add(SOON_S, lambda: rung.append("taken back")))

    assert is_last.wait(WAIT_S)
    assert rung == ["first", "second"]


@pytest.mark.parametrize("failure", [ValueError, SystemExit])
def test_an_alarm_that_fails_does_not_keep_others_from_ringing(failure: type[BaseException]) -> None:
    alarms, rung = Alarms(), threading.Event()

    def fail() -> None:
        raise failure("no")

    alarms.add(0.0, fail)
    alarms.add(SOON_S, rung.set)

    assert rung.wait(WAIT_S)
