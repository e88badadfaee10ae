"""How a fault changes the bytes of an answer that is otherwise right.

Each function takes the chunks of an answer: the events of a stream, or the one piece of a whole answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import orjson

from hookline_sandbox.errors import CutConnection
from hookline_sandbox.fault_errors import overload_error
from hookline_sandbox.wire import DONE, encode, event

EVENTS_BEFORE_FAULT = 3
_GZIP = zlib.MAX_WBITS | 16
_FILLER = b"x" * 65_536
_BROKEN_EVENT = b'data: {"id":"broken","choices":[{"index":0,"delta":{"content":\n\n'

Sleep = Callable[[float], None]


def delay_first(chunks: Iterator[bytes], sleep: Sleep, seconds: float) -> Iterator[bytes]:
    """Wait before the first chunk."""
    sleep(seconds)
    yield from chunks


def delay_each(chunks: Iterator[bytes], sleep: Sleep, seconds: float) -> Iterator[bytes]:
    """Wait before each chunk but the first."""
    for number, chunk in enumerate(chunks):
        if number:
            sleep(seconds)
        yield chunk


def stall(chunks: Iterator[bytes], sleep: Sleep, seconds: float, *, is_stream: bool) -> Iterator[bytes]:
    """Fall silent once, after three events or after half of a whole answer, and then go on."""
    for number, chunk in enumerate(chunks if is_stream else _halves(chunks)):
        if number == (EVENTS_BEFORE_FAULT if is_stream else 1):
            sleep(seconds)
        yield chunk


def cut(chunks: Iterator[bytes], *, is_stream: bool) -> Iterator[bytes]:
    """Break the connection after three events or after half of a whole answer."""
    for number, chunk in enumerate(chunks if is_stream else _halves(chunks)):
        if number == (EVENTS_BEFORE_FAULT if is_stream else 1) or chunk == DONE:
            break
        yield chunk
    raise CutConnection


def cut_event(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Break the connection in the middle of the third event, or of a whole answer."""
    for number, chunk in enumerate(chunks):
        if number == EVENTS_BEFORE_FAULT - 1 or not chunk.startswith(b"data: "):
            yield chunk[: len(chunk) // 2]
            break
        yield chunk
    raise CutConnection


def without_done(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the event that ends a stream."""
    return (chunk for chunk in chunks if chunk != DONE)


def with_broken_event(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Put an event that is not JSON after the second one."""
    for number, chunk in enumerate(chunks):
        if number == EVENTS_BEFORE_FAULT - 1:
            yield _BROKEN_EVENT
        yield chunk


def with_error_event(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Replace what comes after the third event by an error, without ``[DONE]``."""
    for number, chunk in enumerate(chunks):
        if number == EVENTS_BEFORE_FAULT or chunk == DONE:
            break
        yield chunk
    yield event(overload_error().body)


def with_invalid_utf8(chunks: Iterator[bytes], *, is_stream: bool) -> Iterator[bytes]:
    """Put two bytes that no UTF-8 text has into the last string of the third event, or of a whole answer."""
    for number, chunk in enumerate(chunks):
        if number == (EVENTS_BEFORE_FAULT - 1 if is_stream else 0):
            at = chunk.rfind(b'"')
            chunk = chunk[:at] + b"\xff\xfe" + chunk[at:]
        yield chunk


def gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Compress, such that each chunk can be read as soon as it is there."""
    compressor = zlib.compressobj(wbits=_GZIP)
    for chunk in chunks:
        yield compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


def big(chunks: Iterator[bytes], size_bytes: int, *, is_stream: bool) -> Iterator[bytes]:
    """Make an answer larger, without making it invalid: a filled member, or many events without choices."""
    first = next(chunks)
    count = -(-size_bytes // len(_FILLER))
    if not is_stream:
        yield first[:-1] + b',"sandbox_padding":"'
        for _ in range(count):
            yield _FILLER
        yield b'"}'
        return
    yield first
    padded = {
        **orjson.loads(first.removeprefix(b"data: ")),
        "choices": [],
        "sandbox_padding": _FILLER.decode(),
    }
    for _ in range(count):
        yield b"data: " + encode(padded) + b"\n\n"
    yield from chunks


def _halves(chunks: Iterator[bytes]) -> Iterator[bytes]:
    body = b"".join(chunks)
    middle = len(body) // 2
    yield body[:middle]
    yield body[middle:]
