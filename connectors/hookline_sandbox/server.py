"""The simulated service as an HTTP/1.1 server of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from hookline_sandbox.errors import CutConnection
from hookline_sandbox.repetition import FaultCounter
from hookline_sandbox.service import Sandbox

if TYPE_CHECKING:
    from hookline_sandbox.answer import SandboxAnswer

_REQUESTS_KEPT = 1000
_POLL_S = 0.2
_STOP_S = 2.0
_MAX_BODY_BYTES = 256 * 1024 * 1024


class RecordedRequest(NamedTuple):
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ClientLeftError(Exception):
    """The client closed its connection before it had the whole answer."""


class SandboxServer:
    """The service on a TCP port, run by threads of this process.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        now: Returns the Unix time.

    Attributes:
        requests: The last 1000 requests, oldest first.
        is_stopping: Whether :meth:`stop` was called.
        counter: How often requests met faults that pass.
        disconnected_at: When clients were found to have left amid an answer, by ``time.monotonic``.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, now: Callable[[], float] = time.time
    ) -> None:
        self.requests: deque[RecordedRequest] = deque(maxlen=_REQUESTS_KEPT)
        self.disconnected_at: list[float] = []
        self.now = now
        self.counter = FaultCounter()
        self._server = _Server((host, port), self)
        self._thread: threading.Thread | None = None
        self.is_stopping = False

    @property
    def host(self) -> str:
        """The address that the server listens on."""
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"

    @property
    def disconnects(self) -> int:
        """How many clients left before the end of an answer."""
        return len(self.disconnected_at)

    def start(self) -> SandboxServer:
        """Serve in a thread of its own, and return at once."""
        self._thread = threading.Thread(target=self.run, name="sandbox-server", daemon=True)
        self._thread.start()
        return self

    def run(self) -> None:
        """Serve until another thread calls :meth:`stop`, or an exception such as Ctrl-C arrives."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Stop listening, break all connections and wait for their threads, but not for long."""
        self.is_stopping = True
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join(_STOP_S)
        self._server.server_close()
        self._server.break_connections()

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def serve(host: str, port: int, *, on_ready: Callable[[SandboxServer], None] | None = None) -> None:
    """Serve in this thread until Ctrl-C.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        on_ready: Called once the port is open.

    Raises:
        OSError: If the port cannot be had.
    """
    server = SandboxServer(host=host, port=port)
    try:
        if on_ready is not None:
            on_ready(server)
        server.run()
    finally:
        server.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], owner: SandboxServer) -> None:
        self.owner = owner
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The base class asks the resolver for the host's full name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request_thread(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._open[request]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client has gone; that is what half of the tests do."""

    def break_connections(self) -> None:
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            _shut(connection)
        until = time.monotonic() + _STOP_S
        for thread in connections.values():
            thread.join(max(0.0, until - time.monotonic()))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    connection: socket.socket

    def handle_request(self) -> None:
        """Answer one request of a connection."""
        body = self._read_body()
        if body is None:
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner = self.server.owner
        owner.requests.append(RecordedRequest(self.command, self.path, headers, body))
        sandbox = Sandbox(sleep=self._sleep_while_connected, now=owner.now, counter=owner.counter)
        try:
            self._write(sandbox.answer(self.command, self.path, headers, body))
        except (ClientLeftError, BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            if not owner.is_stopping:
                owner.disconnected_at.append(time.monotonic())
        except CutConnection:
            self.close_connection = True
            _shut(self.connection)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _write(self, answer: SandboxAnswer) -> None:
        is_chunked = answer.content_length is None
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if is_chunked:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(answer.content_length))
        self.end_headers()
        if self.command == "HEAD":
            return
        for chunk in answer.chunks:
            if answer.is_stream:
                self._check_connected()
            if chunk:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _read_body(self) -> bytes | None:
        """Return the request body, or None after refusing it."""
        try:
            if "chunked" in self.headers.get("transfer-encoding", "").lower():
                return self._read_chunks()
            size_bytes = int(self.headers.get("content-length") or 0)
            if not 0 <= size_bytes <= _MAX_BODY_BYTES:
                raise ValueError("length")
            return self.rfile.read(size_bytes)
        except ValueError:
            self.close_connection = True
            self.send_error(400)
            return None

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size_bytes := int(self.rfile.readline(1024).partition(b";")[0], 16):
            if size_bytes < 0 or len(body) + size_bytes > _MAX_BODY_BYTES:
                raise ValueError("length")
            body += self.rfile.read(size_bytes)
            self.rfile.readline(16)
        while self.rfile.readline(65_536).strip():
            pass  # trailers
        return bytes(body)

    def _sleep_while_connected(self, seconds: float) -> None:
        """Wait, and notice at once when the client leaves."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            if not self._wait_for_bytes(min(left_s, _POLL_S)):
                continue
            # A client that sends its next request early has not left.
            time.sleep(min(max(0.0, until - time.monotonic()), _POLL_S))

    def _check_connected(self) -> None:
        self._wait_for_bytes(0)

    def _wait_for_bytes(self, timeout_s: float) -> bool:
        """Return whether bytes of the client arrive in time.

        Raises:
            ClientLeftError: If the connection ends instead.
        """
        self.connection.settimeout(timeout_s)
        try:
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise ClientLeftError
            return True
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as exc:
            raise ClientLeftError from exc
        finally:
            self.connection.settimeout(None)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


# The base class looks for one method per HTTP method; the service itself says which it takes.
for _method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
    setattr(_Handler, f"do_{_method}", _Handler.handle_request)
