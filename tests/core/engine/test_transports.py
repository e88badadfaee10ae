"""What every transport does, against a small server that does what it is told, byte by byte."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING

import pytest

from hookline.call import Cancellation
from hookline.engine.http1 import Http1Transport
from hookline.engine.httpx_transport import HttpxTransport
from hookline.engine.transport import Timeouts, Transport
from hookline.errors import (
    ConfigurationError,
    HooklineError,
    InvalidUpstreamAnswerError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.upstream import UpstreamRequest, UpstreamResponse
from scripted_server import (
    CHUNKED,
    WAIT_S,
    Peer,
    Watched,
    always,
    answer,
    chunk,
    eventually,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENT = Timeouts(connect_s=WAIT_S, read_s=WAIT_S)


@pytest.fixture(params=[Http1Transport, HttpxTransport], ids=["http1", "httpx"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Transport]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made: Transport = request.param()
    yield made
    made.close()


def send(
    transport: Transport,
    request: UpstreamRequest,
    *,
    timeouts: Timeouts = PATIENT,
    cancellation: Cancellation | None = None,
) -> UpstreamResponse:
    return transport.send(request, timeouts=timeouts, cancellation=cancellation or Cancellation())


# ---------------------------------------------------------------- connections


def test_a_request_arrives_as_it_was_made_and_the_answer_comes_back(transport: Transport) -> None:
    with serving(
        always(answer(b'{"a": 1}', "201 Created", b"X-Request-Id: r1", b"X-Many: 1", b"X-Many: 2"))
    ) as server:
        request = UpstreamRequest(
            method="POST",
            base_url=f"{server.url}/v1",
            path="/say%2F?q=%20",
            headers={"content-type": "application/json", "x-a": "b"},
            content=b'{"text": "hi"}',
        )

        response = send(transport, request)
        content = response.read(max_bytes=100)

    assert (response.status, content) == (201, b'{"a": 1}')
    assert response.headers == [
        ("content-length", "8"),
        ("x-request-id", "r1"),
        ("x-many", "1"),
        ("x-many", "2"),
    ]
    lines = server.heads()[0].decode().split("\r\n")
    assert (lines[0], lines[-1]) == ("POST /v1/say%2F?q=%20 HTTP/1.1", '{"text": "hi"}')
    assert sorted(lines[1:-2]) == sorted(
        [
            f"Host: 127.0.0.1:{server.server_address[1]}",
            "content-type: application/json",
            "x-a: b",
            "Content-Length: 14",
        ]
    )


def test_a_connection_is_used_again_and_only_after_its_answer_was_read(transport: Transport) -> None:
    # In chunks: of a body with a length, all of it may be there together with the head.
    with serving(always(CHUNKED + chunk(b"ok") + chunk(b""))) as server:
        for _ in range(5):
            assert send(transport, server.request()).read(max_bytes=10) == b"ok"
        assert len(server.peers) == 1

        unread = send(transport, server.request())
        send(transport, server.request()).read(max_bytes=10)
        assert len(server.peers) == 2
        unread.close()
        send(transport, server.request()).read(max_bytes=10)

    assert [len(peer.requests) for peer in server.peers] == [6, 2]


def test_a_kept_connection_that_the_server_closed_is_replaced(transport: Transport) -> None:
    ended = threading.Event()

    def script(peer: Peer, head: bytes) -> bool:
        peer.send(answer())
        return peer.number == 0

    with serving(script) as server:
        server.shutdown_request = _then(server.shutdown_request, ended.set)  # type: ignore[method-assign]
        send(transport, server.request()).read(max_bytes=10)
        assert ended.wait(WAIT_S)

        assert send(transport, server.request()).read(max_bytes=10) == b"ok"

    assert len(server.peers) == 2


def _then(first: Callable[..., object], second: Callable[[], object]) -> Callable[..., None]:
    def both(*arguments: object) -> None:
        first(*arguments)
        second()

    return both


def test_cookies_are_never_sent_back(transport: Transport) -> None:
    with serving(always(answer(b"ok", "200 OK", b"Set-Cookie: session=1; Path=/"))) as server:
        for _ in range(3):
            send(transport, server.request()).read(max_bytes=10)

    assert len(server.heads()) == 3
    assert not any(b"cookie" in head.lower() for head in server.heads())


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_a_redirect_is_returned_and_not_followed(status: str, transport: Transport) -> None:
    with serving(always(answer())) as elsewhere:
        location = f"Location: {elsewhere.url}/stolen".encode()
        with serving(always(answer(b"", status, location))) as server:
            response = send(transport, server.request(headers={"authorization": "Bearer sk-secret"}))
            response.close()

    assert str(response.status) == status[:3]
    assert len(server.heads()) == 1
    assert elsewhere.peers == []


def test_many_threads_get_their_own_answers(transport: Transport) -> None:
    def script(peer: Peer, head: bytes) -> None:
        peer.send(answer(head.split()[1]))

    wrong: list[object] = []

    def work(thread: int) -> None:
        try:
            for number in range(20):
                path = f"/{thread}/{number}"
                content = send(transport, server.request(path)).read(max_bytes=100)
                if content != path.encode():
                    wrong.append((path, content))
        except Exception as exc:
            wrong.append(exc)

    with serving(script) as server:
        threads = [threading.Thread(target=work, args=[number]) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert wrong == []
        assert len(server.heads()) == 640
        assert len(server.peers) <= 32


def test_closing_the_transport_closes_idle_connections(transport: Transport) -> None:
    with serving(always(answer())) as server:
        send(transport, server.request()).read(max_bytes=10)

        transport.close()

        eventually(lambda: server.peers[0].socket.fileno() == -1)


# ---------------------------------------------------------------- failures


def test_nobody_listening_is_unreachable(transport: Transport) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        request = UpstreamRequest(
            method="GET", base_url=f"http://127.0.0.1:{probe.getsockname()[1]}", path="/"
        )

        with pytest.raises(UpstreamUnavailableError) as caught:
            send(transport, request)

    error = caught.value
    assert (error.status, error.code, error.message) == (
        502,
        "upstream_unreachable",
        "127.0.0.1 could not be reached.",
    )


def test_an_unknown_host_is_unreachable(transport: Transport) -> None:
    request = UpstreamRequest(method="GET", base_url="http://nobody.invalid", path="/")

    with pytest.raises(UpstreamUnavailableError) as caught:
        send(transport, request)
    assert caught.value.code == "upstream_unreachable"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", UpstreamUnavailableError),
        (b"HTTP/1.1 200", UpstreamUnavailableError),
        (b"SSH-2.0-x\r\n\r\n", InvalidUpstreamAnswerError),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", InvalidUpstreamAnswerError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", InvalidUpstreamAnswerError),
    ],
    ids=["nothing", "half a line", "another protocol", "a bad header", "a bad length"],
)
def test_what_is_no_http_is_told_from_a_cut(
    sent: bytes, expected: type[HooklineError], transport: Transport
) -> None:
    def script(peer: Peer, head: bytes) -> bool:
        peer.send(sent)
        return True

    with serving(script) as server, pytest.raises(HooklineError) as caught:
        send(transport, server.request())

    assert (type(caught.value), caught.value.status) == (expected, 502)


def test_silence_before_the_answer_is_a_timeout(transport: Transport) -> None:
    done = threading.Event()

    with serving(lambda peer, head: done.wait(WAIT_S)) as server:
        with pytest.raises(UpstreamTimeoutError) as caught:
            send(transport, server.request(), timeouts=Timeouts(connect_s=WAIT_S, read_s=0.05))
        done.set()

    assert (caught.value.status, caught.value.message) == (
        504,
        "An answer of 127.0.0.1 did not come in time.",
    )


def test_silence_in_the_middle_is_a_timeout_and_ends_the_connection(transport: Transport) -> None:
    ends: list[bool] = []

    def script(peer: Peer, head: bytes) -> bool:
        peer.send(CHUNKED + chunk(b"first"))
        ends.append(peer.wait_for_end())
        return True

    with serving(script) as server:
        response = send(transport, server.request(), timeouts=Timeouts(connect_s=WAIT_S, read_s=0.5))
        assert next(response.chunks) == b"first"
        with pytest.raises(UpstreamTimeoutError):
            next(response.chunks)
        eventually(lambda: ends == [True])


def test_a_body_may_have_a_shorter_bound_on_silence_than_the_beginning(transport: Transport) -> None:
    def script(peer: Peer, head: bytes) -> bool:
        peer.send(CHUNKED + chunk(b"first"))
        return peer.wait_for_end()

    with serving(script) as server:
        timeouts = Timeouts(connect_s=WAIT_S, read_s=WAIT_S, stall_s=0.05)
        response = send(transport, server.request(), timeouts=timeouts)
        assert next(response.chunks) == b"first"
        started = time.monotonic()
        with pytest.raises(UpstreamTimeoutError):
            next(response.chunks)

    assert time.monotonic() - started < WAIT_S / 2


def test_what_never_reached_the_service_says_so(transport: Transport) -> None:
    with serving(always(b"not http\r\n\r\n")) as server:
        with pytest.raises(HooklineError) as answered:
            send(transport, server.request())
        refused_request = server.request()
    with pytest.raises(HooklineError) as refused:
        send(transport, refused_request)

    assert (answered.value.reached_upstream, refused.value.reached_upstream) == (True, False)


def test_the_bound_on_silence_is_no_bound_on_the_sum(transport: Transport) -> None:
    pieces = 8
    pause = threading.Event()

    def script(peer: Peer, head: bytes) -> None:
        peer.send(CHUNKED)
        for _ in range(pieces):
            pause.wait(0.1)  # never set: a slow but living upstream
            peer.send(chunk(b"x"))
        peer.send(chunk(b""))

    with serving(script) as server:
        started = time.monotonic()
        response = send(transport, server.request(), timeouts=Timeouts(connect_s=WAIT_S, read_s=0.6))

        assert response.read(max_bytes=100) == b"x" * pieces
        assert time.monotonic() - started > 0.6


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + chunk(b"first"),
        CHUNKED + chunk(b"first") + b"5\r\nse",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst",
    ],
    ids=["between chunks", "in a chunk", "before its length"],
)
def test_a_cut_in_the_middle_is_no_end(sent: bytes, transport: Transport) -> None:
    def script(peer: Peer, head: bytes) -> bool:
        peer.send(sent)
        return True

    with serving(script) as server:
        response = send(transport, server.request())
        with pytest.raises(StreamInterruptedError):
            response.read(max_bytes=100)
        server.script = always(answer())
        assert send(transport, server.request()).read(max_bytes=10) == b"ok"

    assert len(server.peers) == 2


@pytest.mark.parametrize("value", ["sk-a\r\nx-evil: 1", "sk-a\x00b", "sk-é"])
@pytest.mark.parametrize("name", ["x-a", "x a"])
def test_what_cannot_stand_in_a_request_is_not_sent_and_not_shown(
    name: str, value: str, transport: Transport
) -> None:
    with serving(always(answer())) as server:
        with pytest.raises(ConfigurationError) as caught:
            send(transport, server.request(headers={name: value}))
        with pytest.raises(ConfigurationError):
            send(transport, server.request("/\x00"))
        assert server.heads() == []

    assert "sk-" not in "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------- encodings


def test_an_encoded_answer_is_decoded_and_counted_afterwards(transport: Transport) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)

    with serving(always(answer(bomb, "200 OK", b"Content-Encoding: gzip"))) as server:
        assert len(send(transport, server.request()).read(max_bytes=10_000_000)) == 10_000_000
        with pytest.raises(InvalidUpstreamAnswerError) as caught:
            send(transport, server.request()).read(max_bytes=1_000_000)

    assert caught.value.code == "upstream_answer_too_large"


def test_an_answer_that_is_not_encoded_as_it_says_is_refused(transport: Transport) -> None:
    with serving(always(answer(b"no gzip at all", "200 OK", b"Content-Encoding: gzip"))) as server:
        response = send(transport, server.request())
        with pytest.raises(InvalidUpstreamAnswerError):
            response.read(max_bytes=100)


# ---------------------------------------------------------------- cancellation


@pytest.mark.parametrize(
    "begin",
    [b"", CHUNKED, CHUNKED + chunk(b"first"), b"HTTP/1.1 200 OK\r\n\r\nhalf of it"],
    ids=["silent", "headers", "a chunk", "until the end"],
)
def test_cancelling_wakes_a_blocked_read_and_the_server_sees_the_end(
    begin: bytes, transport: Transport
) -> None:
    watched = Watched(begin)
    cancellation = Cancellation()
    outcome: list[object] = []

    with serving(watched.script) as server:

        def work() -> None:
            try:
                response = send(transport, server.request(), cancellation=cancellation)
                outcome.append(response.read(max_bytes=100))
            except HooklineError as exc:
                outcome.append(type(exc))

        thread = threading.Thread(target=work)
        thread.start()
        assert watched.has_begun.wait(WAIT_S)
        started = time.monotonic()
        cancellation.cancel()
        thread.join(WAIT_S)
        assert watched.has_ended.wait(WAIT_S)
        elapsed_s = time.monotonic() - started

        assert elapsed_s < 1
        assert outcome in ([StreamInterruptedError], [UpstreamUnavailableError])
        server.script = always(answer())
        assert send(transport, server.request()).read(max_bytes=10) == b"ok"


@pytest.mark.parametrize("is_warm", [False, True], ids=["new connection", "kept connection"])
def test_a_call_that_was_cancelled_before_it_was_sent_gets_no_answer(
    is_warm: bool, transport: Transport
) -> None:
    cancellation = Cancellation()
    cancellation.cancel()

    with serving(always(answer())) as server:
        if is_warm:
            send(transport, server.request()).read(max_bytes=10)
        with pytest.raises(HooklineError):
            send(transport, server.request(), cancellation=cancellation).read(max_bytes=10)
        assert send(transport, server.request()).read(max_bytes=10) == b"ok"


def test_cancelling_after_the_end_touches_no_one_else_s_connection(transport: Transport) -> None:
    first = Cancellation()
    with serving(always(answer())) as server:
        send(transport, server.request(), cancellation=first).read(max_bytes=10)
        second = send(transport, server.request())

        first.cancel()

        assert second.read(max_bytes=10) == b"ok"
        assert len(server.peers) == 1


def test_closing_an_unread_answer_ends_the_connection_at_once(transport: Transport) -> None:
    watched = Watched(CHUNKED + chunk(b"first"))

    with serving(watched.script) as server:
        response = send(transport, server.request())
        assert next(response.chunks) == b"first"

        response.close()
        response.close()

        assert watched.has_ended.wait(WAIT_S)


# ---------------------------------------------------------------- proxies


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, transport: Transport) -> None:
    request = UpstreamRequest(method="GET", base_url="http://service.example", path="/say")

    with serving(always(answer(b"by proxy"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert send(transport, request).read(max_bytes=10) == b"by proxy"

    assert proxy.heads()[0].startswith(b"GET http://service.example/say HTTP/1.1\r\n")


def test_a_proxy_that_is_set_wins_and_no_proxy_is_honoured(
    monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    with serving(always(answer(b"proxy"))) as proxy, serving(always(answer(b"direct"))) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        direct = send(transport, server.request()).read(max_bytes=10)
        chosen = HttpxTransport(proxy=proxy.url)
        proxied = send(chosen, server.request()).read(max_bytes=10)
        chosen.close()

    assert (direct, proxied) == (b"direct", b"proxy")


def test_an_unreachable_proxy_is_an_unreachable_service(
    monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{probe.getsockname()[1]}")

        with pytest.raises(UpstreamUnavailableError):
            send(transport, UpstreamRequest(method="GET", base_url="http://service.example", path="/"))
