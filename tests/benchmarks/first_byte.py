"""Streams through the gateway, one after another: how much later their first byte comes."""

from __future__ import annotations

import re
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.benchmarks.stream_client import percentile

if TYPE_CHECKING:
    from tests.benchmarks.load import Target

_SIZE = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")
_SILENCE_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamTarget:
    """A stream to ask for, and how to tell that it is complete.

    Attributes:
        target: The request.
        events: Data events of a complete stream, the last one included.
        end: What the last event holds.
    """

    target: Target
    events: int
    end: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstByte:
    """Milliseconds from the request to the first byte of data, over sequential streams."""

    name: str
    streams: int
    median_ms: float
    p95_ms: float
    added_median_ms: float
    added_p95_ms: float


def measure(targets: Sequence[StreamTarget], *, streams: int) -> list[FirstByte]:
    """Run streams one after another, taking turns between the targets; the first is what others add to.

    Raises:
        RuntimeError: If one is not complete.
    """
    connections = [_Stream(target) for target in targets]
    seen: list[list[float]] = [[] for _ in targets]
    for turn in range(streams + 3):
        for connection, times in zip(connections, seen, strict=True):
            connection.ask()
            while not connection.is_over:
                connection.read()
            connection.check()
            if turn >= 3:  # connections and threads are there
                times.append((connection.first_at - connection.asked_at) * 1000)
    for connection in connections:
        connection.close()
    rows = [
        (target.target.name, statistics.median(times), percentile(times, 95))
        for target, times in zip(targets, seen, strict=True)
    ]
    return [
        FirstByte(
            name=name,
            streams=streams,
            median_ms=median_ms,
            p95_ms=p95_ms,
            added_median_ms=median_ms - rows[0][1],
            added_p95_ms=p95_ms - rows[0][2],
        )
        for name, median_ms, p95_ms in rows
    ]


@dataclass(slots=True)
class _Stream:
    """One connection that asks for streams and reads them, chunked encoding and all."""

    target: StreamTarget
    socket: socket.socket = field(init=False)
    asked_at: float = 0.0
    first_at: float = 0.0
    events: int = 0
    is_over: bool = False
    _raw: bytearray = field(default_factory=bytearray)
    _text: bytearray = field(default_factory=bytearray)
    _head: bytes = b""

    def __post_init__(self) -> None:
        parts = urlsplit(self.target.target.url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_SILENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        self.events, self.is_over, self.first_at, self._head = 0, False, 0.0, b""
        self._text.clear()
        request = self.target.target.http_request()
        self.asked_at = time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> None:
        """Read what is there and count its events."""
        try:
            piece = self.socket.recv(262_144)
        except OSError:
            piece = b""
        now = time.perf_counter()
        if not piece:
            self.is_over = True
            return
        self._raw += piece
        if not self._head:
            end = self._raw.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = bytes(self._raw[:end])
            del self._raw[: end + 4]
            if not self._head.startswith(b"HTTP/1.1 200") or b"chunked" not in self._head.lower():
                self.is_over = True
                return
        self._decode()
        events = self._text.count(b"\n\n") - self._text.count(b": ping\n\n")
        if events > self.events:
            self.first_at = self.first_at or now
            self.events = events

    def problem(self) -> str:
        """Return what is wrong with a stream that ended; empty if nothing is."""
        if not self._head.startswith(b"HTTP/1.1 200"):
            return f"no 200: {self._head[:200]!r} {bytes(self._raw[:500])!r}"
        if not self.is_over:
            return f"silent for {_SILENCE_S:.0f} s after {self.events} events"
        if self.events != self.target.events or self.target.end not in self._text[-4096:]:
            return f"{self.events} of {self.target.events} events, then {bytes(self._text[-200:])!r}"
        return ""

    def check(self) -> None:
        if problem := self.problem():
            raise RuntimeError(f"{self.target.target.name}: {problem}")

    def close(self) -> None:
        self.socket.close()

    def _decode(self) -> None:
        """Move the content of whole chunks from the raw bytes to the text."""
        while (size := _SIZE.match(self._raw)) is not None:
            length = int(size[1], 16)
            end = size.end() + length + 2
            if len(self._raw) < end:
                return
            self._text += self._raw[size.end() : end - 2]
            del self._raw[:end]
            if not length:
                self.is_over = True
                return
