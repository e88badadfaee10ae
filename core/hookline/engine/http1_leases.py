"""A connection on loan to one answer whose body is being read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from hookline.engine.http1_messages import ImproperAnswerError
from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError, UpstreamTimeoutError

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.engine.http1_bodies import Body
    from hookline.engine.http1_upstreams import Upstream
    from hookline.engine.sockets import CuttableSocket


class Lease:
    """Gives its connection back when the body was read to the end, and cuts it if not.

    Any thread may end it, and more than once. A thread that is reading meanwhile wakes with an error, and it
    is that thread which then closes the connection: nobody else may, as long as it reads.

    Args:
        upstream: Whose connection it is.
        connection: The connection.
        cancellation: Cuts the connection when the caller leaves; forgotten at the end.
        body: What is read.
        keeps_alive: Whether the connection may be used again.
        bound: Bounds the silence of reads; None for what the connection does itself.
        on_end: Called once, when it ends.
    """

    __slots__ = (
        "_body",
        "_bound",
        "_cancellation",
        "_connection",
        "_is_complete",
        "_is_kept",
        "_is_open",
        "_keeps_alive",
        "_lock",
        "_on_end",
        "_reading",
        "_upstream",
    )

    def __init__(
        self,
        upstream: Upstream,
        connection: CuttableSocket,
        cancellation: Cancellation,
        *,
        body: Body,
        keeps_alive: bool,
        bound: Callable[[float], None] | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._upstream = upstream
        self._connection = connection
        self._cancellation = cancellation
        self._body = body
        self._keeps_alive = keeps_alive
        self._bound = bound or connection.set_timeout
        self._on_end = on_end
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._is_open = True
        self._is_complete = False
        self._is_kept = False

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            UpstreamTimeoutError: If it stays silent for too long.
            InvalidUpstreamAnswerError: If it is not proper HTTP.
            StreamInterruptedError: If it ends too early.
        """
        try:
            while True:
                with self._reading:
                    if not self._is_open:
                        raise ConnectionAbortedError("the answer was closed")
                    try:
                        piece = next(self._body)
                    except StopIteration as end:
                        self._is_complete = not end.value  # something after the end is a second answer
                        return
                yield piece
        except TimeoutError as exc:
            raise UpstreamTimeoutError("The upstream fell silent in the middle of its answer.") from exc
        except ImproperAnswerError as exc:
            raise InvalidUpstreamAnswerError(
                f"{self._upstream.host} did not go on in proper HTTP: {exc}."
            ) from exc
        except (OSError, EOFError) as exc:
            raise StreamInterruptedError(
                "The upstream broke the connection in the middle of its answer."
            ) from exc
        finally:
            self.end()
            if not self._is_kept:
                self._connection.close()  # again, if somebody else ended it while this thread was reading

    def bound_silence(self, seconds: float) -> None:
        """Bound every read from here on; for the thread that reads. After the end it is somebody else's."""
        with self._lock, suppress(OSError):  # the next read will notice what is wrong
            if self._is_open:
                self._bound(max(0.001, seconds))

    def beat(self, every_s: float | None, change: Callable[[float | None], None]) -> None:
        """Change how long a read lasts, as by `PacedReader.beat`; for the thread that reads."""
        with self._lock, suppress(OSError):
            if self._is_open:
                change(every_s)

    def end(self) -> None:
        """Give the connection back or cut it; harmless after the end."""
        self._cancellation.discard(self._connection.cut)
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
            # After `discard` nobody can cut it any more who has not been seen here.
            self._is_kept = self._is_complete and self._keeps_alive and not self._cancellation.is_cancelled
        self._on_end()
        if self._is_kept:
            with suppress(OSError):
                self._connection.gather_no_more()
            self._upstream.idle.give_back(self._connection)
            return
        self._connection.cut()
        if self._reading.acquire(blocking=False):
            try:
                self._connection.close()
            finally:
                self._reading.release()
