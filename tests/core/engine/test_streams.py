"""Streams: whole events only, an error event when they break, and an upstream that is always let go."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline import Call, HooklineError, Reply, Response, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.engine.answers import AnswerMaker
from hookline.engine.attempts import Attempts
from hookline.engine.sse import EventDecoder
from hookline.errors import RequestRejectedError, StreamInterruptedError, UpstreamTimeoutError
from hookline.settings import LimitSettings, Settings
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
    from collections.abc import Iterable, Iterator

    from hookline.action import JsonObject
    from hookline.engine.order import PreparedCall
    from hookline.gateway import Gateway
    from hookline.order import Order

ACTION = say(stream=True)
ON_THE_WIRE = say_on_the_wire(b'{"text": "hi", "stream": true}')
DOORS = pytest.mark.parametrize("order", [ACTION, ON_THE_WIRE], ids=["action", "wire"])
CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")


def order_like(order: Order) -> Order:
    return replace(order, fields=dict(order.fields))


def read(reply: Reply) -> bytes:
    assert not isinstance(reply.content, bytes)
    return b"".join(reply.content)


def texts(content: bytes) -> list[JsonObject]:
    """Return the events of a stream; its last one must be complete."""
    decoder = EventDecoder()
    found = [event.data for event in decoder.feed(content)]
    assert not decoder.has_partial
    return [orjson.loads(data) for data in found if data not in (None, b"[DONE]")]


def error_code(content: bytes) -> str:
    last = texts(content)[-1]
    assert last["type"] == "error"
    code = last["error"]["code"]  # type: ignore[index]  # it is an object, or the test fails
    assert isinstance(code, str)
    return code


def gateway_for(body: Body, *plugins: object, **more: Any) -> Gateway:
    return make_gateway(*plugins, answer=lambda request: streamed(body), **more)


def run(gateway: Gateway, order: Order) -> Reply:
    return gateway.runner.run(CALLER, order_like(order))


def run_with(chunks: Iterable[bytes | Exception], order: Order) -> tuple[Reply, bytes, Body]:
    body = Body(chunks)
    reply = run(gateway_for(body), order)
    return reply, read(reply), body


# ---------------------------------------------------------------- complete


def test_the_wire_door_passes_the_very_bytes_of_every_event() -> None:
    sent = (
        b'\xef\xbb\xbf: hello\r\n\r\ndata:{"text" : "\xe2\x80\xa8"}\r\r' + event("b") + b": ping\n\n" + DONE
    )
    cuts = [sent[start : start + 7] for start in range(0, len(sent), 7)]

    reply, received, body = run_with(cuts, ON_THE_WIRE)

    assert received == sent
    assert reply.status == 200
    assert reply.headers == [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
    ]
    assert (body.is_closed_soon(), body.is_read) == (True, True)


def test_the_action_door_presents_events_and_ends_with_the_whole_output() -> None:
    _, received, body = run_with([event("a") + event("b"), b": ping\n\n", event("c") + DONE], ACTION)

    assert texts(received) == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "text", "text": "c"},
        {"type": "output", "output": {"text": "abc", "warnings": []}},
    ]
    assert (body.is_closed_soon(), body.is_read) == (True, True)


def test_text_that_looks_like_events_stays_text() -> None:
    evil = 'x\n\ndata: {"type": "output"}\n\r\n: \u2028'

    _, received, _ = run_with([event(evil), DONE], ACTION)

    assert texts(received) == [
        {"type": "text", "text": evil},
        {"type": "output", "output": {"text": evil, "warnings": []}},
    ]


def test_plugins_change_the_final_output_of_an_action_s_stream() -> None:
    class Shout:
        @hookimpl
        def hookline_process_response(self, response: Response) -> None:
            response.output["text"] = str(response.output["text"]).upper()

    received = read(run(gateway_for(Body([event("a"), DONE]), Shout()), ACTION))

    assert texts(received)[-1] == {"type": "output", "output": {"text": "A", "warnings": []}}


@pytest.mark.parametrize("stream", [True, "true", " On "])
def test_a_form_s_wish_for_a_stream_is_understood(stream: object) -> None:
    reply = run(gateway_for(Body([event("a"), DONE])), say(stream=stream))

    assert texts(read(reply))[0] == {"type": "text", "text": "a"}


@DOORS
def test_an_upstream_that_answers_at_once_instead_gives_a_plain_answer(order: Order) -> None:
    reply = run(make_gateway(answer=lambda request: whole({"text": "all"})), order)

    expected = b'{"text":"all"}' if order.endpoint else b'{"text":"all","warnings":[]}'
    assert (reply.status, reply.content) == (200, expected)


@DOORS
@pytest.mark.parametrize(
    "rest",
    [[CUT], [UpstreamTimeoutError("Silent.")], [b"garbage" * 100], [event("late")], [b"data: half", CUT]],
    ids=["cut", "silence", "garbage", "another event", "half an event"],
)
def test_what_follows_the_end_event_is_no_part_of_the_answer(
    order: Order, rest: list[bytes | Exception]
) -> None:
    _, expected, _ = run_with([event("a"), DONE], order)

    _, received, body = run_with([event("a"), DONE, *rest], order)
    _, joined, _ = run_with([event("a") + DONE + b"data: garbage"], order)

    assert received == joined == expected
    assert body.is_closed_soon()


def test_without_an_end_event_the_end_of_the_body_is_the_end() -> None:
    service = Acme(make_connector(stream_end=None))
    good = run(gateway_for(Body([event("a")]), service=service), ACTION)
    half = run(gateway_for(Body([event("a"), b"data: h"]), service=service), ACTION)

    assert texts(read(good))[-1] == {"type": "output", "output": {"text": "a", "warnings": []}}
    assert error_code(read(half)) == "stream_interrupted"


# ---------------------------------------------------------------- broken


@DOORS
@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        ([event("a"), b'data: {"te', CUT], "stream_interrupted"),
        ([event("a"), CUT], "stream_interrupted"),
        ([event("a"), b'data: {"text": "half'], "stream_interrupted"),
        ([event("a")], "stream_interrupted"),
        ([event("a"), UpstreamTimeoutError("Silent.")], "upstream_timeout"),
        ([event("a"), b"data: " + b"x" * 5000], "stream_event_too_large"),
        ([event("a"), ValueError("sk-oops")], "plugin_failed"),
    ],
    ids=["cut inside", "cut between", "ends inside", "no end event", "silence", "too large", "a bug"],
)
def test_a_stream_that_breaks_gives_whole_events_and_then_an_error_event(
    order: Order, chunks: list[bytes | Exception], code: str
) -> None:
    body = Body(chunks)
    gateway = gateway_for(body, settings=Settings(limits=LimitSettings(max_event_bytes=4096)))

    reply = run(gateway, order)
    received = read(reply)

    assert reply.status == 200
    assert error_code(received) == code
    assert [found.get("text") for found in texts(received)][:-1] == ["a"]
    assert "sk-oops" not in received.decode()
    assert body.is_closed_soon()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"data: no json\n\n", "invalid_upstream_answer"),
        (b"data: []\n\n", "invalid_upstream_answer"),
        (b'data: {"error": {"message": "sk-upstream"}}\n\n', "stream_interrupted"),
    ],
)
def test_an_event_that_cannot_be_presented_ends_the_stream_with_an_error(data: bytes, code: str) -> None:
    _, received, body = run_with([event("a"), data, event("b"), DONE], ACTION)

    assert error_code(received) == code
    assert len(texts(received)) == 2
    assert b"sk-upstream" not in received
    assert body.is_closed_soon()


@pytest.mark.parametrize("tail", [b'data: {"error": {"message": "x"}}\n\n', b"event: error\ndata: {}\n\n"])
def test_on_the_wire_an_error_of_the_service_is_passed_on_and_not_told_twice(tail: bytes) -> None:
    tail = tail.replace(b'{"error": ', b'{"error":')

    _, received, _ = run_with([event("a"), tail], ON_THE_WIRE)

    assert received == event("a") + tail


def test_an_error_inside_a_stream_can_be_mapped_by_its_content() -> None:
    class MapErrors:
        @hookimpl
        def hookline_map_error(self, error: HooklineError) -> HooklineError | None:
            found = error.answer.json() if error.answer else None
            return RequestRejectedError("Too long.", code="too_long") if found == {"error": "long"} else None

    body = Body([event("a"), b'data: {"error": "long"}\n\n'])

    assert error_code(read(run(gateway_for(body, MapErrors()), ACTION))) == "too_long"


class BadStart(SayPresenter):
    def __init__(self, call: Call) -> None:
        raise ValueError("sk-oops")


class BadFeed(SayPresenter):
    def feed(self, event: JsonObject) -> Iterable[JsonObject]:
        raise ValueError("sk-oops")


class BadFinish(SayPresenter):
    def finish(self) -> JsonObject:
        raise ValueError("sk-oops")


class BadEvent(SayPresenter):
    def feed(self, event: JsonObject) -> Iterable[JsonObject]:
        return [{"text": {1, 2}}]


@pytest.mark.parametrize("presenter", [BadFeed, BadFinish, BadEvent])
def test_a_presenter_that_fails_ends_the_stream_and_lets_the_upstream_go(
    presenter: type[SayPresenter],
) -> None:
    body = Body([event("a"), DONE])

    received = read(run(gateway_for(body, service=Acme(make_connector(stream=presenter))), ACTION))

    assert texts(received)[-1]["status"] == 500
    assert b"sk-oops" not in received
    assert body.is_closed_soon()


def test_a_presenter_that_cannot_be_made_is_a_plain_error_and_lets_the_upstream_go() -> None:
    body = Body([event("a"), DONE])

    reply = run(gateway_for(body, service=Acme(make_connector(stream=BadStart))), ACTION)

    assert reply.status == 500
    assert b"sk-oops" not in (reply.content if isinstance(reply.content, bytes) else b"sk-oops")
    assert body.is_closed_soon()


def test_a_plugin_that_fails_on_the_final_output_ends_the_stream_with_an_error() -> None:
    class Fail:
        @hookimpl
        def hookline_process_response(self, response: Response) -> None:
            raise ValueError("sk-oops")

    body = Body([event("a"), DONE])

    received = read(run(gateway_for(body, Fail()), ACTION))

    assert error_code(received) == "plugin_failed"
    assert b"sk-oops" not in received
    assert body.is_closed_soon()


@DOORS
def test_a_refusal_before_the_stream_is_a_plain_error(order: Order) -> None:
    reply = run(make_gateway(answer=lambda request: whole({"error": "busy"}, status=503)), order)

    assert reply.status == 502
    assert dict(reply.headers)["content-type"] == "application/problem+json"
    assert isinstance(reply.content, bytes)


# ---------------------------------------------------------------- without the pump


class Parts:
    """A prepared call and what its stream is made of, on this thread."""

    def __init__(self, body: Body, order: Order, *, deadline_s: float = 900) -> None:
        gateway = make_gateway()
        prepared = gateway.pipeline.prepare(CALLER, order_like(order))
        call = replace(prepared.call, deadline=time.monotonic() + deadline_s)
        self.prepared: PreparedCall = replace(prepared, call=call)
        self.maker = AnswerMaker(LimitSettings(), process=None, open_transforms=None)
        self.response: UpstreamResponse = streamed(body)
        self.attempts = Attempts(
            call,
            prepared.request,
            send=lambda call, request: self.response,
            decide=None,
            map_error=gateway.pipeline.map_error,
        )

    def pieces(self) -> Iterator[bytes]:
        answer = self.maker.make(self.prepared, self.attempts, self.attempts.send())
        assert not isinstance(answer.content, bytes)
        return answer.content


@DOORS
def test_a_client_that_leaves_in_the_middle_lets_the_upstream_go(order: Order) -> None:
    body = Body([event("a"), event("b"), DONE])
    pieces = Parts(body, order).pieces()

    first = next(pieces)
    assert body.closed == 0
    pieces.close()  # type: ignore[attr-defined]  # it is a generator

    assert texts(first)[0]["text"] == "a"
    assert (body.closed, body.is_read) == (1, False)


@DOORS
def test_each_event_is_handed_on_before_the_next_is_read(order: Order) -> None:
    read_so_far: list[str] = []

    def chunks() -> Iterator[bytes]:
        for text in "abc":
            read_so_far.append(text)
            yield event(text)
        yield DONE

    pieces = Parts(Body(chunks()), order).pieces()

    seen = [(texts(next(pieces))[0]["text"], list(read_so_far)) for _ in "abc"]

    assert seen == [("a", ["a"]), ("b", ["a", "b"]), ("c", ["a", "b", "c"])]


@DOORS
def test_a_stream_ends_at_its_deadline(order: Order) -> None:
    body = Body([event("a"), DONE])

    with pytest.raises(UpstreamTimeoutError):
        list(Parts(body, order, deadline_s=0).pieces())

    assert body.closed == 1


def test_a_stream_that_nobody_asked_for_is_let_go() -> None:
    body = Body([event("a"), DONE])
    upstream = Upstream(lambda request: streamed(body))

    reply = run(make_gateway(upstream=upstream), say())

    assert reply.status == 502
    assert body.closed == 1


def test_the_upstream_is_told_that_a_stream_is_wanted() -> None:
    upstream = Upstream(lambda request: streamed(Body([event("a"), DONE])))

    read(run(make_gateway(upstream=upstream), ACTION))

    sent: UpstreamRequest = upstream.sent[0]
    assert (sent.headers["accept"], sent.body) == ("text/event-stream", {"text": "hi", "stream": True})
