"""The three ways in which the body of an HTTP/1.1 answer ends: a length, chunks, or the connection's end.

Each yields what arrives when it arrives, never waiting for a whole chunk, and returns the bytes after its
end: a connection on which there are any is not used again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from hookline.engine.http1_messages import MAX_HEAD_BYTES, ImproperAnswerError, read_fields

if TYPE_CHECKING:
    from hookline.engine.http1_messages import ResponseHead

Receive = Callable[[], bytes | None]
Body = Generator[bytes, None, bytes]

_MAX_CHUNK_LINE_BYTES = 1024
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\x00\r\n]*)?[ \t]*")
_LINE_END = b"\r\n"
_MOST_KNOWN = 4096
_sizes: dict[bytes, int] = {}  # of chunks, by how they are written; bounded by the number above


def read_body(head: ResponseHead, receive: Receive, rest: bytes) -> Body:
    """Return the body of an answer.

    Args:
        head: Tells how it ends.
        receive: Returns what arrives next; nothing at the connection's end, and None where it was told not
            to wait any longer for now. Then the body yields an empty piece and can be gone on with.
        rest: What arrived after the head.

    Raises:
        EOFError: If the connection ends before the body does; when iterated, like the next.
        ImproperAnswerError: If it is not proper HTTP/1.1.
    """
    if head.is_chunked:
        return read_chunks(receive, rest)
    return read_until_end(receive, rest) if head.length is None else read_exactly(head.length, receive, rest)


def read_exactly(length: int, receive: Receive, rest: bytes) -> Body:
    """Yield a body of so many bytes."""
    while length > 0:
        while not (piece := rest or _receive_more(receive)):
            yield b""
        rest = b""
        if len(piece) > length:
            piece, rest = piece[:length], piece[length:]
        length -= len(piece)
        yield piece
    return rest


def read_until_end(receive: Receive, rest: bytes) -> Body:
    """Yield a body that ends with the connection."""
    piece: bytes | None = rest or receive()
    while piece is None or piece:
        yield piece or b""
        piece = receive()
    return b""


def read_chunks(receive: Receive, data: bytes) -> Body:
    """Yield a body in chunks; what one read brings of several chunks is one piece."""
    left = 0  # bytes of the current chunk, its line end included
    while True:
        pieces: list[bytes] = []
        position = 0
        while position < len(data):
            if not left:  # most chunks come in one piece, and one is much like the other
                start = data.find(_LINE_END, position, position + 10) + 2
                size = _sizes.get(data[position : start - 2], 0) if start > 1 else 0
                stop = start + size
                if size and data.startswith(_LINE_END, stop):
                    pieces.append(data[start:stop])
                    position = stop + 2
                    continue
            if left > 2:
                piece = data[position : position + left - 2]
                pieces.append(piece)
                position += len(piece)
                left -= len(piece)
            elif left:
                end = data[position : position + 2]
                if not _LINE_END.startswith(end):
                    raise ImproperAnswerError("a chunk is longer than its size says")
                if len(end) < 2:
                    break
                position += 2
                left = 0
            else:
                end_of_line = data.find(_LINE_END, position, position + _MAX_CHUNK_LINE_BYTES)
                if end_of_line < 0:
                    if len(data) - position >= _MAX_CHUNK_LINE_BYTES:
                        raise ImproperAnswerError("the line of a chunk's size is too long")
                    break
                line = _CHUNK_LINE.fullmatch(data, position, end_of_line)
                if line is None:
                    raise ImproperAnswerError("the size of a chunk is not a number")
                position = end_of_line + 2
                size = int(line[1], 16)
                if size == 0:
                    if pieces:
                        yield b"".join(pieces)
                    return (yield from _skip_trailer(receive, data[position:]))
                left = size + 2
                if size < _MOST_KNOWN:
                    _sizes[b"%x" % size] = size
        if pieces:
            yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
        while not (more := _receive_more(receive)):
            yield b""
        data = data[position:] + more


def _skip_trailer(receive: Receive, data: bytes) -> Body:
    """Drop the lines after the last chunk and return what follows the empty line that ends them."""
    while not data.startswith(_LINE_END):
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            read_fields(data[: end + 2].decode("latin-1"))
            return data[end + 4 :]
        if len(data) > MAX_HEAD_BYTES:
            raise ImproperAnswerError("what follows its last chunk is too long")
        while not (piece := _receive_more(receive)):
            yield b""
        data += piece
    return data[2:]


def _receive_more(receive: Receive) -> bytes | None:
    piece = receive()
    if piece is not None and not piece:
        raise EOFError("the connection ended before the body did")
    return piece
