"""Decoding server-sent events from bytes, however the network cut them.

The decoder works on bytes because text tools get this format wrong: UTF-8 may be split between two reads,
and U+2028 or U+0085 inside JSON is not a line end here. Source: WHATWG HTML, "Server-sent events".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hookline.errors import InvalidUpstreamAnswerError

_LINE_END = re.compile(rb"\r\n|\n|\r")
_EVENT_END = b"\n\n"
_DATA = b"data: "
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event, or a block of comments.

    Attributes:
        data: Data lines joined by a newline; None for a block without any data line.
        name: Value of the ``event`` field, ``message`` if there is none.
        raw: The bytes that the event came in, its final empty line included.
    """

    data: bytes | None
    name: bytes
    raw: bytes


class EventDecoder:
    """Turns chunks of bytes into events; an unterminated last event is dropped.

    Args:
        max_event_bytes: Most bytes that one event may take.
    """

    def __init__(self, *, max_event_bytes: int = 16 * 1024 * 1024) -> None:
        self._max_event_bytes = max_event_bytes
        self._buffer = bytearray()
        self._line_start = 0
        self._scanned = 0
        self._at_start = True
        self._after_cr = False
        self._data: list[bytes] = []
        self._name = b""

    @property
    def has_partial(self) -> bool:
        """Whether bytes of an unfinished event are waiting."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that ``chunk`` completes.

        Raises:
            InvalidUpstreamAnswerError: If one event grows over the bound.
        """
        buffer = self._buffer
        if not (buffer or self._after_cr or self._data or self._name):
            plain = _plain_events(chunk)
            if plain is not None:
                self._at_start = False
                return plain
        buffer += chunk
        events: list[Event] = []
        event_start = 0
        if self._after_cr and chunk:
            self._after_cr = False
            if buffer.startswith(b"\n", self._scanned):  # the second half of a CRLF that was cut in two
                self._scanned += 1
                self._line_start = self._scanned
        while (match := _LINE_END.search(buffer, self._scanned)) is not None:
            line = bytes(buffer[self._line_start : match.start()])
            self._line_start = self._scanned = match.end()
            if match.end() == len(buffer) and match.group() == b"\r":
                self._after_cr = True
            if line:
                self._take(line)
            else:
                events.append(self._dispatch(bytes(buffer[event_start : match.end()])))
                event_start = match.end()
            self._at_start = False
        self._scanned = len(buffer)
        if event_start:
            del buffer[:event_start]
            self._line_start -= event_start
            self._scanned -= event_start
        if len(buffer) > self._max_event_bytes:
            raise InvalidUpstreamAnswerError(
                f"One event of the stream is larger than {self._max_event_bytes:,} bytes.",
                code="stream_event_too_large",
            )
        return events

    def _take(self, line: bytes) -> None:
        if self._at_start:
            line = line.removeprefix(_BOM)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value

    def _dispatch(self, raw: bytes) -> Event:
        data = b"\n".join(self._data) if self._data else None
        event = Event(data, self._name or b"message", raw)
        self._data = []
        self._name = b""
        return event


def _plain_events(chunk: bytes) -> list[Event] | None:
    """Return the events of a chunk in which each is one line of data; None if it holds anything else."""
    if not chunk.endswith(_EVENT_END) or b"\r" in chunk:
        return None
    events: list[Event] = []
    for part in chunk[:-2].split(_EVENT_END):
        if not part.startswith(_DATA) or b"\n" in part:
            return None
        events.append(Event(part[6:], b"message", part + _EVENT_END))
    return events


def encode_event(data: bytes) -> bytes:
    """Return one event that carries ``data``, which must hold no line end."""
    return b"data: " + data + b"\n\n"
