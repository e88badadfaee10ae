"""What only our own transport promises: what it repeats, how it connects, and that it leaks nothing."""

from __future__ import annotations

import gzip
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookline.call import Cancellation
from hookline.engine import http1, http1_upstreams
from hookline.engine.http1 import Http1Transport
from hookline.engine.http1_upstreams import Upstream
from hookline.engine.resolver import Resolver
from hookline.engine.transport import Timeouts
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
    Script,
    Watched,
    always,
    answer,
    chunk,
    eventually,
    serving,
)

if TYPE_CHECKING:
    from hookline.engine.sockets import CuttableSocket

PATIENT = Timeouts(connect_s=WAIT_S, read_s=WAIT_S)


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> Iterator[Http1Transport]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made = Http1Transport()
    yield made
    made.close()


def send(
    transport: Http1Transport,
    request: UpstreamRequest,
    *,
    timeouts: Timeouts = PATIENT,
    cancellation: Cancellation | None = None,
) -> UpstreamResponse:
    return transport.send(request, timeouts=timeouts, cancellation=cancellation or Cancellation())


def post(base_url: str, content: bytes = b"{}") -> UpstreamRequest:
    return UpstreamRequest(method="POST", base_url=base_url, path="/", content=content)


# ---------------------------------------------------------------- keeping connections


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [
        (answer(), True),
        (CHUNKED + chunk(b"ok") + chunk(b""), True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + b"HTTP/1.1 100 Continue\r\n\r\n" + answer(), True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (answer(b"ok", "200 OK", b"Connection: close"), False),
        (answer() + b"more", False),
        (answer() + answer(b"forged"), False),
        (CHUNKED + chunk(b"ok") + chunk(b"") + answer(b"forged"), False),
    ],
    ids=[
        "length", "chunks", "interim answers", "1.0 kept", "1.0", "close", "more than its length",
        "two answers", "two answers after chunks",
    ],
)  # fmt: skip
def test_a_connection_is_kept_if_nothing_is_in_doubt(
    sent: bytes, is_kept: bool, transport: Http1Transport
) -> None:
    with serving(always(sent)) as server:
        for _ in range(3):
            assert send(transport, server.request()).read(max_bytes=10) == b"ok"

        assert len(server.peers) == (1 if is_kept else 3)


def test_an_answer_without_a_length_ends_with_its_connection(transport: Http1Transport) -> None:
    def script(peer: Peer, head: bytes) -> bool:
        peer.send(b"HTTP/1.1 200 OK\r\n\r\none ")
        peer.send(b"two")
        return True

    with serving(script) as server:
        assert send(transport, server.request()).read(max_bytes=10) == b"one two"
        assert send(transport, server.request()).read(max_bytes=10) == b"one two"
        assert len(server.peers) == 2


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_keeps_its_connection(status: str, transport: Http1Transport) -> None:
    with serving(always(f"HTTP/1.1 {status}\r\nContent-Encoding: br\r\n\r\n".encode())) as server:
        for _ in range(2):
            assert send(transport, server.request()).read(max_bytes=10) == b""
        assert len(server.peers) == 1


def test_a_connection_on_which_something_came_unasked_is_not_used_again(transport: Http1Transport) -> None:
    with serving(always(answer())) as server:
        send(transport, server.request()).read(max_bytes=10)
        server.peers[0].send(answer(b"forged"))
        eventually(lambda: not _only_idle(transport).is_silent())

        assert send(transport, server.request()).read(max_bytes=10) == b"ok"
        assert len(server.peers) == 2


def _only_idle(transport: Http1Transport) -> CuttableSocket:
    (idle,) = transport._idle.values()
    (connection,) = idle._idle
    return connection


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(always(answer())) as server:
        send(transport, server.request()).read(max_bytes=10)
        monkeypatch.setattr(http1_upstreams, "_KEEPALIVE_S", 0.0)
        send(transport, server.request()).read(max_bytes=10)

        assert len(server.peers) == 2
        eventually(lambda: server.peers[0].socket.fileno() == -1)


