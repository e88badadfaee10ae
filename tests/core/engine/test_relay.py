"""Streams past plugins: transforms see every event, and a broken stream may go on with another attempt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fake_clock import FakeClock
from hookline import Reply, Response, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.attempt import Attempt, RetryDecision
from hookline.engine.sse import EventDecoder
from hookline.errors import ContentBlockedError, StreamInterruptedError, UpstreamTimeoutError
from hookline.streaming import StreamEvent, StreamOutcome, StreamTransform
from small_service import (
    CALLER,
    DONE,
    Acme,
    Body,
    SayPresenter,
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
    from collections.abc import Callable, Iterable

    from hookline.action import JsonObject
    from hookline.order import Order

ACTION = say(stream=True)
ON_THE_WIRE = say_on_the_wire(b'{"text": "hi", "stream": true}')
DOORS = pytest.mark.parametrize("order", [ACTION, ON_THE_WIRE], ids=["action", "wire"])
CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")


@dataclass
class Watcher(StreamTransform):
    """Remembers what it saw."""

    seen: list[JsonObject] = field(default_factory=list)
    outcomes: list[StreamOutcome] = field(default_factory=list)
    reads_pieces: bool = False

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        self.seen.append(event.json)
        return (event,)

    def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
        self.outcomes.append(outcome)
        return ()


class Opens:
    """A plugin that opens a transform for every stream."""

    def __init__(self, make: Callable[[], StreamTransform | None]) -> None:
        self.make = make

    @hookimpl
    def hookline_open_stream(self) -> StreamTransform | None:
        return self.make()


class Decider:
    def __init__(self, decide: Callable[[Attempt], RetryDecision | None]) -> None:
        self.decide = decide
        self.asked: list[Attempt] = []

    @hookimpl
    def hookline_retry(self, attempt: Attempt) -> RetryDecision | None:
        self.asked.append(attempt)
        return self.decide(attempt)


def upstream_of(*answers: Iterable[bytes | Exception] | UpstreamResponse) -> tuple[Upstream, list[Body]]:
    """Return an upstream that gives these answers one after another."""
    bodies: list[Body] = []

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        given = answers[len(upstream.sent) - 1]
        if isinstance(given, UpstreamResponse):
            return given
        bodies.append(Body(given))
        return streamed(bodies[-1])

    upstream = Upstream(answer)
    return upstream, bodies


def read(reply: Reply) -> list[dict[str, Any]]:
    content = reply.content if isinstance(reply.content, bytes) else b"".join(reply.content)
    close = getattr(reply.content, "close", None)
    if close is not None:
        close()
    decoder = EventDecoder()
    found = [one.data for one in decoder.feed(content)]
    assert not decoder.has_partial
    return [orjson.loads(data) for data in found if data not in (None, b"[DONE]")]


def whole_body(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes)
    found: dict[str, Any] = orjson.loads(reply.content)
    return found


def run(upstream: Upstream, order: Order, *plugins: object, clock: FakeClock | None = None) -> Reply:
    gateway = make_gateway(*plugins, upstream=upstream, clock=clock or FakeClock())
    return gateway.runner.run(CALLER, replace(order, fields=dict(order.fields)))


def joined(events: list[dict[str, Any]]) -> str:
    return "".join(
        str(item["text"]) for item in events if item.get("type", "text") == "text" and "text" in item
    )


# ---------------------------------------------------------------- transforms


@DOORS
def test_a_transform_sees_every_event_and_hears_of_the_end_once(order: Order) -> None:
    watcher = Watcher()
    upstream, _ = upstream_of([event("a") + b": ping\n\n", event("b") + DONE])

    events = read(run(upstream, order, Opens(lambda: watcher)))

    assert watcher.seen == [{"text": "a"}, {"text": "b"}]
    assert [outcome.kind for outcome in watcher.outcomes] == ["complete"]
    assert joined(events) == "ab"


@DOORS
def test_pieces_are_made_where_a_transform_reads_them(order: Order) -> None:
    pieces: list[object] = []

    class Reads(StreamTransform):
        reads_pieces = True

        def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
            pieces.extend(event.pieces)
            return (event,)

        def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
            pieces.append(outcome.answer)
            return ()

    upstream, _ = upstream_of([event("a"), event("b"), DONE])
    read(run(upstream, order, Opens(Reads)))

    assert pieces == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"text": "ab", "incomplete": True},
    ]


@DOORS
def test_events_that_are_held_back_leave_in_order_before_the_end(order: Order) -> None:
    class Hold(StreamTransform):
        def __init__(self) -> None:
            self.held: list[StreamEvent] = []

        def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
            self.held.append(event)
            return ()

        def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
            return self.held

    watcher = Watcher()
    upstream, _ = upstream_of([event("a"), event("b"), DONE])
    # The last plugin registered runs first: what is held passes the watcher afterwards.
    reply = run(upstream, order, Opens(lambda: watcher), Opens(Hold))
    assert not isinstance(reply.content, bytes)
    content = b"".join(reply.content)

    assert watcher.seen == [{"text": "a"}, {"text": "b"}]
    assert content.index(b'"a"') < content.index(b'"b"')
    if order is ON_THE_WIRE:
        assert content == event("a") + event("b") + DONE


@DOORS
@pytest.mark.parametrize("moment", ["feed", "check", "finish"])
def test_a_transform_that_raises_stops_the_stream_with_its_error(order: Order, moment: str) -> None:
    class Block(StreamTransform):
        def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
            if moment == "feed" and event.json["text"] == "b":
                raise ContentBlockedError("No.")
            return (event,)

        def check(self) -> None:
            if moment == "check":
                raise ContentBlockedError("No.")

        def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
            if moment == "finish" and outcome.kind == "complete":
                raise ContentBlockedError("No.")
            return ()

    watcher = Watcher()
    upstream, bodies = upstream_of([event("a") + event("b"), DONE])

    events = read(run(upstream, order, Opens(lambda: watcher), Opens(Block)))

    assert events[-1]["error"]["code"] == "content_blocked"
    assert joined(events[:-1]) == ("a" if moment == "feed" else "ab")
    assert [outcome.kind for outcome in watcher.outcomes] == ["rejected"]
    assert bodies[0].is_closed_soon()
    assert not any(item.get("type") == "output" for item in events)


@DOORS
def test_a_transform_hears_when_the_client_leaves(order: Order) -> None:
    watcher = Watcher()
    upstream, _ = upstream_of([event("a"), event("b"), DONE])
    gateway = make_gateway(Opens(lambda: watcher), upstream=upstream)
    prepared = gateway.pipeline.prepare(CALLER, replace(order, fields=dict(order.fields)))
    content: Any = gateway.pipeline.perform(prepared).content

    next(content)
    content.close()

    assert [outcome.kind for outcome in watcher.outcomes] == ["client_gone"]


@DOORS
def test_a_transform_that_fails_at_the_end_hides_nothing(order: Order) -> None:
    class Fails(StreamTransform):
        def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
            raise ValueError("sk-oops")

    watcher = Watcher()
    upstream, _ = upstream_of([event("a"), CUT])

    events = read(run(upstream, order, Opens(lambda: watcher), Opens(Fails)))

    assert events[-1]["error"]["code"] == "stream_interrupted"
    assert [outcome.kind for outcome in watcher.outcomes] == ["interrupted"]


def test_a_transform_of_another_type_fails_the_call() -> None:
    upstream, bodies = upstream_of([event("a"), DONE])

    class Wrong:
        @hookimpl
        def hookline_open_stream(self) -> str:
            return "no"

    reply = run(upstream, ACTION, Wrong())

    assert reply.status == 500
    assert bodies[0].is_closed_soon()


# ---------------------------------------------------------------- streams that break


@DOORS
def test_a_stream_that_breaks_before_anything_was_delivered_may_begin_again(order: Order) -> None:
    watchers: list[Watcher] = []

    def watch() -> Watcher:
        watchers.append(Watcher())
        return watchers[-1]

    decider = Decider(lambda attempt: RetryDecision(again=not attempt.has_begun))
    upstream, bodies = upstream_of([CUT], [event("a"), DONE])

    events = read(run(upstream, order, Opens(watch), decider))

    assert joined(events) == "a"
    assert [[outcome.kind for outcome in watcher.outcomes] for watcher in watchers] == [
        ["restarted"],
        ["complete"],
    ]
    assert all(body.is_closed_soon() for body in bodies)
    assert [attempt.has_begun for attempt in decider.asked] == [False]


@DOORS
def test_a_stream_that_has_begun_is_never_repeated(order: Order) -> None:
    decider = Decider(lambda attempt: RetryDecision(again=True))
    upstream, _ = upstream_of([event("a"), CUT], [event("b"), DONE])

    events = read(run(upstream, order, decider))

    assert (joined(events), len(upstream.sent)) == ("a", 1)
    assert events[-1]["error"]["code"] == "stream_interrupted"
    assert [attempt.has_begun for attempt in decider.asked] == [True]


@DOORS
def test_a_stream_may_go_on_where_it_broke(order: Order) -> None:
    watcher = Watcher(reads_pieces=True)

    def go_on(attempt: Attempt) -> RetryDecision:
        assert attempt.answer == {"text": "ab", "incomplete": True}
        request = attempt.request.copy()
        request.body = {"text": "go on after ab", "stream": True}
        return RetryDecision(again=True, resumes=True, request=request)

    upstream, _ = upstream_of([event("a"), event("b"), CUT], [event("again"), event("c"), DONE])

    events = read(run(upstream, order, Opens(lambda: watcher), Decider(go_on)))

    assert joined(events) == "abc"
    assert watcher.seen == [{"text": "a"}, {"text": "b"}, {"text": "c", "joined": True}]
    assert [outcome.kind for outcome in watcher.outcomes] == ["complete"]
    if order is ACTION:
        assert events[-1] == {"type": "output", "output": {"text": "abc", "warnings": []}}


@DOORS
def test_an_attempt_to_go_on_that_fails_is_asked_about_like_any_other(order: Order) -> None:
    decider = Decider(lambda attempt: RetryDecision(again=attempt.number < 4, resumes=True))
    upstream, _ = upstream_of(
        [event("a"), CUT], whole({}, status=503), whole({"text": "whole"}), whole({}, status=500)
    )

    events = read(run(upstream, order, Opens(lambda: Watcher(reads_pieces=True)), decider))

    assert [attempt.error.code for attempt in decider.asked] == [
        "stream_interrupted",
        "upstream_unavailable",
        "invalid_upstream_answer",
        "upstream_unavailable",
    ]
    assert len(upstream.sent) == 4
    assert events[-1]["error"]["code"] == "upstream_unavailable"


def test_a_check_at_the_end_may_ask_for_the_rest() -> None:
    class Check(StreamTransform):
        reads_pieces = True
        texts = ""

        def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
            self.texts += str(event.json["text"])
            return (event,)

        def check(self) -> None:
            if "." not in self.texts:
                raise StreamInterruptedError("There is no full stop.")

    upstream, _ = upstream_of([event("a"), DONE], [event("b."), DONE])
    decider = Decider(lambda attempt: RetryDecision(again=True, resumes=True))

    events = read(run(upstream, ACTION, Opens(Check), decider))

    assert (joined(events), len(upstream.sent)) == ("ab.", 2)


# ---------------------------------------------------------------- streams that only the gateway sees


class AsksForStream:
    @hookimpl
    def hookline_shape_request(self, request: UpstreamRequest) -> None:
        assert request.body is not None
        request.body["stream"] = True
        request.is_stream = True


INSIDE = pytest.mark.parametrize("order", [say(), say_on_the_wire()], ids=["action", "wire"])


@INSIDE
def test_a_caller_who_wants_no_stream_can_be_served_from_one(order: Order) -> None:
    watcher = Watcher()
    upstream, bodies = upstream_of([event("a"), event("b"), DONE])

    reply = run(upstream, order, AsksForStream(), Opens(lambda: watcher))

    assert reply.status == 200
    assert whole_body(reply)["text"] == "ab"
    assert dict(reply.headers)["content-type"] == "application/json"
    assert upstream.sent[0].content == b'{"text":"hi","stream":true}'
    assert [outcome.kind for outcome in watcher.outcomes] == ["complete"]
    assert bodies[0].is_closed_soon()


@INSIDE
def test_what_has_arrived_is_the_answer_if_a_plugin_says_so(order: Order) -> None:
    decider = Decider(lambda attempt: RetryDecision(again=False, takes_partial=True))
    upstream, _ = upstream_of([event("a"), UpstreamTimeoutError("Silent.")])

    reply = run(upstream, order, AsksForStream(), decider)

    assert reply.status == 200
    answer = whole_body(reply)
    assert answer["text"] == "a"
    assert decider.asked[0].answer == {"text": "a", "incomplete": True}


@INSIDE
def test_nothing_at_all_is_no_answer(order: Order) -> None:
    decider = Decider(lambda attempt: RetryDecision(again=False, takes_partial=True))
    upstream, _ = upstream_of([CUT])

    assert run(upstream, order, AsksForStream(), decider).status == 502


@DOORS
def test_a_stream_that_was_asked_for_is_not_passed_off_as_complete(order: Order) -> None:
    decider = Decider(lambda attempt: RetryDecision(again=False, takes_partial=True))
    upstream, _ = upstream_of([event("a"), CUT])

    events = read(run(upstream, order, decider, Opens(lambda: Watcher(reads_pieces=True))))

    assert events[-1]["error"]["code"] == "stream_interrupted"


def test_an_inner_stream_that_broke_may_begin_again_although_much_had_arrived() -> None:
    decider = Decider(lambda attempt: RetryDecision(again=True))
    upstream, _ = upstream_of([event("a"), CUT], [event("b"), DONE])

    reply = run(upstream, say(), AsksForStream(), decider)

    assert whole_body(reply)["text"] == "b"


def test_an_inner_stream_may_be_replaced_by_a_whole_answer() -> None:
    watcher = Watcher()
    decider = Decider(lambda attempt: RetryDecision(again=True))
    upstream, _ = upstream_of([event("a"), CUT], whole({"text": "whole"}))

    reply = run(upstream, say(), AsksForStream(), decider, Opens(lambda: watcher))

    assert whole_body(reply)["text"] == "whole"
    assert [outcome.kind for outcome in watcher.outcomes] == ["restarted"]
    assert (len(upstream.sent), len(decider.asked)) == (2, 1)


def test_a_whole_answer_is_no_continuation_of_an_inner_stream() -> None:
    decider = Decider(lambda attempt: RetryDecision(again=attempt.number == 1, resumes=True))
    upstream, _ = upstream_of([event("a"), CUT], whole({"text": "whole"}))

    reply = run(upstream, say(), AsksForStream(), decider)

    assert whole_body(reply)["error"]["code"] == "invalid_upstream_answer"


@INSIDE
def test_what_goes_wrong_after_a_partial_answer_was_taken_is_told_like_any_error(order: Order) -> None:
    class Spoils:
        @hookimpl
        def hookline_process_response(self, response: Response) -> None:
            response.output = {"text": object()}

    decider = Decider(lambda attempt: RetryDecision(again=False, takes_partial=True))
    upstream, _ = upstream_of([event("a"), CUT])

    reply = run(upstream, order, AsksForStream(), decider, Spoils())

    assert (reply.status, whole_body(reply)["error"]["code"]) == (500, "plugin_failed")


@DOORS
def test_a_stream_that_was_stopped_at_its_end_does_not_go_on(order: Order) -> None:
    """The transforms have gone by then, and what came next would pass unseen."""

    class Stops(Watcher):
        def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
            raise StreamInterruptedError("Not like this.")

    decider = Decider(lambda attempt: RetryDecision(again=True, resumes=True))
    upstream, _ = upstream_of([event("a"), DONE], [event("b"), DONE])

    events = read(run(upstream, order, decider, Opens(lambda: Stops(reads_pieces=True))))

    assert (joined(events), events[-1]["error"]["code"]) == ("a", "stream_interrupted")
    assert len(upstream.sent) == 1


def test_a_presenter_that_fails_at_the_end_hides_nothing() -> None:
    class Breaks(SayPresenter):
        def answer(self, *, is_partial: bool = False) -> JsonObject:
            raise KeyError(0)

    upstream, _ = upstream_of([event("a"), CUT])
    service = Acme(make_connector(stream=Breaks))
    gateway = make_gateway(
        Decider(lambda attempt: None), Opens(Watcher), upstream=upstream, service=service, clock=FakeClock()
    )

    events = read(gateway.runner.run(CALLER, ACTION))

    assert events[-1]["error"]["code"] == "stream_interrupted"
