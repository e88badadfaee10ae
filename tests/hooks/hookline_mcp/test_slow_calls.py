"""Calls that take a while: kept awake, heard of, and ended when their client leaves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline import hookimpl
from hookline.engine.sse import EventDecoder
from hookline.settings import Settings
from hookline_mcp import McpPlugin
from mcp_lab import LEGACY, META, client_of, legacy, modern, post
from small_service import Upstream, make_gateway, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from hookline.call import Cancellation
    from hookline.engine.transport import Timeouts
    from hookline.upstream import UpstreamRequest, UpstreamResponse

BOTH = "application/json, text/event-stream"
SAY = {"name": "acme_say", "arguments": {"text": "hi"}}
LONG_S = 20.0


class SlowUpstream(Upstream):
    """Answers when it is told to, or when nobody waits any more."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()
        self.was_cancelled = threading.Event()
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        cancellation.add(self.was_cancelled.set)
        cancellation.add(self.may_answer.set)
        with self._lock:
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        assert self.may_answer.wait(LONG_S)
        with self._lock:
            self.running -= 1
        return whole({"text": "late"})


class Ends:
    """Tells when a call has gone its whole way."""

    def __init__(self) -> None:
        self.was_answered = threading.Event()

    @hookimpl
    def hookline_process_response(self) -> None:
        self.was_answered.set()


@pytest.fixture
def upstream() -> Iterator[SlowUpstream]:
    upstream = SlowUpstream()
    yield upstream
    upstream.may_answer.set()


def slow_client(upstream: SlowUpstream, *plugins: object, threads: int = 8) -> FlaskClient:
    given = {"limits": {"heartbeat_s": 0.02}, "server": {"threads": threads}}
    settings = Settings.model_validate(given)
    return client_of(make_gateway(McpPlugin(), *plugins, upstream=upstream, settings=settings))


def begin(upstream: SlowUpstream, body: dict[str, Any], *, accept: str = BOTH, **more: Any) -> Any:
    return post(slow_client(upstream), body, {"Accept": accept}, **more)


def pieces_of(answer: Any) -> Iterator[bytes]:
    """Yield a streamed answer as it comes; closing it is what a client does that leaves."""
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-accel-buffering"] == "no"
    pieces: Iterator[bytes] = answer.iter_encoded()
    return pieces


def test_a_slow_call_is_kept_awake_until_its_result_is_there(upstream: SlowUpstream) -> None:
    answer = begin(upstream, modern("tools/call", SAY))
    assert answer.status_code == 200
    pieces = pieces_of(answer)
    assert [next(pieces), next(pieces)] == [b": keep-alive\n\n"] * 2
    upstream.may_answer.set()
    rest = b"".join(pieces)
    (event,) = [one for one in EventDecoder().feed(rest) if one.data is not None]
    assert event.name == b"message"
    assert event.data is not None
    body = orjson.loads(event.data)
    assert (body["id"], body["result"]["structuredContent"]) == (1, {"text": "late", "warnings": []})
    assert not upstream.was_cancelled.is_set()


def test_a_client_that_gave_a_token_is_told_how_long_it_takes(upstream: SlowUpstream) -> None:
    body = modern("tools/call", SAY)
    body["params"]["_meta"] = META | {"progressToken": "tok"}
    pieces = pieces_of(begin(upstream, body))
    told = []
    for piece in (next(pieces), next(pieces), next(pieces)):
        (event,) = EventDecoder().feed(piece)
        assert event.data is not None
        told.append(orjson.loads(event.data))
    assert {(one["method"], one["params"]["progressToken"]) for one in told} == {
        ("notifications/progress", "tok")
    }
    amounts = [one["params"]["progress"] for one in told]
    assert amounts == sorted(set(amounts))
    upstream.may_answer.set()
    assert b"notifications" not in list(pieces)[-1]


def test_a_client_that_leaves_ends_its_call(upstream: SlowUpstream) -> None:
    answer = begin(upstream, modern("tools/call", SAY))
    next(pieces_of(answer))
    answer.close()
    assert upstream.was_cancelled.wait(LONG_S)


def test_a_client_that_left_before_it_read_anything_ends_its_call(upstream: SlowUpstream) -> None:
    begin(upstream, modern("tools/call", SAY)).close()
    assert upstream.was_cancelled.wait(LONG_S)


def test_a_client_of_an_older_revision_that_leaves_does_not(upstream: SlowUpstream) -> None:
    ends = Ends()
    body = legacy("tools/call", SAY)
    answer = post(slow_client(upstream, ends), body, {"Accept": BOTH}, version=LEGACY[0])
    next(pieces_of(answer))
    answer.close()
    assert not upstream.was_cancelled.wait(0.3)  # a cancellation that comes late counts, too
    assert not ends.was_answered.is_set()
    upstream.may_answer.set()
    assert ends.was_answered.wait(LONG_S)
    assert not upstream.was_cancelled.is_set()


def test_calls_whose_clients_left_take_the_places_of_others_until_they_end(upstream: SlowUpstream) -> None:
    client = slow_client(upstream, threads=2)

    def ask() -> Any:
        return post(client, legacy("tools/call", SAY), {"Accept": BOTH}, version=LEGACY[0])

    for _ in range(2):
        answer = ask()
        next(pieces_of(answer))
        answer.close()
    refused = ask()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    body = refused.get_json()
    assert (body["id"], body["error"]["code"]) == (1, -32603)
    assert body["error"]["data"]["error"]["code"] == "too_many_calls"
    assert body["error"]["data"]["retryable"] is True
    assert upstream.most_running == 2
    upstream.may_answer.set()
    for _ in range(3):  # each of them gives its place back
        assert b'"text":"late"' in ask().get_data()


def test_a_client_that_takes_no_events_is_answered_in_one_piece(upstream: SlowUpstream) -> None:
    threading.Timer(0.2, upstream.may_answer.set).start()
    answer = begin(upstream, modern("tools/call", SAY), accept="application/json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.get_json()["result"]["structuredContent"]["text"] == "late"