def test_connections_that_a_burst_left_behind_are_let_go(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(always(CHUNKED + chunk(b"ok") + chunk(b""))) as server:
        for response in [send(transport, server.request()) for _ in range(5)]:
            response.read(max_bytes=10)
        assert len(server.peers) == 5
        monkeypatch.setattr(http1_upstreams, "_KEEPALIVE_S", -1.0)
        send(transport, server.request()).read(max_bytes=10)

        eventually(lambda: all(peer.socket.fileno() == -1 for peer in server.peers))


def test_a_forked_process_does_not_use_its_parent_s_connections(transport: Http1Transport) -> None:
    with serving(always(answer())) as server:
        send(transport, server.request()).read(max_bytes=10)
        http1._note_fork()
        send(transport, server.request()).read(max_bytes=10)
        send(transport, server.request()).read(max_bytes=10)

        assert len(server.peers) == 2


_FORKS = """
import os
from hookline.engine import http1
if not (child := os.fork()):
    os._exit(http1._forks)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), http1._forks)
"""


def test_a_process_knows_whether_it_was_forked() -> None:
    command = [sys.executable, "-c", _FORKS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["1", "0"]


def test_a_connection_that_comes_back_after_the_end_is_closed(transport: Http1Transport) -> None:
    with serving(always(CHUNKED + chunk(b"ok") + chunk(b""))) as server:
        response = send(transport, server.request())
        transport.close()
        response.read(max_bytes=10)

        eventually(lambda: server.peers[0].socket.fileno() == -1)


# ---------------------------------------------------------------- what is repeated


def _fails_when_kept(then: bytes) -> Script:
    """Answer the first request of the first connection, and end it with ``then`` instead of the second."""

    def script(peer: Peer, head: bytes) -> bool:
        is_failing = peer.number == 0 and len(peer.requests) == 2
        peer.send(then if is_failing else answer())
        return is_failing

    return script


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_without_effect_is_repeated_when_a_kept_connection_ends(
    method: str, transport: Http1Transport
) -> None:
    with serving(_fails_when_kept(b"")) as server:
        send(transport, server.request()).read(max_bytes=10)
        request = UpstreamRequest(method=method, base_url=server.url, path="/again")

        if method == "GET":
            assert send(transport, request).read(max_bytes=10) == b"ok"
        else:
            assert send(transport, request).status == 200

        assert [len(peer.requests) for peer in server.peers] == [2, 1]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_request_that_may_have_had_an_effect_is_never_sent_twice(
    method: str, transport: Http1Transport
) -> None:
    with serving(_fails_when_kept(b"")) as server:
        send(transport, server.request()).read(max_bytes=10)
        request = UpstreamRequest(method=method, base_url=server.url, path="/", content=b"{}")

        with pytest.raises(UpstreamUnavailableError) as caught:
            send(transport, request)

        assert (caught.value.code, caught.value.message) == (
            "upstream_unavailable",
            "127.0.0.1 broke the connection.",
        )
        assert [len(peer.requests) for peer in server.peers] == [2]


def test_nothing_is_repeated_once_a_byte_of_the_answer_came(transport: Http1Transport) -> None:
    with serving(_fails_when_kept(b"H")) as server:
        send(transport, server.request()).read(max_bytes=10)

        with pytest.raises(UpstreamUnavailableError):
            send(transport, server.request())
        assert [len(peer.requests) for peer in server.peers] == [2]


def test_nothing_is_repeated_on_a_new_connection(transport: Http1Transport) -> None:
    def script(peer: Peer, head: bytes) -> bool:
        return True

    with serving(script) as server:
        with pytest.raises(UpstreamUnavailableError):
            send(transport, server.request())
        assert len(server.heads()) == 1


def test_nothing_is_repeated_for_a_caller_who_left(transport: Http1Transport) -> None:
    cancellation = Cancellation()

    def script(peer: Peer, head: bytes) -> bool:
        if len(peer.requests) == 1:
            peer.send(answer())
            return False
        cancellation.cancel()
        return True

    with serving(script) as server:
        send(transport, server.request()).read(max_bytes=10)
        with pytest.raises(UpstreamUnavailableError):
            send(transport, server.request(), cancellation=cancellation)
        assert len(server.heads()) == 2


def test_a_kept_connection_that_stays_silent_is_a_timeout_and_not_repeated(transport: Http1Transport) -> None:
    done = threading.Event()

    def script(peer: Peer, head: bytes) -> None:
        if len(peer.requests) == 2:
            done.wait(WAIT_S)
        else:
            peer.send(answer())

    with serving(script) as server:
        send(transport, server.request()).read(max_bytes=10)
        with pytest.raises(UpstreamTimeoutError):
            send(transport, server.request(), timeouts=Timeouts(connect_s=WAIT_S, read_s=0.05))
        done.set()
        assert len(server.heads()) == 2


def test_a_refusal_that_comes_before_all_was_sent_is_read(transport: Http1Transport) -> None:
    with _listening() as (listener, url):

        def refuse() -> None:
            made, _ = listener.accept()
            with made:
                made.recv(1000)
                made.sendall(answer(b"no", "413 Too Large"))

        thread = threading.Thread(target=refuse)
        thread.start()
        response = send(transport, post(url, bytes(30_000_000)))
        assert (response.status, response.read(max_bytes=10)) == (413, b"no")
        thread.join(WAIT_S)


# ---------------------------------------------------------------- bounds on time


@contextmanager
def _listening(backlog: int = 5) -> Iterator[tuple[socket.socket, str]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        listener.settimeout(WAIT_S)
        yield listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def _full() -> Iterator[str]:
    """Yield the address of a service whose queue is full: the system answers no more attempts to connect."""
    with _listening(0) as (listener, url):
        made = [socket.socket() for _ in range(4)]
        for connection in made:
            connection.setblocking(False)
            connection.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield url
        for connection in made:
            connection.close()


def test_a_service_that_takes_no_connection_is_a_timeout(transport: Http1Transport) -> None:
    with _full() as url:
        started = time.monotonic()
        with pytest.raises(UpstreamTimeoutError) as caught:
            send(transport, post(url), timeouts=Timeouts(connect_s=0.2, read_s=WAIT_S))

    assert caught.value.message == "A connection to 127.0.0.1 did not come in time."
    assert 0.15 < time.monotonic() - started < 5


def test_a_service_that_reads_nothing_is_a_timeout(transport: Http1Transport) -> None:
    with _listening() as (_, url), pytest.raises(UpstreamTimeoutError):
        send(transport, post(url, bytes(50_000_000)), timeouts=Timeouts(connect_s=WAIT_S, read_s=0.1))


def test_the_bound_on_a_write_is_no_bound_on_the_sum(transport: Http1Transport) -> None:
    size_bytes, pause = 12_000_000, threading.Event()

    def read_slowly(listener: socket.socket) -> None:
        made, _ = listener.accept()
        with made:
            left = size_bytes
            while left > 0:
                pause.wait(0.02)  # never set: a slow but living upstream
                left -= len(made.recv(200_000))
            made.sendall(answer())

    with _listening() as (listener, url):
        thread = threading.Thread(target=read_slowly, args=[listener])
        thread.start()
        started = time.monotonic()
        timeouts = Timeouts(connect_s=WAIT_S, read_s=0.7)
        assert send(transport, post(url, bytes(size_bytes)), timeouts=timeouts).read(max_bytes=10) == b"ok"
        assert time.monotonic() - started > 0.7
        thread.join(WAIT_S)


def test_bytes_that_trickle_in_are_no_silence(transport: Http1Transport) -> None:
    pause = threading.Event()

    def script(peer: Peer, head: bytes) -> None:
        for position in range(len(content)):
            pause.wait(0.02)  # never set
            peer.send(content[position : position + 1])

    content = answer(b"ok")
    with serving(script) as server:
        timeouts = Timeouts(connect_s=WAIT_S, read_s=0.3)
        assert send(transport, server.request(), timeouts=timeouts).read(max_bytes=10) == b"ok"


def test_each_call_has_its_own_bound_on_a_shared_connection(transport: Http1Transport) -> None:
    done = threading.Event()

    def script(peer: Peer, head: bytes) -> None:
        if len(peer.requests) == 3:
            done.wait(WAIT_S)
        peer.send(answer())

    with serving(script) as server:
        send(transport, server.request(), timeouts=Timeouts(connect_s=1, read_s=0.05)).read(max_bytes=10)
        send(transport, server.request()).read(max_bytes=10)
        started = time.monotonic()
        with pytest.raises(UpstreamTimeoutError):
            send(transport, server.request(), timeouts=Timeouts(connect_s=1, read_s=0.3))
        assert time.monotonic() - started > 0.25
        done.set()
        assert len(server.peers) == 1


# ---------------------------------------------------------------- addresses


def _addresses(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let every name lead to these ports of this machine."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: object, **options: object) -> list[object]:
        if host == "service.example":
            if options.get("flags") == socket.AI_NUMERICHOST:
                raise socket.gaierror
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in ports]
        return real(host, port, *args, **options)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_the_next_address_is_tried_when_one_refuses(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _listening() as (listener, _):
        closed_port = listener.getsockname()[1]
    with serving(always(answer())) as server:
        _addresses(monkeypatch, closed_port, server.port)
        assert send(transport, post("http://service.example")).read(max_bytes=10) == b"ok"


def test_a_dead_address_leaves_time_for_the_next(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _full() as dead, serving(always(answer())) as server:
        _addresses(monkeypatch, int(dead.rpartition(":")[2]), server.port)
        timeouts = Timeouts(connect_s=0.6, read_s=WAIT_S)
        response = send(transport, post("http://service.example"), timeouts=timeouts)
        assert response.read(max_bytes=10) == b"ok"


def test_no_address_at_all_is_unreachable(transport: Http1Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    _addresses(monkeypatch)
    with pytest.raises(UpstreamUnavailableError) as caught:
        send(transport, post("http://service.example"))
    assert caught.value.code == "upstream_unreachable"


class _StuckResolver:
    """A resolver of the system that answers only when it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.asked = 0
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._ask)

    def _ask(self, host: str, port: int, *args: object, **options: object) -> object:
        if options.get("flags") == socket.AI_NUMERICHOST:
            return self._real(host, port, *args, **options)  # type: ignore[arg-type]
        self.asked += 1
        self.go.wait(WAIT_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def test_the_bound_on_connecting_holds_for_the_look_up(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = _StuckResolver(monkeypatch)
    started = time.monotonic()

    with pytest.raises(UpstreamTimeoutError):
        send(transport, post("http://service.example"), timeouts=Timeouts(connect_s=0.1, read_s=WAIT_S))

    assert time.monotonic() - started < 5
    stuck.go.set()


def test_calls_that_look_for_one_host_share_the_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, resolver = _StuckResolver(monkeypatch), Resolver()
    found: list[object] = []

    def resolve() -> None:
        found.append(resolver.resolve("service.example", 81, timeout_s=WAIT_S, wake=threading.Event()))

    threads = [threading.Thread(target=resolve) for _ in range(10)]
    for thread in threads:
        thread.start()
    eventually(lambda: sum(len(lookup.waiting) for lookup in resolver._running.values()) == 10)
    stuck.go.set()
    for thread in threads:
        thread.join(WAIT_S)

    assert stuck.asked == 1
    assert found == [[(socket.AF_INET, socket.SOCK_STREAM, 6, ("127.0.0.1", 81))]] * 10
    assert resolver._running == {}


def test_a_look_up_that_fails_is_made_again_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()

    def fail(*args: object, **options: object) -> object:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="has no address"):
            resolver.resolve("service.example", 81, timeout_s=WAIT_S, wake=threading.Event())
    assert resolver._running == {}


def test_ipv6_is_spoken(transport: Http1Transport) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    seen: list[bytes] = []
    port = listener.getsockname()[1]

    def serve() -> None:
        made, _ = listener.accept()
        with made:
            seen.append(made.recv(1000))
            made.sendall(answer())

    thread = threading.Thread(target=serve)
    with closing(listener):
        thread.start()
        request = UpstreamRequest(method="GET", base_url=f"http://[::1]:{port}", path="/")
        assert send(transport, request).read(max_bytes=10) == b"ok"
        thread.join(WAIT_S)

    assert f"\r\nHost: [::1]:{port}\r\n".encode() in seen[0]


@pytest.mark.parametrize(
    ("base_url", "host", "port", "host_header", "path"),
    [
        ("http://x", "x", 80, "x", ""),
        ("http://x:80/v1", "x", 80, "x", "/v1"),
        ("https://x:443", "x", 443, "x", ""),
        ("https://x:80", "x", 80, "x:80", ""),
        ("HTTPS://API.Example/v1", "api.example", 443, "api.example", "/v1"),
        ("http://[::1]:81/v1", "::1", 81, "[::1]:81", "/v1"),
        ("http://127.0.0.1:81", "127.0.0.1", 81, "127.0.0.1:81", ""),
        ("https://bücher.example", "xn--bcher-kva.example", 443, "xn--bcher-kva.example", ""),
        ("https://faß.example", "xn--fa-hia.example", 443, "xn--fa-hia.example", ""),
        ("http://x/caf%C3%A9/é", "x", 80, "x", "/caf%C3%A9/%C3%A9"),
    ],
)
def test_a_base_url_says_where_a_request_goes(
    base_url: str, host: str, port: int, host_header: str, path: str
) -> None:
    upstream = Upstream(base_url, {})

    assert (upstream.host, upstream.port, upstream.host_header, upstream.path) == (
        host,
        port,
        host_header,
        path,
    )


@pytest.mark.parametrize(
    "base_url",
    [
        "", "x", "/v1", "ftp://x", "http://", "http://x:99999", "http://u:sk-secret@x", "http://x?a=b",
        "http://x/#f", "http://a b", "http://a\\b", "http://a%00b", "http://-\u2024-.example", "http://[::1",
    ],
)  # fmt: skip
def test_a_base_url_that_is_not_plain_is_refused(base_url: str, transport: Http1Transport) -> None:
    with pytest.raises(ConfigurationError) as caught:
        send(transport, UpstreamRequest(method="GET", base_url=base_url, path="/"))
    assert "sk-secret" not in str(caught.value)


def test_base_urls_that_are_made_up_do_not_pile_up(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hookline.engine import http1

    monkeypatch.setattr(http1, "_MAX_BASE_URLS", 10)
    with serving(always(answer())) as server:
        for number in range(50):
            request = UpstreamRequest(method="GET", base_url=f"{server.url}/{number}", path="/")
            assert send(transport, request).read(max_bytes=10) == b"ok"

        assert len(transport._upstreams) <= 10
        assert len(server.peers) == 1


def test_whether_a_proxy_is_wanted_is_asked_once(
    transport: Http1Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def proxy_from_environment(scheme: str, host: str) -> None:
        asked.append((scheme, host))

    monkeypatch.setattr(http1_upstreams, "proxy_from_environment", proxy_from_environment)
    with serving(always(answer())) as server:
        for _ in range(5):
            send(transport, server.request()).read(max_bytes=10)

    assert asked == [("http", "127.0.0.1")]


# ---------------------------------------------------------------- cancellation


def _cancelled(work: Callable[[Cancellation], object], begun: Callable[[], bool]) -> tuple[object, float]:
    """Run ``work`` on a thread, cancel it once it has begun; return its outcome and how long that took."""
    cancellation = Cancellation()
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work(cancellation))
        except BaseException as exc:
            outcome.append(type(exc))

    thread = threading.Thread(target=run)
    thread.start()
    eventually(begun)
    started = time.monotonic()
    cancellation.cancel()
    thread.join(WAIT_S)
    assert cancellation._callbacks == []
    return outcome[0], time.monotonic() - started


def test_cancelling_ends_a_look_up(transport: Http1Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = _StuckResolver(monkeypatch)

    outcome, took_s = _cancelled(
        lambda cancellation: send(transport, post("http://service.example"), cancellation=cancellation),
        lambda: stuck.asked > 0,
    )

    assert outcome in (UpstreamUnavailableError, UpstreamTimeoutError)
    assert took_s < 1
    stuck.go.set()


def test_cancelling_ends_an_attempt_to_connect(transport: Http1Transport) -> None:
    with _full() as url:
        began = time.monotonic()
        outcome, took_s = _cancelled(
            lambda cancellation: send(transport, post(url), cancellation=cancellation),
            lambda: time.monotonic() - began > 0.1,
        )

    assert outcome is UpstreamUnavailableError
    assert took_s < 1


def test_cancelling_ends_a_write(transport: Http1Transport) -> None:
    taken: list[socket.socket] = []

    def is_writing() -> bool:
        made, _ = listener.accept()
        taken.append(made)
        return made.recv(1) == b"P"

    with _listening() as (listener, url):
        outcome, took_s = _cancelled(
            lambda cancellation: send(transport, post(url, bytes(50_000_000)), cancellation=cancellation),
            is_writing,
        )
    with taken[0] as made, suppress(ConnectionResetError):
        made.settimeout(WAIT_S)
        while made.recv(1 << 20):
            pass

    assert outcome is UpstreamUnavailableError
    assert took_s < 1


@pytest.mark.parametrize(
    "begin",
    [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"],
    ids=["after an interim answer", "in the head", "in the body"],
)
def test_cancelling_ends_a_read(begin: bytes, transport: Http1Transport) -> None:
    watched = Watched(begin)

    with serving(watched.script) as server:
        outcome, took_s = _cancelled(
            lambda cancellation: send(transport, server.request(), cancellation=cancellation).read(
                max_bytes=10
            ),
            watched.has_begun.is_set,
        )
        assert watched.has_ended.wait(1)

    assert outcome in (StreamInterruptedError, UpstreamUnavailableError)
    assert took_s < 1


def test_closing_from_another_thread_wakes_a_read(transport: Http1Transport) -> None:
    watched = Watched(CHUNKED + chunk(b"first"))
    outcome: list[object] = []

    with serving(watched.script) as server:
        response = send(transport, server.request())
        assert next(response.chunks) == b"first"

        def read_on() -> None:
            try:
                next(response.chunks)
            except BaseException as exc:
                outcome.append(type(exc))

        thread = threading.Thread(target=read_on)
        thread.start()
        time.sleep(0.05)
        response.close()
        response.close()
        thread.join(1)
        assert outcome == [StreamInterruptedError]
        assert watched.has_ended.wait(1)
        assert list(response.chunks) == []


def test_a_closed_answer_gives_nothing_more(transport: Http1Transport) -> None:
    with serving(always(CHUNKED + chunk(b"first") + chunk(b""))) as server:
        response = send(transport, server.request())
        response.close()
        with pytest.raises(StreamInterruptedError):
            next(response.chunks)


def test_calls_that_are_cancelled_at_any_moment_harm_nobody(transport: Http1Transport) -> None:
    """Answers never get mixed up, nothing but our own errors is raised, and no connection stays open."""

    def script(peer: Peer, head: bytes) -> None:
        path = head.split()[1]
        if path.endswith(b"1"):
            peer.send(answer(path))
        else:
            peer.send(CHUNKED)
            for position in range(len(path)):
                peer.send(chunk(path[position : position + 1]))
            peer.send(chunk(b""))

    wrong: list[object] = []
    fine: list[bytes] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for number in range(40):
            cancellation = Cancellation()
            timer = threading.Timer(chance.random() * 0.01, cancellation.cancel)
            path = f"/{seed}/{number}/{chance.randrange(2)}"
            if number % 4:  # the others must succeed
                timer.start()
            try:
                content = send(transport, server.request(path), cancellation=cancellation).read(max_bytes=99)
                (fine if content == path.encode() else wrong).append(content)
            except HooklineError as exc:
                if not cancellation.is_cancelled:
                    wrong.append(exc)
            except BaseException as exc:
                wrong.append(exc)
            if number % 4:
                timer.join()

    with serving(script) as server:
        before = _open_files()
        threads = [threading.Thread(target=work, args=[seed]) for seed in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        transport.close()
        eventually(lambda: _open_files() <= before)

    assert wrong == []
    assert len(fine) >= 16 * 10


# ---------------------------------------------------------------- leaks, encodings, imports


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _then(content: bytes, *, is_end: bool) -> Callable[[Peer], bool]:
    def script(peer: Peer) -> bool:
        peer.send(content)
        return is_end or peer.wait_for_end()

    return script


TWO_LENGTHS = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
FAILURES: dict[str, Callable[[Peer], bool]] = {
    "nothing": _then(b"", is_end=True),
    "no HTTP": _then(b"SSH-2.0-x\r\n\r\n", is_end=False),
    "half a head": _then(b"HTTP/1.1 200 OK\r\na", is_end=True),
    "half a body": _then(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", is_end=True),
    "half a chunk": _then(CHUNKED + b"5\r\nx", is_end=True),
    "a bad chunk": _then(CHUNKED + b"x\r\n", is_end=False),
    "two lengths": _then(TWO_LENGTHS, is_end=False),
    "an unknown coding": _then(answer(b"x", "200 OK", b"Content-Encoding: br"), is_end=False),
    "a wrong coding": _then(answer(b"xyz", "200 OK", b"Content-Encoding: gzip"), is_end=False),
    "silence": _then(b"", is_end=False),
    "silence in the body": _then(CHUNKED, is_end=False),
    "too much": _then(answer(bytes(5000)), is_end=False),
}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_no_failure_leaks_a_connection(fail: Callable[[Peer], bool], transport: Http1Transport) -> None:
    patience = Timeouts(connect_s=WAIT_S, read_s=0.02)

    with serving(lambda peer, head: fail(peer)) as server:
        before = _open_files()
        for _ in range(40):
            with pytest.raises(HooklineError):
                send(transport, server.request(), timeouts=patience).read(max_bytes=1000)
        transport.close()
        eventually(lambda: _open_files() <= before)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_no_refused_or_unread_call_leaks_a_connection(transport: Http1Transport) -> None:
    with _listening() as (_, refused):
        pass  # nobody listens there any more
    with serving(always(CHUNKED + chunk(b"x") + chunk(b""))) as server:
        before = _open_files()
        for _ in range(40):
            with pytest.raises(UpstreamUnavailableError):
                send(transport, post(refused))
            cancellation = Cancellation()
            cancellation.cancel()
            with pytest.raises(HooklineError):
                send(transport, server.request(), cancellation=cancellation)
            send(transport, server.request()).close()
            response = send(transport, server.request())
            next(response.chunks)
            del response
        transport.close()
        eventually(lambda: _open_files() <= before)


@pytest.mark.parametrize("sent", ["whole", "chunked"])
def test_an_encoded_answer_has_no_headers_of_its_encoding(sent: str, transport: Http1Transport) -> None:
    content = gzip.compress(b"hello ") + gzip.compress(b"world")
    coding = b"Content-Encoding: gzip"
    script = always(answer(content, "200 OK", coding))
    if sent == "chunked":
        pieces = [chunk(content[at : at + 7]) for at in range(0, len(content), 7)]
        script = always(CHUNKED[:-2] + coding + b"\r\n\r\n" + b"".join(pieces) + chunk(b""))

    with serving(script) as server:
        for _ in range(2):
            response = send(transport, server.request())
            assert response.header("content-encoding") is None
            assert response.header("content-length") is None
            assert response.read(max_bytes=100) == b"hello world"
        assert len(server.peers) == 1


def test_a_cut_in_an_encoded_answer_is_told(transport: Http1Transport) -> None:
    content = gzip.compress(b"hello")[:-4]

    with serving(always(answer(content, "200 OK", b"Content-Encoding: gzip"))) as server:
        response = send(transport, server.request())
        with pytest.raises(StreamInterruptedError):
            response.read(max_bytes=100)


def test_another_encoding_is_refused(transport: Http1Transport) -> None:
    br = answer(b"x", "200 OK", b"Content-Encoding: br")

    with serving(always(br)) as server, pytest.raises(InvalidUpstreamAnswerError):
        send(transport, server.request())


def test_a_service_without_a_proxy_and_tls_needs_no_httpx() -> None:
    code = "import sys, hookline.engine.http1 as h; h.Http1Transport(); assert 'httpx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_bound_on_silence_can_be_lowered_while_the_body_is_read() -> None:
    def script(peer: Peer, head: bytes) -> bool:
        peer.send(CHUNKED + chunk(b"first"))
        return peer.wait_for_end()

    with serving(script) as server, closing(Http1Transport()) as transport:
        response = send(transport, server.request())
        assert next(response.chunks) == b"first"
        assert response.silence_s == WAIT_S
        response.bound_silence(0.05)
        with pytest.raises(UpstreamTimeoutError):
            next(response.chunks)
