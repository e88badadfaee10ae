"""The server over real sockets: keep-alive, chunked bodies, clients that leave, many at once."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time

from hookline_sandbox.server import SandboxServer, serve

BODY = json.dumps({"model": "sandbox", "messages": [{"role": "user", "content": "ping"}]}).encode()
STREAM = json.dumps(
    {"model": "sandbox", "messages": [{"role": "user", "content": "ping"}], "stream": True}
).encode()
PATH = "/v1/chat/completions"


def wait_for(server: SandboxServer, *, disconnects: int) -> None:
    until = time.monotonic() + 10
    while server.disconnects < disconnects and time.monotonic() < until:
        threading.Event().wait(0.002)


def test_one_connection_serves_many_requests_and_they_are_recorded() -> None:
    with SandboxServer() as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
        for body in (BODY, STREAM, BODY):
            connection.request("POST", PATH, body, {"X-Mark": "1"})
            response = connection.getresponse()
            assert response.status == 200
            response.read()
        connection.close()
        assert [(item.method, item.path, item.body) for item in server.requests] == [
            ("POST", PATH, BODY),
            ("POST", PATH, STREAM),
            ("POST", PATH, BODY),
        ]
        assert server.requests[0].headers["x-mark"] == "1"
        assert server.disconnects == 0


def test_a_chunked_request_body_is_read() -> None:
    with SandboxServer() as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
        connection.request(
            "POST",
            PATH,
            iter([BODY[:10], BODY[10:]]),
            encode_chunked=True,
            headers={"transfer-encoding": "chunked"},
        )
        assert connection.getresponse().status == 200
        connection.close()
        assert server.requests[0].body == BODY


def test_a_body_of_unclear_length_is_refused() -> None:
    with (
        SandboxServer() as server,
        socket.create_connection((server.host, server.port), timeout=30) as connection,
    ):
        connection.sendall(b"POST /v1/edits HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_a_client_that_leaves_during_a_silence_is_noticed_at_once() -> None:
    with SandboxServer() as server:
        connection = socket.create_connection((server.host, server.port), timeout=30)
        head = (
            f"POST {PATH} HTTP/1.1\r\nhost: x\r\nx-sandbox-fault: stall-30\r\ncontent-length: {len(STREAM)}"
        )
        connection.sendall(f"{head}\r\n\r\n".encode() + STREAM)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        left_at = time.monotonic()
        connection.close()
        wait_for(server, disconnects=1)
        assert server.disconnects == 1
        assert (
            server.disconnected_at[0] - left_at < 1
        )  # a fraction of the 30 s of silence, with room for a busy machine


def test_stopping_breaks_silent_connections_and_frees_the_port() -> None:
    server = SandboxServer().start()
    connection = socket.create_connection((server.host, server.port), timeout=30)
    fault = "slow-first-byte-30"
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nx-sandbox-fault: {fault}\r\ncontent-length: {len(BODY)}"
    connection.sendall(f"{head}\r\n\r\n".encode() + BODY)
    while not server.requests:
        threading.Event().wait(0.002)
    started_at = time.monotonic()
    server.stop()
    assert time.monotonic() - started_at < 5
    assert connection.recv(10) == b""
    connection.close()
    assert server.disconnects == 0
    SandboxServer(port=server.port).stop()


def test_three_hundred_streams_run_side_by_side() -> None:
    with SandboxServer() as server:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-sandbox-fault: stall-0.3\r\n"
        request = f"{head}content-length: {len(STREAM)}\r\n\r\n".encode() + STREAM
        connections = [socket.create_connection((server.host, server.port), timeout=30) for _ in range(300)]
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            received = b""
            while data := connection.recv(65_536):
                received += data
            connection.close()
            assert received.endswith(b"0\r\n\r\n")
        assert server.disconnects == 0


def test_serve_tells_when_it_is_ready_and_cleans_up_after_an_interruption() -> None:
    ports: list[int] = []

    def interrupt(server: SandboxServer) -> None:
        ports.append(server.port)
        raise KeyboardInterrupt

    try:
        serve("127.0.0.1", 0, on_ready=interrupt)
    except KeyboardInterrupt:
        SandboxServer(port=ports[0]).stop()
    else:
        raise AssertionError("the interruption was swallowed")
