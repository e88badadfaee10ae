"""Sending one request over and over on many connections, without becoming the bottleneck.

`wrk` is used when it is installed. The fallback is a single-threaded loop over non-blocking sockets, which
knows just enough HTTP for the servers measured here; it takes about 30 µs of Python per request, and so
costs the servers more of a small machine than `wrk` does. Figures of the two are not comparable.
"""

from __future__ import annotations

import http.client
import re
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from tests.benchmarks.servers import API_KEY, HERE

Generator = Literal["wrk", "python"]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RESULT = re.compile(r"^result (\d+) (\d+) (\d+) (\d+) (\d+)$", re.MULTILINE)
_SLOWEST_ANSWER_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A request to repeat.

    Attributes:
        name: The row's name.
        url: Where it goes.
        body: JSON text.
        expect: What a right answer holds.
        key: API key that it is sent with.
    """

    name: str
    url: str
    body: bytes
    expect: bytes
    key: str = field(default=API_KEY, repr=False)

    def http_request(self) -> bytes:
        """Return the request as it goes over the wire."""
        parts = urlsplit(self.url)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one round came to.

    Attributes:
        requests: Answers that came.
        failures: Those that were no 200, and connections that broke.
        seconds: How long it took.
        p50_ms: Median latency.
        p99_ms: Latency that 1 of 100 requests exceeds.
    """

    requests: int
    failures: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def choose_generator(wanted: str, *, seconds: float) -> Generator:
    """Return the generator to use: ``wrk`` if it can be, unless ``python`` is asked for.

    Raises:
        RuntimeError: If ``wrk`` is asked for and cannot be used.
    """
    has_wrk = shutil.which("wrk") is not None
    is_whole = seconds >= 1 and seconds == round(seconds)
    if wanted == "wrk" and not (has_wrk and is_whole):
        problem = "wrk counts in whole seconds" if has_wrk else "wrk is not installed"
        raise RuntimeError(f"{problem}; use --generator python")
    return "wrk" if wanted != "python" and has_wrk and is_whole else "python"


def check_answer(target: Target) -> None:
    """Send one request and look at its answer closely, as the generators do not.

    Raises:
        RuntimeError: If it is not a 200 with what the target expects.
    """
    parts = urlsplit(target.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {target.key}"}
    try:
        connection.request("POST", parts.path, body=target.body, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200 or target.expect not in content:
        raise RuntimeError(f"{target.name}: {target.url} answered {answer.status}: {content[:500]!r}")


def run(target: Target, *, generator: Generator, connections: int, seconds: float) -> Result:
    """Repeat a request for a while.

    Raises:
        RuntimeError: If no answer came at all.
    """
    if generator == "wrk":
        return _run_wrk(target, connections=connections, seconds=seconds)
    return run_python(target, connections=connections, seconds=seconds)


def run_python(
    target: Target, *, connections: int, seconds: float = 3600.0, max_requests: int = 10**9
) -> Result:
    """Repeat a request for a while, or a number of times, with the generator written in Python."""
    loop = _Loop(target, seconds=seconds, max_requests=max_requests)
    return loop.run(connections)


def _run_wrk(target: Target, *, connections: int, seconds: float) -> Result:
    with tempfile.NamedTemporaryFile(prefix="hookline-benchmark-") as body:
        body.write(target.body)
        body.flush()
        options = f"-t1 -c{connections} -d{round(seconds)}s --timeout {_SLOWEST_ANSWER_S:.0f}s".split()
        command = ["wrk", *options, "-s", str(HERE / "load.lua"), target.url, "--", body.name, target.key]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    found = _RESULT.search(finished.stdout)
    if found is None or not int(found[1]):
        raise RuntimeError(f"{target.name}: no answer came; wrk said:\n{finished.stdout}{finished.stderr}")
    requests, duration_us, failures, p50_us, p99_us = map(int, found.groups())
    return Result(
        requests=requests,
        failures=failures,
        seconds=duration_us / 1e6,
        p50_ms=p50_us / 1000,
        p99_ms=p99_us / 1000,
    )


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    buffer: bytearray = field(default_factory=bytearray)


class _Loop:
    """The Python generator."""

    def __init__(self, target: Target, *, seconds: float, max_requests: int) -> None:
        self._target = target
        self._request = target.http_request()
        self._seconds = seconds
        self._max_requests = max_requests
        self._selector = selectors.DefaultSelector()
        self._sent = 0
        self._failures = 0
        self._latencies_s: list[float] = []

    def run(self, connections: int) -> Result:
        started = time.perf_counter()
        stop_at = started + self._seconds
        for _ in range(min(connections, self._max_requests)):
            self._open()
        while self._selector.get_map():
            ready = self._selector.select(timeout=_SLOWEST_ANSWER_S)
            if not ready:
                self._give_up()
            for key, _ in ready:
                self._read(key.data, stop_at)
        seconds = time.perf_counter() - started
        if not self._latencies_s:
            raise RuntimeError(f"{self._target.name}: no answer came")
        self._latencies_s.sort()
        return Result(
            requests=len(self._latencies_s),
            failures=self._failures,
            seconds=seconds,
            p50_ms=self._latencies_s[len(self._latencies_s) // 2] * 1000,
            p99_ms=self._latencies_s[len(self._latencies_s) * 99 // 100] * 1000,
        )

    def _open(self) -> None:
        parts = urlsplit(self._target.url)
        opened = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(opened)
        self._selector.register(opened, selectors.EVENT_READ, connection)
        self._send(connection)

    def _send(self, connection: _Connection) -> None:
        self._sent += 1
        connection.sent_at = time.perf_counter()
        connection.socket.sendall(self._request)

    def _read(self, connection: _Connection, stop_at: float) -> None:
        try:
            piece = connection.socket.recv(262_144)
        except OSError:
            piece = b""
        if not piece:
            self._failures += 1
            self._close(connection)
            return
        buffer = connection.buffer
        buffer += piece
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _LENGTH.search(buffer, 0, head_end)
        if length is None:
            raise RuntimeError(f"{self._target.name}: an answer without a length: {bytes(buffer[:200])!r}")
        if len(buffer) < head_end + 4 + int(length[1]):
            return
        now = time.perf_counter()
        self._latencies_s.append(now - connection.sent_at)
        self._failures += buffer[9:12] != b"200"
        buffer.clear()
        if now < stop_at and self._sent < self._max_requests:
            self._send(connection)
        else:
            self._close(connection)

    def _give_up(self) -> None:
        for key in list(self._selector.get_map().values()):
            self._failures += 1
            self._close(key.data)

    def _close(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
