"""Both transports over TLS, with certificates made for the test, and through a proxy."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from hookline.call import Cancellation
from hookline.engine.http1 import Http1Transport
from hookline.engine.httpx_transport import HttpxTransport
from hookline.engine.transport import Timeouts, Transport
from hookline.errors import (
    HooklineError,
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

PATIENT = Timeouts(connect_s=WAIT_S, read_s=WAIT_S)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "127.0.0.1", "localhost")


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def _trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(params=[Http1Transport, HttpxTransport], ids=["http1", "httpx"])
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    made: Transport = request.param()
    yield made
    made.close()


@pytest.fixture
def own() -> Iterator[Http1Transport]:
    made = Http1Transport()
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


def get(url: str) -> UpstreamRequest:
    return UpstreamRequest(method="GET", base_url=url, path="/say")


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_calls_are_encrypted_and_keep_their_connection(
    host: str, transport: Transport, tls: ssl.SSLContext
) -> None:
    with serving(always(answer()), tls) as server:
        for _ in range(5):
            assert send(transport, get(f"https://{host}:{server.port}")).read(max_bytes=10) == b"ok"

        (peer,) = server.peers
        assert isinstance(peer.socket, ssl.SSLSocket)
        assert peer.socket.selected_alpn_protocol() == "http/1.1"
        assert len(peer.requests) == 5


@pytest.mark.usefixtures("_trusted")
def test_a_large_body_goes_both_ways(transport: Transport, tls: ssl.SSLContext) -> None:
    content = bytes(range(256)) * 12_000

    def script(peer: Peer, head: bytes) -> None:
        peer.send(answer(head.partition(b"\r\n\r\n")[2]))

    with serving(script, tls) as server:
        request = UpstreamRequest(method="POST", base_url=server.url, path="/", content=content)
        for _ in range(2):
            assert send(transport, request).read(max_bytes=len(content)) == content
        assert len(server.peers) == 1


@pytest.mark.usefixtures("_trusted")
def test_a_certificate_for_another_host_is_refused(transport: Transport, authority: trustme.CA) -> None:
    with serving(always(answer()), server_context(authority, "elsewhere.example")) as server:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(UpstreamUnavailableError) as caught:
                send(transport, get(f"https://{host}:{server.port}"))
            assert caught.value.code == "upstream_unreachable"
        assert server.heads() == []


def test_an_unknown_authority_is_refused(transport: Transport, tls: ssl.SSLContext) -> None:
    with serving(always(answer()), tls) as server:
        with pytest.raises(UpstreamUnavailableError) as caught:
            send(transport, get(server.url))
        assert server.heads() == []
    assert caught.value.code == "upstream_unreachable"


@pytest.mark.usefixtures("_trusted")
def test_a_service_without_tls_is_unreachable_over_tls(transport: Transport) -> None:
    seen: list[bytes] = []

    def serve() -> None:
        made, _ = listener.accept()
        with made:
            seen.append(made.recv(10_000))
            made.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(UpstreamUnavailableError) as caught:
            send(transport, get(f"https://127.0.0.1:{listener.getsockname()[1]}"))
        thread.join(WAIT_S)

    assert caught.value.code == "upstream_unreachable"
    assert b"/say" not in seen[0]


class Silent:
    """A service that takes connections and never says a word."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(WAIT_S)
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.has_hello = threading.Event()
        self.has_ended = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        made, _ = self.listener.accept()
        made.settimeout(WAIT_S)
        with made, suppress(ConnectionResetError):
            made.recv(10_000)
            self.has_hello.set()
            while made.recv(10_000):
                pass
        self.has_ended.set()

    def close(self) -> None:
        self.thread.join(WAIT_S)
        self.listener.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    made = Silent()
    yield made
    made.close()


@pytest.mark.usefixtures("_trusted")
def test_a_handshake_that_stalls_is_a_timeout_of_connecting(transport: Transport, silent: Silent) -> None:
    with pytest.raises(UpstreamTimeoutError) as caught:
        send(transport, get(silent.url), timeouts=Timeouts(connect_s=0.2, read_s=WAIT_S))
    assert caught.value.message == "A connection to 127.0.0.1 did not come in time."


