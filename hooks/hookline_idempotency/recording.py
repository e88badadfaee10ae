"""Noting a stream while it goes to the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator

HEARTBEAT = b": ping\n\n"
"""What the gateway sends while the service is silent; no part of the answer."""


class RecordedStream:
    """A stream that notes what it hands on.

    Args:
        pieces: The stream.
        max_bytes: Most bytes that are noted.
        ended: Called once at the end, before the last piece of news of it goes out, with all bytes, or None
            if they were too many.
        left: Called once instead if the caller leaves before that.
        is_over: Tells whether the call is over and went well: who leaves then has had the whole answer.
    """

    def __init__(
        self,
        pieces: Iterator[bytes],
        *,
        max_bytes: int,
        ended: Callable[[bytes | None], object],
        left: Callable[[], object],
        is_over: Callable[[], bool],
    ) -> None:
        self._pieces = pieces
        self._max_bytes = max_bytes
        self._ended = ended
        self._left = left
        self._is_over = is_over
        self._noted: list[bytes] | None = []
        self._size_bytes = 0
        self._is_settled = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._end()
            raise
        except BaseException:
            self._leave()
            raise
        self._note(piece)
        return piece if self._is_settled or not self._is_over() else piece + self._finish()

    def close(self) -> None:
        """Tell that nobody reads any more; an answer that was complete by then is still kept."""
        try:
            if not self._is_settled and self._is_over():
                self._finish()
        finally:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
            self._leave()

    def _finish(self) -> bytes:
        """Return the last bytes of a call that is over, and tell of the end before they go out.

        They are there already. Whoever has read the end may ask again at once, and must find the answer.
        """
        rest: list[bytes] = []
        try:
            for piece in self._pieces:
                self._note(piece)
                rest.append(piece)
        except BaseException:
            self._leave()
            raise
        self._end()
        return b"".join(rest)

    def _note(self, piece: bytes) -> None:
        if self._noted is None or piece == HEARTBEAT:
            return
        self._size_bytes += len(piece)
        if self._size_bytes > self._max_bytes:
            self._noted = None
        else:
            self._noted.append(piece)

    def _end(self) -> None:
        if not self._is_settled:
            self._is_settled = True
            self._ended(None if self._noted is None else b"".join(self._noted))

    def _leave(self) -> None:
        if not self._is_settled:
            self._is_settled = True
            self._left()
