"""Undoing the content coding of an answer, piece by piece: gzip and deflate.

A small body can unfold into a huge one, so no more than a bounded piece of it is unfolded at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError

if TYPE_CHECKING:
    from collections.abc import Iterable

Coding = Literal["gzip", "deflate"]

MAX_PIECE_BYTES = 256 * 1024
_MAX_MEMBERS = 10_000
_CODINGS: dict[str, Coding | None] = {
    "": None,
    "identity": None,
    "gzip": "gzip",
    "x-gzip": "gzip",
    "deflate": "deflate",
}


def coding_of(headers: Iterable[tuple[str, str]]) -> Coding | None:
    """Return the coding that an answer's headers name, or None if there is none.

    Raises:
        InvalidUpstreamAnswerError: If it is one that is not undone here.
    """
    named = [value for name, value in headers if name == "content-encoding"]
    try:
        return _CODINGS[", ".join(named).strip().lower()]
    except KeyError:
        raise InvalidUpstreamAnswerError(
            "The upstream's answer has a content encoding other than gzip and deflate."
        ) from None


def decode(pieces: Iterable[bytes], coding: Coding, *, close: Callable[[], None]) -> Iterator[bytes]:
    """Yield the decoded body.

    Args:
        pieces: The body as it arrives.
        coding: Its coding.
        close: Called at the end, whatever the end is.

    Raises:
        InvalidUpstreamAnswerError: If the body is not what its coding says.
        StreamInterruptedError: If it ends too early.
    """
    decoder = _Decoder(coding)
    try:
        for piece in pieces:
            yield from decoder.feed(piece)
    except zlib.error as exc:
        raise InvalidUpstreamAnswerError("The upstream's answer cannot be decoded.") from exc
    finally:
        close()
    if not decoder.is_complete:
        raise StreamInterruptedError("The upstream's answer ended before its encoding did.")


class _Decoder:
    """Unfolds one body: the members of a gzip file, or one deflate stream with or without zlib's frame."""

    def __init__(self, coding: Coding) -> None:
        self._is_gzip = coding == "gzip"
        self._members = 0
        self._inner: zlib._Decompress | None = None
        self._waiting = b""

    @property
    def is_complete(self) -> bool:
        """Whether the body may end here."""
        return self._inner is None and not self._waiting

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece unfolds into.

        Raises:
            zlib.error: If it is not what the coding says.
        """
        is_full = False
        while piece or is_full:
            if self._inner is None:
                piece = self._begin(piece)
                if self._inner is None:
                    return
            output = self._inner.decompress(piece, MAX_PIECE_BYTES)
            # A full piece may leave something inside the decoder, even if it has taken all its input.
            is_full = len(output) == MAX_PIECE_BYTES and not self._inner.eof
            piece = self._inner.unconsumed_tail
            if self._inner.eof:
                piece = self._inner.unused_data
                self._inner = None
            if output:
                yield output

    def _begin(self, piece: bytes) -> bytes:
        if not self._is_gzip and self._members:
            raise zlib.error("something follows the end")
        if self._members:
            piece = piece.lstrip(b"\0")  # gzip files may be padded
        piece = self._waiting + piece
        self._waiting = b""
        if len(piece) < 2:
            self._waiting = piece
            return b""
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise zlib.error("too many members")
        self._inner = zlib.decompressobj(_window_bits(piece, is_gzip=self._is_gzip))
        return piece


def _window_bits(piece: bytes, *, is_gzip: bool) -> int:
    """Return zlib's name of a format; some services send deflate without the frame that RFC 9110 wants."""
    if is_gzip:
        return zlib.MAX_WBITS | 16
    is_framed = piece[0] & 0x0F == 8 and (piece[0] << 8 | piece[1]) % 31 == 0
    return zlib.MAX_WBITS if is_framed else -zlib.MAX_WBITS
