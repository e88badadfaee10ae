"""Calls that take a while: answered at once when they are quick, and kept awake when they are not.

A plain answer cannot tell anybody that it is still being made, so proxies cut it and nobody notices that the
client has left. After a first silence the answer becomes a stream of events: comments, and at last the
result.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from hookline.errors import RetryableError
from hookline.routes import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_IDLE = 16
_PLACE_S = 0.25
"""How long a call waits for a place: one whose client has just left needs a moment to end."""
_COME_BACK_S = 5.0

_STREAM_HEADERS = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
]


class TooManyCallsError(RetryableError):
    """As many calls run as are allowed; this one was not begun."""

    status = 503
    code = "too_many_calls"
    kind = "server_error"
    title = "Too many calls run"
    hint = "Wait as long as `Retry-After` says, then try again."


class Errand:
    """Work that another thread does.

    Args:
        work: Returns the reply; it must not fail.
        leave: Called at its end, before anybody is told of it.
    """

    def __init__(self, work: Callable[[], Reply], leave: Callable[[], None]) -> None:
        self._work = work
        self._leave = leave
        self._done = threading.Event()
        self._reply: Reply | None = None

    def wait(self, timeout_s: float) -> Reply | None:
        """Return the reply, or None if it is not there in time."""
        return self._reply if self._done.wait(timeout_s) else None

    def run(self) -> None:
        """Do it."""
        try:
            self._reply = self._work()
        finally:
            self._leave()
            self._done.set()


class Helpers:
    """Threads that do errands; a few that have nothing to do are kept, as a new one takes its time.

    A call whose client has left frees the server's thread and may run on, so the server does not bound
    how many calls run: this does.

    Args:
        most: Errands that run at the same time.
        place_s: How long one waits for a place.
    """

    def __init__(self, *, most: int, place_s: float = _PLACE_S) -> None:
        self._idle: list[SimpleQueue[Errand]] = []
        self._places = threading.BoundedSemaphore(most)
        self._place_s = place_s

    def send(self, work: Callable[[], Reply]) -> Errand:
        """Have work done at once.

        Raises:
            TooManyCallsError: If as many errands run as are allowed; nothing was begun.
        """
        if not self._places.acquire(timeout=self._place_s):
            text = "As many calls run here as the gateway has threads."
            raise TooManyCallsError(text, retry_after_s=_COME_BACK_S, reached_upstream=False)
        errand = Errand(work, self._places.release)
        try:
            self._idle.pop().put(errand)
        except IndexError:
            self._hire(errand)
        return errand

    def _hire(self, errand: Errand) -> None:
        try:
            threading.Thread(target=self._serve, args=(errand,), name="mcp-call", daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            self._places.release()
            raise

    def _serve(self, errand: Errand) -> None:
        errands: SimpleQueue[Errand] = SimpleQueue()
        while True:
            errand.run()
            if len(self._idle) >= _MOST_IDLE:
                return
            self._idle.append(errands)
            errand = errands.get()


def run_patiently(
    work: Callable[[], Reply],
    *,
    helpers: Helpers,
    heartbeat_s: float,
    leave: Callable[[], None] | None,
    beat: Callable[[], bytes],
) -> Reply:
    """Return the reply of a call, as a stream if it takes longer than a heartbeat.

    Args:
        work: Runs the call; it must not fail.
        helpers: Whose thread it runs on.
        heartbeat_s: Longest silence.
        leave: Ends the call when the client leaves; None to let it run on.
        beat: Returns what is sent after each silence.

    Raises:
        TooManyCallsError: If as many calls run as are allowed.
    """
    errand = helpers.send(work)
    reply = errand.wait(heartbeat_s)
    if reply is not None:
        return reply
    return Reply(headers=list(_STREAM_HEADERS), content=_Events(errand, heartbeat_s, leave, beat))


class _Events:
    """Signs of life until an errand is done, and then its reply; closing it before is to leave."""

    def __init__(
        self,
        errand: Errand,
        heartbeat_s: float,
        leave: Callable[[], None] | None,
        beat: Callable[[], bytes],
    ) -> None:
        self._errand = errand
        self._heartbeat_s = heartbeat_s
        self._leave = leave
        self._beat = beat
        self._wait_s = 0.0
        self._is_whole = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._is_whole:
            raise StopIteration
        reply = self._errand.wait(self._wait_s)
        self._wait_s = self._heartbeat_s
        if reply is None:
            return self._beat()
        assert isinstance(reply.content, bytes)  # what is awaited is never a stream itself
        self._is_whole = True
        return b"event: message\ndata: " + reply.content + b"\n\n"

    def close(self) -> None:
        """End the call if its answer was not taken."""
        if not self._is_whole and self._leave is not None:
            self._leave()
