"""Keeping a client awake while the model is silent, and noticing when the client has gone.

A WSGI server sees that its client left only when it writes. So a stream is begun on a second thread, and the
thread that serves the client writes a comment whenever nothing came for a while. When that write fails the
server closes the iterator, which cancels the call and with it the upstream. Once the answer has begun the
client's thread reads it itself, in steps, unless something in between may wait: then the second thread goes
on reading.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, cast
from weakref import WeakSet

from hookline.engine.alarms import Alarms
from hookline.engine.stepping import HEARTBEAT, SteppedStream, too_slow
from hookline.engine.threads import Threads
from hookline.errors import HooklineError, InvalidUpstreamAnswerError

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.engine.order import Answer

__all__ = ["HEARTBEAT", "Pump", "PumpPool", "PumpedStream"]

_LATER_S = 1.0
_MAX_WAITING_BYTES = 1024 * 1024


class Pump:
    """One stream, filled by a worker thread and emptied by the client's thread.

    Args:
        work: Runs the call; its answer's content is iterated on the worker thread.
        cancellation: Cancelled when the client leaves.
        heartbeat_s: Silence after which a comment is sent.
        skip: Run in place of ``work`` if the client has left before its turn came.
        time_left: Returns the seconds for which a client that does not read is waited for.
        later: Runs something on another thread; None to let the worker thread do all the reading.
        alarms: Rings when a client has not read for too long.
    """

    def __init__(
        self,
        work: Callable[[], Answer],
        *,
        cancellation: Cancellation,
        heartbeat_s: float,
        skip: Callable[[], object] = lambda: None,
        time_left: Callable[[], float] = lambda: math.inf,
        later: Callable[[Callable[[], object]], None] | None = None,
        alarms: Alarms | None = None,
    ) -> None:
        self._work = work
        self._skip = skip
        self._time_left = time_left
        self._later = later
        self._alarms = alarms or Alarms()
        self._alarm: object = None
        self._stepped: SteppedStream | None = None
        self.is_done = threading.Event()
        self._cancellation = cancellation
        self._heartbeat_s = heartbeat_s
        self._changed = threading.Condition(threading.Lock())
        self._opened = threading.Lock()  # held until the answer has begun; cheaper than a condition
        self._opened.acquire()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        self._is_over = False
        self._is_abandoned = False
        self._is_promised = False

    def wait_until_open(self) -> Answer | None:
        """Return the answer once the upstream has begun it, or None after one heartbeat of silence.

        Raises:
            HooklineError: What the call failed with before its answer began; later failures are told
                inside the stream.
        """
        self._opened.acquire(timeout=min(self._heartbeat_s, threading.TIMEOUT_MAX))
        with self._changed:
            if self._answer is None and self._error is not None:
                self._raise_error()
            self._is_promised = self._answer is None
            return self._answer

    def chunks(self, on_error: Callable[[BaseException], bytes]) -> PumpedStream:
        """Return what the worker reads, and comments while it waits; closing it cancels the call.

        Args:
            on_error: Makes the last bytes when the call fails after the answer was begun.
        """
        return PumpedStream(self, on_error)

    def take(self) -> bytes | None:
        """Return all that is waiting, a comment after a silence, or None at the end.

        Raises:
            HooklineError: What the call failed with, once all that came before was taken.
        """
        while (stepped := self._stepped) is not None:
            piece = stepped.take()
            if piece is not None:
                return piece
            self._end_steps(stepped)
        with self._changed:
            if not self._waiting:
                self._changed.wait_for(self._has_news, timeout=self._heartbeat_s)
            if self._waiting:
                piece = b"".join(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                self._changed.notify_all()
                return piece
            if not self._is_over and self._stepped is None:
                return HEARTBEAT
            if self._error is not None:
                self._raise_error()
            if self._stepped is None:
                return None
        return self.take()

    def abandon(self) -> None:
        """Stop the worker: nobody reads any more. Harmless after the end."""
        with self._changed:
            if self._is_over:
                return
            self._is_abandoned = True
            self._changed.notify_all()
            stepped = self._stepped
        self._cancellation.cancel()
        if stepped is not None:
            stepped.let_go()

    def run(self) -> None:
        """Run the call to its end; called on the worker thread."""
        pieces: Iterator[bytes] | None = None
        try:
            if self._is_abandoned:
                self._skip()
            else:
                answer = self._work()
                pieces = None if isinstance(answer.content, bytes) else answer.content
                if self._hand_over(answer):
                    return
                self._begin(answer)
        except BaseException as exc:  # handed to the client's thread, which raises or reports it
            self._error = exc
        self._run_on(pieces)

    def _run_on(self, pieces: Iterator[bytes] | None) -> None:
        try:
            if self._error is None:  # else it is only let go
                for piece in pieces or ():
                    if not self._put(piece):
                        break
        except BaseException as exc:  # handed to the client's thread, which raises or reports it
            self._error = exc
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()
            self._tell_open()
            close = getattr(pieces, "close", None)
            try:
                if close is not None:  # after the client was told of the end: it need not wait for this
                    close()
            finally:
                self.is_done.set()

    def _raise_error(self) -> NoReturn:
        error, self._error = self._error, None
        assert error is not None  # the caller looked
        try:
            raise error
        finally:
            del error  # or its traceback, which holds this frame, would keep it alive

    def _begin(self, answer: Answer) -> None:
        with self._changed:
            self._answer = answer
            self._changed.notify_all()
        self._tell_open()
        if self._is_promised and isinstance(answer.content, bytes):
            raise InvalidUpstreamAnswerError("The service sent one whole answer where a stream was begun.")

    def _tell_open(self) -> None:
        if self._opened.locked():
            with suppress(RuntimeError):  # whoever waited has just given up
                self._opened.release()

    def _has_news(self) -> bool:
        return bool(self._waiting) or self._is_over or self._stepped is not None

    # ------------------------------------------------------------ while the client's thread reads

    def _hand_over(self, answer: Answer) -> bool:
        """Let the client's thread read an answer; False if it cannot."""
        if self._later is None:
            return False
        stepped = SteppedStream.open(
            answer.content, heartbeat_s=self._heartbeat_s, later=self._later, on_over=self._note_over
        )
        if stepped is None:
            return False
        self._set_alarm(self._time_left())
        with self._changed:
            if not self._is_abandoned:
                self._answer, self._stepped = answer, stepped
                self._changed.notify_all()
                self._tell_open()
                return True
        self._alarms.discard(self._alarm)
        stepped.content.run_on()
        return False

    def _end_steps(self, stepped: SteppedStream) -> None:
        """Let a worker go on with a stream that is not over."""
        with self._changed:
            self._stepped = None
        if not stepped.hand_back() or self._later is None:
            self._is_over = True  # the client need not wait for another thread to let the upstream go
            return
        stepped.content.run_on()
        self._alarms.discard(self._alarm)
        pieces = cast("Iterator[bytes]", stepped.content)
        self._later(lambda: self._run_on(pieces))

    def _note_over(self) -> None:
        self._is_over = True
        self._alarms.discard(self._alarm)
        self.is_done.set()

    def _set_alarm(self, after_s: float) -> None:
        if after_s < threading.TIMEOUT_MAX:
            self._alarm = self._alarms.add(max(0.0, after_s), self._ring)

    def _ring(self) -> None:
        """Let go of a stream whose time is over while its client does not read."""
        stepped = self._stepped
        if stepped is not None and not stepped.is_over and self._later is not None:
            self._later(lambda: self._give_up(stepped))  # settling it may take long, and other alarms wait

    def _give_up(self, stepped: SteppedStream) -> None:
        if not stepped.let_go(self._note_too_slow):  # it is read just now, and that has bounds of its own
            self._set_alarm(_LATER_S)

    def _note_too_slow(self) -> None:
        self._error = too_slow()

    # ------------------------------------------------------------ while a worker reads

    def _put(self, piece: bytes) -> bool:
        with self._changed:
            if self._waiting_bytes >= _MAX_WAITING_BYTES:
                left_s = self._time_left()
                is_read = self._changed.wait_for(
                    lambda: self._waiting_bytes < _MAX_WAITING_BYTES or self._is_abandoned,
                    timeout=min(max(0.0, left_s), threading.TIMEOUT_MAX),
                )
                if not is_read:
                    raise too_slow()
            if self._is_abandoned:
                return False
            self._waiting.append(piece)
            self._waiting_bytes += len(piece)
            self._changed.notify_all()
            return True


