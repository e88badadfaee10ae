"""Reading a body in steps: never longer than agreed, and less often where very many streams are read.

A worker that reads every event as it comes spends its time on waking up. So streams rest between two reads as
soon as there are very many of them, and one read then brings all that came meanwhile. The system does the
resting: a read that gathers is one system call, however much arrives. With few streams nothing rests.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.engine.sockets import CuttableSocket

READS_PER_S = 1_250
"""How often one process reads its streams in a second, about, until they rest for as long as they may."""

LEAST_REST_S = 0.040
MOST_REST_S = 0.100
LATE_S = 0.010
"""By how much reads may come late on average; beyond, calls that begin stand in line."""

_AVERAGED_READS = 32
_FRESH_S = 1.0

_STEP_BYTES = 16 * 1024  # of memory that a stream holds while it waits
_SHORTEST_S = 0.001


class Pace:
    """How long the streams of one process rest between two reads.

    Args:
        monotonic: Tells the time in seconds.

    Attributes:
        rest_s: That time; 0 while there are few streams.
        on_count: Told how many streams are busy, whenever that changes.
    """

    __slots__ = ("_busy", "_late_s", "_lock", "_noted_at", "monotonic", "on_count", "rest_s")

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self.on_count: Callable[[int], object] = lambda busy: None
        self.rest_s = 0.0
        self._lock = threading.Lock()
        self._busy = 0
        self._late_s = 0.0
        self._noted_at = -math.inf

    def count(self, change: int) -> None:
        """Note that a stream became busy, 1, or is not busy any more, -1."""
        with self._lock:
            self._busy += change
            rest_s = self._busy / READS_PER_S
            self.rest_s = min(rest_s, MOST_REST_S) if rest_s >= LEAST_REST_S else 0.0
            self.on_count(self._busy)

    def note_late(self, late_s: float, now: float) -> None:
        """Note how long after its rest a read came back; any thread may, and a lost note does no harm."""
        self._late_s += (max(0.0, late_s) - self._late_s) / _AVERAGED_READS
        self._noted_at = now

    def is_late(self) -> bool:
        """Tell whether streams that rest have to wait for the interpreter as well: there is much to do."""
        return self._late_s > LATE_S and self.monotonic() - self._noted_at < _FRESH_S


PACE = Pace()
"""Of this process, whichever transport its streams came by."""


class PacedReader:
    """Reads from a connection, in steps once `beat` was called. For the one thread that reads.

    Args:
        connection: The connection.
        pace: Of all the streams that this one shares the process with.
        silence_s: Longest silence.
    """

    __slots__ = (
        "_applied_s",
        "_beat_s",
        "_began_at",
        "_connection",
        "_is_busy",
        "_is_over",
        "_lock",
        "_pace",
        "_read_at",
        "_rest_s",
        "_silence_s",
        "_wait_s",
        "_waited_s",
    )

    def __init__(self, connection: CuttableSocket, pace: Pace, *, silence_s: float) -> None:
        self._connection = connection
        self._pace = pace
        self._silence_s = silence_s
        self._beat_s: float | None = None
        self._wait_s = self._applied_s = 0.0
        self._waited_s = 0.0
        self._rest_s = 0.0
        self._read_at = self._began_at = -math.inf
        self._lock = threading.Lock()
        self._is_busy = self._is_over = False

    def beat(self, every_s: float | None) -> None:
        """Return from a read after so many seconds without a byte; None to wait as long as is allowed.

        Raises:
            OSError: If the connection is cut or closed; like the next.
        """
        self._beat_s = every_s
        self._note(is_busy=every_s is not None)
        if every_s is None:
            self._rest_s = self._applied_s = 0.0
            self._connection.set_timeout(max(_SHORTEST_S, self._silence_s - self._waited_s))
            self._waited_s = 0.0
        else:
            self._wait()

    def bound_silence(self, seconds: float) -> None:
        """Bound every read from here on. In a silence that has begun, that is what may still follow."""
        if self._beat_s is None:
            self._silence_s = seconds
            self._connection.set_timeout(seconds)
        elif self._waited_s:
            self._silence_s = min(self._silence_s, self._waited_s + seconds)
            self._wait()
        else:
            self._silence_s = seconds
            self._wait()

    def end(self) -> None:
        """Count no longer as a stream; for any thread."""
        self._note(is_busy=False, is_over=True)

    def receive(self) -> bytes | None:
        """Return what arrives next, nothing at the end, and None after a beat in which nothing came.

        Raises:
            TimeoutError: If the silence lasts for too long.
            OSError: If the connection is broken.
        """
        if self._beat_s is None:
            return self._connection.receive()
        while True:
            if self._applied_s != self._wait_s and not self._rest_s:
                self._connection.set_patience(self._wait_s)
                self._applied_s = self._wait_s
            if self._rest_s:
                self._began_at = self._pace.monotonic()
            try:
                piece = self._connection.receive(_STEP_BYTES)
                break
            except TimeoutError:
                if self._rest_s:  # an early end of the rest: from here on the first byte ends the wait
                    self._waited_s += self._rest_s
                    self._rest_s = 0.0
                    self._wait()
                    continue
                self._waited_s += self._wait_s
                if self._waited_s >= self._silence_s - _SHORTEST_S:
                    raise
                self._wait()
                self._note(is_busy=False)
                return None
        if self._waited_s:
            self._waited_s = 0.0
            self._note(is_busy=True)
            if self._wait_s != self._beat_s:
                self._wait()
        self._rest()
        return piece

    def _note(self, *, is_busy: bool, is_over: bool = False) -> None:
        with self._lock:
            self._is_over = self._is_over or is_over
            is_busy = is_busy and not self._is_over
            if is_busy != self._is_busy:
                self._is_busy = is_busy
                self._pace.count(1 if is_busy else -1)

    def _rest(self) -> None:
        pace = self._pace
        now = pace.monotonic()
        before_s, self._read_at = now - self._read_at, now
        rest_s = pace.rest_s
        if self._rest_s:
            pace.note_late(now - self._began_at - self._rest_s, now)
        if rest_s == self._rest_s:
            return
        if not rest_s:
            self._rest_s = 0.0
            self._wait()
        elif (self._rest_s or before_s < rest_s) and abs(rest_s - self._rest_s) > 0.2 * rest_s:
            self._rest_s = rest_s if self._connection.gather(rest_s) else 0.0
            self._applied_s = 0.0

    def _wait(self) -> None:
        assert self._beat_s is not None  # the caller looked
        self._wait_s = max(_SHORTEST_S, min(self._beat_s, self._silence_s - self._waited_s))


class PacedChunks:
    """A body that can be read in steps.

    Args:
        chunks: The body.
        beat: Makes ``chunks`` yield an empty piece after so many seconds of silence; None to stop that.
    """

    __slots__ = ("_chunks", "beat")

    def __init__(self, chunks: Iterator[bytes], beat: Callable[[float | None], None]) -> None:
        self._chunks = chunks
        self.beat = beat

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)
