"""A scripted service on a port of this machine, for what sends requests without the gateway's transport."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hookline.errors import HooklineError
from hookline.testing.playing import GARBAGE, HTML
from hookline.testing.script import ScriptedAnswer
from hookline.testing.sent import SentRequest

Find = Callable[[SentRequest], ScriptedAnswer]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_HUGE_BYTES = 512 * 1024 * 1024
_WITHOUT_BODY = frozenset({204, 205, 304})


@contextmanager
def serving(find: Find) -> Iterator[str]:
    """Serve what a function answers, from a thread; yields the base URL."""

    class Handler(_Handler):
        answer_of = staticmethod(find)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer_of: Find

    def log_message(self, format: str, *args: object) -> None:
        """Keep requests out of the test's output."""

    def handle_one_request(self) -> None:
        """Read one request, whatever its method, and answer it."""
        try:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._answer()
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _answer(self) -> None:
        address = f"http://{self.headers.get('host', '127.0.0.1')}"
        length = int(self.headers.get("content-length") or 0)
        request = SentRequest(
            method=self.command,
            url=address + self.path,
            base_url=address,
            headers={name.lower(): value for name, value in self.headers.items()},
            content=self.rfile.read(length) if length else b"",
        )
        try:
            answer = self.answer_of(request)
        except HooklineError as exc:
            answer = ScriptedAnswer(status=501, body=(exc.message.encode(),))
        self._play(answer)

    def _play(self, answer: ScriptedAnswer) -> None:
        fault = answer.fault
        if fault in ("refused", "reset", "timeout"):
            self._break()
            return
        pieces = [piece for piece in answer.body if isinstance(piece, bytes)]
        headers = dict(answer.headers) or {"content-type": "application/json"}
        if fault == "html":
            pieces, headers = [HTML], {"content-type": "text/html; charset=utf-8"}
        elif fault == "garbage":
            pieces = [GARBAGE]
        elif fault == "empty":
            pieces = []
        size_bytes = _HUGE_BYTES if fault == "huge" else sum(map(len, pieces))
        self.send_response(answer.status)
        for name, value in headers.items():
            if name not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if answer.status not in _WITHOUT_BODY:
            missing = 1 if fault in ("cut", "slow") else 0
            self.send_header("content-length", str(size_bytes + missing))
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
        if fault in ("cut", "slow", "huge"):
            self._break()

    def _break(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