class PumpedStream:
    """The client's end of a pump: an iterator that a server closes when its client has gone.

    A generator would not do: closed before its first item, it runs none of its clean-up.
    """

    def __init__(self, pump: Pump, on_error: Callable[[BaseException], bytes]) -> None:
        self._pump = pump
        self._on_error = on_error
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._is_over:
            raise StopIteration
        try:
            piece = self._pump.take()
        except Exception as exc:
            self._is_over = True
            return self._on_error(exc)
        if piece is None:
            self._is_over = True
            raise StopIteration
        return piece

    def close(self) -> None:
        """Cancel the call if it still runs."""
        self._is_over = True
        self._pump.abandon()


class PumpPool:
    """The worker threads of all streams.

    Args:
        max_streams: Streams that run at the same time; more wait, kept awake by comments.
        heartbeat_s: Silence after which a comment is sent.
    """

    def __init__(self, *, max_streams: int, heartbeat_s: float) -> None:
        self._threads = Threads(max_streams)
        self._heartbeat_s = heartbeat_s
        self._alarms = Alarms()
        self._lock = threading.Lock()
        self._running: WeakSet[Pump] = WeakSet()

    def start(
        self,
        work: Callable[[], Answer],
        *,
        cancellation: Cancellation,
        skip: Callable[[], object] = lambda: None,
        time_left: Callable[[], float] = lambda: math.inf,
    ) -> Pump:
        """Begin one stream; see `Pump`.

        Raises:
            HooklineError: If no more are taken.
        """
        pump = Pump(
            work,
            cancellation=cancellation,
            heartbeat_s=self._heartbeat_s,
            skip=skip,
            time_left=time_left,
            later=self._run_later,
            alarms=self._alarms,
        )
        try:
            self._threads.run(pump.run)
        except RuntimeError as exc:
            raise HooklineError(
                "This gateway is being ended and begins no more streams.",
                status=503,
                code="shutting_down",
                hint="Try again in a moment.",
            ) from exc
        with self._lock:
            self._running.add(pump)
        return pump

    def _run_later(self, work: Callable[[], object]) -> None:
        try:
            self._threads.run(work)
        except RuntimeError:  # all streams are being ended, and this one is about to be
            work()

    def close(self, *, within_s: float = 5.0) -> None:
        """Take no more streams, cancel those that run, and wait for their ends, but not for long."""
        self._threads.close()
        with self._lock:
            running = list(self._running)
        for pump in running:
            pump.abandon()
        until = time.monotonic() + within_s
        for pump in running:
            pump.is_done.wait(max(0.0, until - time.monotonic()))