@pytest.mark.usefixtures("_trusted")
def test_cancelling_ends_a_handshake(own: Http1Transport, silent: Silent) -> None:
    cancellation = Cancellation()
    outcome: list[object] = []

    def work() -> None:
        try:
            send(own, get(silent.url), cancellation=cancellation)
        except HooklineError as exc:
            outcome.append(type(exc))

    thread = threading.Thread(target=work)
    thread.start()
    assert silent.has_hello.wait(WAIT_S)
    cancellation.cancel()
    thread.join(1)

    assert outcome == [UpstreamUnavailableError]
    assert silent.has_ended.wait(1)


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    "begin", [b"", CHUNKED, CHUNKED + chunk(b"first")], ids=["silent", "headers", "a chunk"]
)
def test_cancelling_ends_an_encrypted_read(begin: bytes, transport: Transport, tls: ssl.SSLContext) -> None:
    watched = Watched(begin)
    cancellation = Cancellation()
    outcome: list[object] = []

    with serving(watched.script, tls) as server:

        def work() -> None:
            try:
                response = send(transport, get(server.url), cancellation=cancellation)
                outcome.append(response.read(max_bytes=100))
            except HooklineError as exc:
                outcome.append(type(exc))

        thread = threading.Thread(target=work)
        thread.start()
        assert watched.has_begun.wait(WAIT_S)
        started = time.monotonic()
        cancellation.cancel()
        thread.join(WAIT_S)
        assert time.monotonic() - started < 1
        assert outcome in ([StreamInterruptedError], [UpstreamUnavailableError])


@pytest.mark.usefixtures("_trusted")
def test_an_encrypted_silence_is_a_timeout(transport: Transport, tls: ssl.SSLContext) -> None:
    watched = Watched(CHUNKED + chunk(b"first"))

    with serving(watched.script, tls) as server:
        response = send(transport, get(server.url), timeouts=Timeouts(connect_s=WAIT_S, read_s=0.5))
        assert next(response.chunks) == b"first"
        with pytest.raises(UpstreamTimeoutError):
            next(response.chunks)


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("is_announced", [True, False])
def test_an_end_without_notice_is_no_end_of_an_answer(
    is_announced: bool, own: Http1Transport, tls: ssl.SSLContext
) -> None:
    """An attacker can end a connection, but cannot announce it (RFC 9112, section 9.8)."""

    def script(peer: Peer, head: bytes) -> bool:
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        if is_announced:
            assert isinstance(peer.socket, ssl.SSLSocket)
            with suppress(OSError):
                peer.socket.settimeout(0.2)
                peer.socket.unwrap()
        return True

    with serving(script, tls) as server:
        response = send(own, get(server.url))
        if is_announced:
            assert response.read(max_bytes=100) == b"half of it"
        else:
            with pytest.raises(StreamInterruptedError):
                response.read(max_bytes=100)


@pytest.mark.usefixtures("_trusted")
def test_an_encrypted_connection_that_ended_is_replaced(own: Http1Transport, tls: ssl.SSLContext) -> None:
    def script(peer: Peer, head: bytes) -> bool:
        peer.send(answer())
        return peer.number == 0

    with serving(script, tls) as server:
        request = UpstreamRequest(method="POST", base_url=server.url, path="/", content=b"{}")
        send(own, request).read(max_bytes=10)
        (idle,) = own._idle.values()
        eventually(lambda: not idle._idle[0].is_silent())
        assert send(own, request).read(max_bytes=10) == b"ok"
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


# ---------------------------------------------------------------- through a proxy


class Tunnel:
    """A proxy that connects its clients to one port, whatever they ask for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.heads: list[bytes] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        client, _ = self.listener.accept()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.heads.append(head)
        upstream = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=self._copy, args=[upstream, client])
        back.start()
        self._copy(client, upstream)
        back.join(WAIT_S)
        client.close()
        upstream.close()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._threads[0].join(WAIT_S)
        self.listener.close()


@pytest.mark.usefixtures("_trusted")
def test_an_encrypted_call_goes_through_the_tunnel_of_a_proxy(
    own: Http1Transport, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(always(answer()), server_context(authority, "service.example")) as server:
        tunnel = Tunnel(server.port)
        monkeypatch.setenv("https_proxy", tunnel.url)

        assert send(own, get("https://service.example")).read(max_bytes=10) == b"ok"

        own.close()
        tunnel.close()
    assert tunnel.heads[0].startswith(b"CONNECT service.example:443 HTTP/1.1\r\n")
    assert len(server.heads()) == 1
