"""Calls that take a while: answered at once when they are quick, and kept awake when they are not.

A plain answer cannot tell anybody that it is still being made, so proxies cut it and nobody notices that the
client has left. After a first silence the answer becomes a stream of events: comments, and at last the
result.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hookline.routes import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STREAM_HEADERS = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
]


class Errand:
    """Work on a thread of its own.

    Args:
        work: Returns the reply; it must not fail.
    """

    def __init__(self, work: Callable[[], Reply]) -> None:
        self._work = work
        self._done = threading.Event()
        self._reply: Reply | None = None
        threading.Thread(target=self._run, name="mcp-call", daemon=True).start()

    def wait(self, timeout_s: float) -> Reply | None:
        """Return the reply, or None if it is not there in time."""
        return self._reply if self._done.wait(timeout_s) else None

    def _run(self) -> None:
        try:
            self._reply = self._work()
        finally:
            self._done.set()


def run_patiently(
    work: Callable[[], Reply],
    *,
    heartbeat_s: float,
    leave: Callable[[], None] | None,
    beat: Callable[[], bytes],
) -> Reply:
    """Return the reply of a call, as a stream if it takes longer than a heartbeat.

    Args:
        work: Runs the call; it must not fail.
        heartbeat_s: Longest silence.
        leave: Ends the call when the client leaves; None to let it run on.
        beat: Returns what is sent after each silence.
    """
    errand = Errand(work)
    reply = errand.wait(heartbeat_s)
    if reply is not None:
        return reply
    pieces = _pieces(errand, heartbeat_s=heartbeat_s, leave=leave, beat=beat)
    return Reply(headers=list(_STREAM_HEADERS), content=pieces)


def _pieces(
    errand: Errand, *, heartbeat_s: float, leave: Callable[[], None] | None, beat: Callable[[], bytes]
) -> Iterator[bytes]:
    is_whole = False
    try:
        reply = None
        while reply is None:
            yield beat()
            reply = errand.wait(heartbeat_s)
        assert isinstance(reply.content, bytes)  # what is awaited is never a stream itself
        is_whole = True
        yield b"event: message\ndata: " + reply.content + b"\n\n"
    finally:
        if not is_whole and leave is not None:
            leave()
