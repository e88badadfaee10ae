"""Passing messages on: gateways that are silent, break off, are not wanted any more, or write odd events."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline.call import Cancellation
from hookline_mcp.messages import read_message
from hookline_mcp.remote_door import RemoteDoor
from live_gateway import free_port
from mcp_lab import call, modern

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_S = 20.0
CALL = modern("tools/call", call("acme_say"))


class Gateway:
    """Takes connections, and answers each with the bytes given; None is silence."""

    def __init__(self, content: bytes | None, *, delay_s: float = 0.0) -> None:
        self._content = content
        self._delay_s = delay_s
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.was_asked = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        with connection:
            if not connection.recv(65536):
                return
            self.was_asked.set()
            if self._content is None:
                self._over.wait(LONG_S)
            else:
                self._over.wait(self._delay_s)
                connection.sendall(self._content)

    def close(self) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()


@contextmanager
def gateway_that(content: bytes | None, **more: Any) -> Iterator[Gateway]:
    gateway = Gateway(content, **more)
    try:
        yield gateway
    finally:
        gateway.close()


def answered(kind: str, content: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def ask(
    door: RemoteDoor, body: dict[str, Any] = CALL, *, cancellation: Cancellation | None = None
) -> tuple[bytes | None, list[bytes]]:
    """Return the answer, and what was told before it."""
    told: list[bytes] = []
    given = cancellation or Cancellation()
    answer = door.answer(read_message(body), body, cancellation=given, notify=told.append)
    return answer, told


def error_in(answer: bytes | None) -> str:
    assert answer is not None
    body = orjson.loads(answer)
    assert (body["id"], body["error"]["code"]) == (1, -32603)
    return str(body["error"]["message"])


def test_a_gateway_that_says_nothing_may_have_run_the_call() -> None:
    with gateway_that(None) as gateway:
        answer, _ = ask(RemoteDoor(gateway.url, "k", answer_s=0.1))
    assert error_in(answer) == (
        "The gateway at 127.0.0.1 has said nothing for 0.1 s. "
        "The call may have run, and may have been charged: look before you call again."
    )


def test_a_list_that_does_not_come_was_not_charged() -> None:
    with gateway_that(None) as gateway:
        answer, _ = ask(RemoteDoor(gateway.url, "k", answer_s=0.1), modern("tools/list"))
    assert error_in(answer) == "The gateway at 127.0.0.1 has said nothing for 0.1 s."


def test_a_gateway_that_breaks_off_may_have_run_the_call() -> None:
    with gateway_that(b"") as gateway:
        message = error_in(ask(RemoteDoor(gateway.url, "k"))[0])
    assert "broke off" in message
    assert "may have been charged" in message


def test_a_call_that_never_left_was_not_charged() -> None:
    message = error_in(ask(RemoteDoor(f"http://127.0.0.1:{free_port()}", "k"))[0])
    assert "cannot be reached" in message
    assert "charged" not in message


def test_an_answer_may_take_longer_than_connecting() -> None:
    content = answered("application/json", b'{"jsonrpc":"2.0","id":1,"result":{}}')
    with gateway_that(content, delay_s=0.4) as gateway:
        answer, _ = ask(RemoteDoor(gateway.url, "k", connect_s=0.1, answer_s=LONG_S))
    assert answer == b'{"jsonrpc":"2.0","id":1,"result":{}}'


def test_a_request_that_was_cancelled_before_it_left_is_not_sent() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with gateway_that(b"") as gateway:
        assert ask(RemoteDoor(gateway.url, "k"), cancellation=cancellation) == (None, [])
    assert not gateway.was_asked.is_set()


def test_a_request_that_is_cancelled_while_it_runs_is_cut() -> None:
    cancellation = Cancellation()
    with gateway_that(None) as gateway:

        def cancel() -> None:
            assert gateway.was_asked.wait(LONG_S)
            cancellation.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        answer, _ = ask(RemoteDoor(gateway.url, "k", answer_s=LONG_S), cancellation=cancellation)
        canceller.join(LONG_S)
    assert "broke off" in error_in(answer)


def test_events_on_several_lines_become_one_line_each() -> None:
    content = (
        b': hello\n\ndata: {"jsonrpc":"2.0",\ndata: "method":"notifications/progress",'
        b'\ndata: "params":{"n":36893488147419103232}}\n\n'
        b'event: message\r\ndata: {\r\ndata:   "jsonrpc": "2.0", "id": 1,\r\ndata:   "result": {}'
        b"\r\ndata: }\r\n\r\n"
    )
    with gateway_that(answered("text/event-stream", content)) as gateway:
        answer, told = ask(RemoteDoor(gateway.url, "k"))
    assert told == [
        b'{"jsonrpc":"2.0", "method":"notifications/progress", "params":{"n":36893488147419103232}}'
    ]
    assert answer == b'{   "jsonrpc": "2.0", "id": 1,   "result": {} }'


@pytest.mark.parametrize("data", [b"hello", b"[1]", b'{"method"'])
def test_events_that_are_no_messages_come_from_no_mcp_server(data: bytes) -> None:
    with gateway_that(answered("text/event-stream", b"data: " + data + b"\n\n")) as gateway:
        answer, _ = ask(RemoteDoor(gateway.url, "k"))
    assert "is no MCP server: status 200" in error_in(answer)
