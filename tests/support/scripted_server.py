"""A small server that does what it is told, byte by byte."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from hookline.upstream import UpstreamRequest

WAIT_S = 20.0


@dataclass
class Peer:
    """One connection of a client, as its server sees it."""

    number: int
    socket: socket.socket
    requests: list[bytes] = field(default_factory=list)

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def wait_for_end(self) -> bool:
        """Tell whether the client closes the connection in time."""
        self.socket.settimeout(WAIT_S)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


Script = Callable[[Peer, bytes], object]


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Reads requests and calls a script for each; a script that returns True ends the connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.tls = tls
        self.peers: list[Peer] = []
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        made, address = super().get_request()
        if self.tls is not None:  # the handshake comes with the first read
            made = self.tls.wrap_socket(made, server_side=True, do_handshake_on_connect=False)
        return made, address

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http{'' if self.tls is None else 's'}://127.0.0.1:{self.port}"

    def request(self, path: str = "/", **more: object) -> UpstreamRequest:
        return UpstreamRequest(method="GET", base_url=self.url, path=path, **more)  # type: ignore[arg-type]

    def heads(self) -> list[bytes]:
        return [head for peer in self.peers for head in peer.requests]


class _Handler(socketserver.StreamRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        with self.server.lock:
            peer = Peer(len(self.server.peers), self.connection)
            self.server.peers.append(peer)
        with suppress(OSError):
            while head := self.read_request():
                peer.requests.append(head)
                if self.server.script(peer, head):
                    return

    def read_request(self) -> bytes:
        head, length = b"", 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            head += line
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return head + b"\r\n" + self.rfile.read(length) if head else b""


@contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    with ScriptedServer(script, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(WAIT_S)


def answer(content: bytes = b"ok", status: str = "200 OK", *headers: bytes) -> bytes:
    head = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(content), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + content


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def always(content: bytes) -> Script:
    return lambda peer, head: peer.send(content)


class Watched:
    """A server that begins an answer, or not, and then waits for the client to leave."""

    def __init__(self, begin: bytes) -> None:
        self.begin = begin
        self.has_begun = threading.Event()
        self.has_ended = threading.Event()

    def script(self, peer: Peer, head: bytes) -> bool:
        peer.send(self.begin)
        self.has_begun.set()
        if peer.wait_for_end():
            self.has_ended.set()
        return True


def eventually(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.005)
