"""Setting aside before a call and booking after it: exactly once, whatever happens in between."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from hookline import (
    Attempt,
    Call,
    Caps,
    Reservation,
    RetryDecision,
    UpstreamRequest,
    Usage,
    hookimpl,
)
from hookline.errors import (
    BudgetExhaustedError,
    ContentBlockedError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.settings import LimitSettings, Settings
from hookline.upstream import UpstreamResponse
from small_service import (
    CALLER,
    DONE,
    Acme,
    Body,
    LetterMeter,
    Upstream,
    event,
    make_connector,
    make_gateway,
    say,
    say_on_the_wire,
    streamed,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookline.gateway import Gateway
    from hookline.order import Order
    from hookline.routes import Reply

STREAM = say(stream=True)
WIRE_STREAM = say_on_the_wire(b'{"text": "hi", "stream": true}')
DOORS = pytest.mark.parametrize("order", [say(), say_on_the_wire()], ids=["action", "wire"])
STREAM_DOORS = pytest.mark.parametrize("order", [STREAM, WIRE_STREAM], ids=["action", "wire"])


class Held(Reservation):
    """What the books set aside."""

    __slots__ = ("estimate",)

    def __init__(self, estimate: Usage) -> None:
        self.estimate = estimate


@dataclass
class Books:
    """A plugin that admits everything and writes down what it is told."""

    admitted: list[Held] = field(default_factory=list)
    settled: list[tuple[Reservation, Usage | None]] = field(default_factory=list)
    recorded: list[tuple[Call, Usage | None]] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)
    both_are_over: threading.Event = field(default_factory=threading.Event)

    @hookimpl
    def hookline_admit(self, call: Call, request: UpstreamRequest, estimate: Usage) -> Reservation:
        self.admitted.append(Held(estimate))
        return self.admitted[-1]

    @hookimpl
    def hookline_settle(self, call: Call, reservation: Reservation, usage: Usage | None) -> None:
        self.settled.append((reservation, usage))

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        self.recorded.append((call, usage))
        self.is_over.set()
        if len(self.recorded) == 2:
            self.both_are_over.set()

    def outcome(self) -> tuple[int | None, str | None, Usage | None]:
        """Return status, code and usage of the one call there was, after it is over."""
        assert self.is_over.wait(5)
        assert [held for held, _ in self.settled] == self.admitted[: len(self.settled)]
        assert len(self.settled) == len(self.admitted) <= 1
        assert len(self.recorded) == 1
        call, usage = self.recorded[0]
        assert all(settled == usage for _, settled in self.settled)
        return call.record.status, call.record.error_code, usage


def measured(books: Books, answer: Callable[[UpstreamRequest], UpstreamResponse], *more: object) -> Gateway:
    service = Acme(make_connector(meter=LetterMeter()))
    settings = Settings(limits=LimitSettings(heartbeat_s=0.05))
    return make_gateway(books, *more, answer=answer, service=service, settings=settings)


def read(reply: Reply) -> bytes:
    if isinstance(reply.content, bytes):
        return reply.content
    try:
        return b"".join(reply.content)
    finally:
        reply.content.close()  # type: ignore[attr-defined]  # as a server does


def run(gateway: Gateway, order: Order) -> bytes:
    return read(gateway.runner.run(CALLER, order))


@DOORS
def test_a_whole_answer_is_booked_with_what_it_says_it_took(order: Order) -> None:
    books = Books()

    run(measured(books, lambda request: whole({"text": "hello", "took": [2, 5]})), order)

    assert [held.estimate for held in books.admitted] == [
        Usage(input_tokens=2, output_tokens=100, cost_nano_usd=1002)
    ]
    assert books.outcome() == (200, None, Usage(input_tokens=2, output_tokens=5, cost_nano_usd=52))
    record = books.recorded[0][0].record
    assert (record.model, record.attempts) == ("small", 1)
    assert record.ended_at is not None
    assert record.began_at <= record.ended_at
    assert record.began_at_utc is not None
    assert record.began_at_utc.tzinfo is not None


@DOORS
def test_an_answer_that_does_not_say_is_booked_with_the_most_it_can_have_taken(order: Order) -> None:
    books = Books()

    run(measured(books, lambda request: whole({"text": "hello"})), order)

    most = Usage(input_tokens=2, output_tokens=100, cost_nano_usd=1002, is_estimated=True)
    assert books.outcome() == (200, None, most)


@DOORS
def test_a_refusal_that_took_nothing_gives_all_back(order: Order) -> None:
    books = Books()

    run(measured(books, lambda request: whole({"error": "busy"}, status=503)), order)

    assert books.outcome() == (502, "upstream_unavailable", None)


@DOORS
def test_an_upstream_that_cannot_be_reached_gives_all_back(order: Order) -> None:
    def refuse(request: UpstreamRequest) -> UpstreamResponse:
        raise UpstreamUnavailableError("no route", reached_upstream=False)

    books = Books()

    run(measured(books, refuse), order)

    assert books.outcome() == (502, "upstream_unavailable", None)


@DOORS
def test_a_request_whose_answer_got_lost_is_booked_as_if_it_had_been_carried_out(order: Order) -> None:
    def time_out(request: UpstreamRequest) -> UpstreamResponse:
        raise UpstreamTimeoutError("silence")

    books = Books()

    run(measured(books, time_out), order)

    most = Usage(input_tokens=2, output_tokens=100, cost_nano_usd=1002, is_estimated=True)
    assert books.outcome() == (504, "upstream_timeout", most)


def test_a_lost_answer_and_the_one_that_came_at_last_are_both_booked() -> None:
    class Again:
        @hookimpl
        def hookline_retry(self, attempt: Attempt) -> RetryDecision:
            return RetryDecision(again=attempt.number < 2)

    answers: Iterator[UpstreamResponse | UpstreamTimeoutError] = iter(
        [UpstreamTimeoutError("silence"), whole({"text": "hello", "took": [2, 5]})]
    )

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        found = next(answers)
        if isinstance(found, UpstreamResponse):
            return found
        raise found

    books = Books()

    run(measured(books, answer, Again()), say())

    both = Usage(input_tokens=4, output_tokens=105, cost_nano_usd=1054, is_estimated=True)
    assert books.outcome() == (200, None, both)


@STREAM_DOORS
def test_a_stream_is_booked_before_its_end_goes_out(order: Order) -> None:
    """Whoever calls again at once finds the place free that the first call took."""
    books = Books()
    gateway = measured(books, lambda request: streamed(Body([event("a"), DONE])))
    content = gateway.runner.run(CALLER, order).content
    assert not isinstance(content, bytes)

    received = b""
    for piece in content:
        received += piece
        if b"[DONE]" in piece or b'"output"' in piece:
            assert books.settled
    assert received
    assert books.outcome()[:2] == (200, None)


@STREAM_DOORS
def test_a_stream_that_breaks_is_booked_once_and_tells_why(order: Order) -> None:
    books = Books()

    run(measured(books, lambda request: streamed(Body([event("a"), StreamInterruptedError("cut")]))), order)

    most = Usage(input_tokens=2, output_tokens=100, cost_nano_usd=1002, is_estimated=True)
    assert books.outcome() == (200, "stream_interrupted", most)


@STREAM_DOORS
def test_a_stream_whose_client_left_is_booked_once(order: Order) -> None:
    released = threading.Event()

    def chunks() -> object:
        yield event("a")
        released.wait(5)
        yield event("b")
        yield DONE

    books = Books()
    gateway = measured(books, lambda request: streamed(Body(chunks())))  # type: ignore[arg-type]
    content = gateway.runner.run(CALLER, order).content
    assert not isinstance(content, bytes)

    next(content)
    content.close()  # type: ignore[attr-defined]  # the server does so when its client has gone
    released.set()

    assert books.outcome()[:2] == (200, "client_gone")


def test_a_stream_that_is_given_up_before_its_turn_is_booked_all_the_same() -> None:
    books, blocked = Books(), threading.Event()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        blocked.wait(5)
        return streamed(Body([event("a"), DONE]))

    service = Acme(make_connector(meter=LetterMeter()))
    settings = Settings.model_validate({"limits": {"heartbeat_s": 0.05}, "server": {"threads": 1}})
    gateway = make_gateway(books, answer=answer, service=service, settings=settings)
    first = gateway.runner.run(CALLER, STREAM)
    second = gateway.runner.run(CALLER, STREAM)  # waits for the only thread, kept awake by comments

    second.content.close()  # type: ignore[union-attr]
    blocked.set()
    read(first)
    assert books.both_are_over.wait(5)

    assert sorted(str(call.record.error_code) for call, _ in books.recorded) == ["None", "client_gone"]
    assert len(books.settled) == len(books.admitted) == 2
    gone = next(usage for call, usage in books.recorded if call.record.error_code == "client_gone")
    assert gone is None


class Refuses:
    """Admits nothing."""

    @hookimpl(trylast=True)
    def hookline_admit(self) -> None:
        raise BudgetExhaustedError("The budget is used up.")


@DOORS
def test_a_refusal_gives_back_what_another_plugin_had_set_aside(order: Order) -> None:
    books, upstream = Books(), Upstream()
    gateway = make_gateway(
        books, Refuses(), upstream=upstream, service=Acme(make_connector(meter=LetterMeter()))
    )

    run(gateway, order)

    assert books.outcome() == (402, "budget_exhausted", None)
    assert upstream.sent == []


def test_a_plugin_that_returns_something_else_than_a_reservation_is_refused() -> None:
    class Odd:
        @hookimpl
        def hookline_admit(self) -> object:
            return True

    books, upstream = Books(), Upstream()

    reply = make_gateway(Odd(), books, upstream=upstream).runner.run(CALLER, say())

    assert reply.status == 500
    assert books.outcome()[1] == "plugin_failed"
    assert upstream.sent == []


def test_a_call_that_is_refused_for_its_input_is_recorded_and_reserves_nothing() -> None:
    books = Books()

    run(measured(books, lambda request: whole({})), say(times=0))

    assert books.admitted == []
    assert books.outcome() == (422, "invalid_input", None)


@DOORS
def test_a_plugin_that_fails_while_it_settles_keeps_nobody_from_knowing(
    order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    class Fails:
        @hookimpl(tryfirst=True)
        def hookline_admit(self) -> Reservation:
            return Reservation()

        @hookimpl(tryfirst=True)
        def hookline_settle(self) -> None:
            raise ValueError("no")

        @hookimpl(tryfirst=True)
        def hookline_record_usage(self) -> None:
            raise ValueError("no")

    books = Books()

    run(measured(books, lambda request: whole({"text": "hello", "took": [1, 1]}), Fails()), order)

    assert books.outcome()[0] == 200
    assert caplog.text.count("failed when the call was over") == 2


def test_a_call_inside_another_is_admitted_and_booked_on_its_own() -> None:
    class Twice:
        @hookimpl
        def hookline_execute(self, call: Call) -> UpstreamResponse | None:
            if call.parent is not None:
                return None
            call.record.is_composed = True
            texts = [call.run("acme.say", {"text": text})["text"] for text in ("a", "bcd")]
            return whole({"text": "".join(map(str, texts)), "took": [99, 99]})

    books = Books()

    run(measured(books, lambda request: whole({"text": "x", "took": [1, 1]}), Twice()), say())

    assert [usage for _, usage in books.recorded] == [
        Usage(input_tokens=1, output_tokens=1, cost_nano_usd=11),
        Usage(input_tokens=1, output_tokens=1, cost_nano_usd=11),
        None,
    ]
    parents = [None if call.parent is None else call.parent.id for call, _ in books.recorded]
    assert parents == ["call_1", "call_1", None]
    assert len(books.settled) == len(books.admitted) == 3


def test_an_action_without_a_meter_is_booked_without_numbers() -> None:
    books = Books()

    run(make_gateway(books), say())

    assert books.admitted[0].estimate == Usage(input_tokens=0, output_tokens=0, is_estimated=True)
    assert books.outcome() == (200, None, None)


# ---------------------------------------------------------------- ends that nobody would think of


class Stops:
    """Ends the process, as it seems, in one of the hooks."""

    def __init__(self, hook: str) -> None:
        def stop() -> None:
            raise KeyboardInterrupt

        setattr(self, hook, hookimpl(trylast=True)(stop))


@pytest.mark.parametrize("hook", ["hookline_admit", "hookline_execute", "hookline_shape_request"])
@DOORS
def test_a_process_that_is_ended_in_the_middle_settles_what_it_holds(order: Order, hook: str) -> None:
    books = Books()
    gateway = measured(books, lambda request: whole({"text": "hello"}), Stops(hook))

    with pytest.raises(KeyboardInterrupt):
        gateway.runner.run(CALLER, order)

    assert books.outcome()[:2] == (500, "plugin_failed")


@pytest.mark.parametrize(
    "decision",
    [
        RetryDecision(again=True, after_s="1"),  # type: ignore[arg-type]  # what a careless plugin does
        RetryDecision(again=True, request="x"),  # type: ignore[arg-type]
        RetryDecision(again=True, connection="x"),  # type: ignore[arg-type]
        RetryDecision(
            again=True,
            request=UpstreamRequest(method="POST", base_url="https://api.acme.example/v1", path=None),  # type: ignore[arg-type]
        ),
        "again",
    ],
    ids=["wait", "request", "connection", "path", "none"],
)
@DOORS
def test_a_decision_that_makes_no_sense_fails_the_call_and_settles_it(order: Order, decision: object) -> None:
    class Odd:
        @hookimpl
        def hookline_retry(self) -> object:
            return decision

    books = Books()

    run(measured(books, lambda request: whole({}, status=503), Odd()), order)

    assert books.outcome() == (500, "plugin_failed", None)


def test_a_gateway_that_is_being_ended_begins_no_stream_and_settles_it() -> None:
    books = Books()
    gateway = measured(books, lambda request: streamed(Body([event("a"), DONE])))
    gateway.close()

    reply = gateway.runner.run(CALLER, STREAM)

    assert reply.status == 503
    assert books.outcome() == (503, "shutting_down", None)


def test_streams_that_run_are_settled_before_plugins_are_closed() -> None:
    closed: list[int] = []

    class Last:
        @hookimpl
        def hookline_shutdown(self) -> None:
            closed.append(len(books.recorded))

    def chunks() -> Iterator[bytes]:
        yield event("a")
        released.wait(5)
        yield event("b")

    books, released = Books(), threading.Event()
    gateway = measured(books, lambda request: streamed(Body(chunks())), Last())
    content = gateway.runner.run(CALLER, STREAM).content
    assert not isinstance(content, bytes)
    next(content)
    threading.Timer(0.05, released.set).start()

    gateway.close()

    assert closed == [1]
    assert books.outcome()[:2] == (200, "client_gone")


def test_a_client_that_does_not_read_is_not_waited_for_longer_than_the_call_may_take() -> None:
    books = Books()
    service = Acme(make_connector(meter=LetterMeter()))
    settings = Settings(limits=LimitSettings(timeout_s=0.3))
    big = event("x" * 200_000)
    gateway = make_gateway(
        books, answer=lambda request: streamed(Body([big] * 50 + [DONE])), service=service, settings=settings
    )

    reply = gateway.runner.run(CALLER, WIRE_STREAM)

    assert reply.status == 200
    assert books.outcome()[0] == 200
    assert b"client_too_slow" in read(reply)


def test_an_answer_that_was_measured_and_then_refused_is_booked_as_measured() -> None:
    class Blocks:
        @hookimpl
        def hookline_process_response(self) -> None:
            raise ContentBlockedError("No.")

    books = Books()

    run(measured(books, lambda request: whole({"text": "x", "took": [2, 5]}), Blocks()), say())

    assert books.outcome() == (
        400,
        "content_blocked",
        Usage(input_tokens=2, output_tokens=5, cost_nano_usd=52),
    )


def test_every_answer_that_got_lost_is_booked() -> None:
    class Again:
        @hookimpl
        def hookline_retry(self, attempt: Attempt) -> RetryDecision:
            return RetryDecision(again=attempt.number < 4)

    answers: Iterator[UpstreamResponse | UpstreamTimeoutError] = iter(
        [*[UpstreamTimeoutError("silence")] * 3, whole({"text": "hello", "took": [2, 5]})]
    )

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        found = next(answers)
        if isinstance(found, UpstreamResponse):
            return found
        raise found

    books = Books()

    run(measured(books, answer, Again()), say())

    all_four = Usage(input_tokens=8, output_tokens=305, cost_nano_usd=3 * 1002 + 52, is_estimated=True)
    assert books.outcome() == (200, None, all_four)


def test_a_failure_before_anything_was_sent_takes_nothing() -> None:
    class Fails:
        @hookimpl
        def hookline_resolve_credential(self) -> None:
            raise KeyError("gone")

    books = Books()

    run(measured(books, lambda request: whole({}), Fails()), say())

    assert books.outcome() == (500, "plugin_failed", None)


@pytest.mark.parametrize(("status", "is_booked"), [(502, False), (500, False), (429, False), (504, True)])
def test_an_error_that_the_service_answers_with_is_not_paid_for(status: int, is_booked: bool) -> None:
    books = Books()

    run(measured(books, lambda request: whole({"error": "no"}, status=status)), say())

    assert (books.outcome()[2] is not None) is is_booked


@STREAM_DOORS
def test_a_stream_that_takes_longer_than_its_key_allows_says_so(order: Order) -> None:
    caller = replace(CALLER, caps=Caps(max_stream_s=0.2))
    books = Books()
    gateway = measured(books, lambda request: streamed(Body(slow())))

    received = read(gateway.runner.run(caller, order))

    assert b"stream_too_long" in received
    assert b"the 0.2 s that this key allows" in received


def slow() -> Iterator[bytes]:
    for _ in range(100):
        time.sleep(0.02)
        yield event("a")


@pytest.mark.parametrize(
    ("value", "flow"),
    [
        ("invoices", "invoices"),
        ("Rechnungen f\u00fcr Ada".encode().decode("latin-1"), "Rechnungen f\u00fcr Ada"),
        ("f\u00fcr", "f\u00fcr"),
        ("a\tb", None),
        ("", None),
    ],
)
def test_a_flow_may_be_named_in_any_language(value: str, flow: str | None) -> None:
    books = Books()
    order = replace(say(), headers={"x-hookline-flow": value})

    run(measured(books, lambda request: whole({"text": "x", "took": [1, 1]})), order)

    call = books.recorded[0][0]
    assert call.flow == flow
    assert [warning.code for warning in call.record.warnings] == ([] if flow else ["flow_unreadable"])
