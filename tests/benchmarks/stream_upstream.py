"""An upstream for very many streams at once: raw sockets, one loop, and one write for each delta.

Run as ``python tests/benchmarks/stream_upstream.py PORT``. It costs a few microseconds for each event, so
that what is measured through it is the gateway. The name of the model says how a stream goes:
``gap-20-deltas-64`` is 64 deltas, 20 ms apart. Each delta holds its number, as ``"w12 "``.
"""

from __future__ import annotations

import contextlib
import heapq
import re
import select
import socket
import sys
import time
from dataclasses import dataclass, field

MODEL = re.compile(rb'"model":\s?"gap-(\d{1,5})-deltas-(\d{1,5})"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"openai-organization: benchmark\r\nopenai-processing-ms: 12\r\nopenai-version: 2020-10-01\r\n"
    b"x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n"
    b"x-request-id: req_0123456789abcdef0123456789abcdef\r\ntransfer-encoding: chunked\r\n\r\n"
)
_READY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
_FRAME = (
    b'{"id":"chatcmpl-benchmark","object":"chat.completion.chunk","created":1767225600,'
    b'"model":"gpt-5.4-mini-2026-03-17","service_tier":"default","system_fingerprint":"fp_benchmark",'
)
_USAGE = (
    b'"choices":[],"usage":{"prompt_tokens":24,"completion_tokens":%d,"total_tokens":%d,'
    b'"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},'
    b'"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}}'
)


def _chunked(*events: bytes) -> bytes:
    content = b"".join(b"data: " + event + b"\n\n" for event in events)
    return b"%x\r\n%s\r\n" % (len(content), content)


def _choice(delta: bytes, finish_reason: bytes = b"null") -> bytes:
    return _FRAME + (
        b'"choices":[{"index":0,"delta":%s,"logprobs":null,"finish_reason":%s}]}' % (delta, finish_reason)
    )


_FIRST = _HEAD + _chunked(_choice(b'{"role":"assistant","content":"","refusal":null}'))
_STOP = _choice(b"{}", b'"stop"')
_deltas: list[bytes] = []


def _delta(number: int) -> bytes:
    while number >= len(_deltas):
        _deltas.append(_chunked(_choice(b'{"content":"w%d "}' % len(_deltas))))
    return _deltas[number]


@dataclass(slots=True, eq=False)
class _Client:
    """One connection, and the stream that runs on it."""

    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    waiting: bytearray = field(default_factory=bytearray)
    gap_s: float = 0.0
    deltas: int = 0
    sent: int = 0
    tells_usage: bool = False
    is_closed: bool = False

    def send(self, data: bytes) -> None:
        """Send as much as the reader takes, and keep the rest for the next time."""
        if self.waiting:
            self.waiting += data
            data = bytes(self.waiting)
            self.waiting.clear()
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self.waiting += data[sent:]

    def close(self) -> None:
        self.is_closed = True
        self.socket.close()

    def begin(self, gap_s: float, deltas: int, *, tells_usage: bool) -> None:
        self.gap_s, self.deltas, self.sent, self.tells_usage = gap_s, deltas, 0, tells_usage
        self.send(_FIRST)

    def go_on(self) -> bool:
        """Send what is due; False when that was the last."""
        if self.sent < self.deltas:
            self.send(_delta(self.sent))
            self.sent += 1
            return not self.is_closed
        usage = (_FRAME + _USAGE % (self.deltas, self.deltas + 24),) if self.tells_usage else ()
        self.send(_chunked(_STOP, *usage, b"[DONE]") + b"0\r\n\r\n")
        return bool(self.waiting) and not self.is_closed


class _Upstream:
    """The loop."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        self._clients: dict[int, _Client] = {}
        self._due: list[tuple[float, int, _Client]] = []
        self._number = 0

    def run(self) -> None:
        while True:
            due = self._due
            wait_s = max(0.0, due[0][0] - time.monotonic()) if due else 1.0
            for number, _ in self._epoll.poll(wait_s):
                if number == self._listener.fileno():
                    self._accept()
                else:
                    self._read(self._clients[number])
            now = time.monotonic()
            while due and due[0][0] <= now:
                at, _, client = heapq.heappop(due)
                if not client.is_closed and client.go_on():
                    self._plan(client, at + client.gap_s)

    def _plan(self, client: _Client, at: float) -> None:
        self._number += 1
        heapq.heappush(self._due, (at, self._number, client))

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                accepted, _ = self._listener.accept()
                accepted.setblocking(False)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._clients[accepted.fileno()] = _Client(accepted)
                self._epoll.register(accepted, select.EPOLLIN)

    def _read(self, client: _Client) -> None:
        number = client.socket.fileno()
        try:
            piece = client.socket.recv(65_536)
        except OSError:
            piece = b""
        if not piece:
            self._clients.pop(number, None)
            self._epoll.unregister(number)
            client.close()
            return
        client.received += piece
        end = client.received.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(client.received, 0, end + 2)
        size = end + 4 + (int(found[1]) if found else 0)
        if len(client.received) < size:
            return
        request = bytes(client.received[:size])
        del client.received[:size]
        model = MODEL.search(request, end)
        if model is None:
            client.send(_READY)
            return
        gap_s = int(model[1]) / 1000
        client.begin(gap_s, int(model[2]), tells_usage=b'"include_usage":true' in request)
        self._plan(client, time.monotonic() + gap_s)


if __name__ == "__main__":
    _Upstream(int(sys.argv[1])).run()
