"""A stream that the client's own thread reads, step by step, while nobody has to wait for anything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol, cast

from hookline.errors import UpstreamTimeoutError

HEARTBEAT = b": ping\n\n"
_STEPS_PER_HEARTBEAT = 4
_SLACK_S = 0.005  # what a read may return too early


class Steps(Protocol):
    """What can be read step by step; `Relay` is one, and says what each part means."""

    may_wait: bool

    def __next__(self) -> bytes:
        """Return the next piece; empty if a step brought nothing to send."""
        ...

    def step(self, every_s: float) -> bool:
        """Read in steps from here on; False if that cannot be."""
        ...

    def run_on(self) -> None:
        """Wait as long as it takes from here on."""
        ...

    def close(self) -> None:
        """Let the upstream go."""
        ...

    def close_at_once(self) -> bool:
        """Let the upstream go, or return False if that takes a while."""
        ...


class SteppedStream:
    """Reads a stream on whichever thread wants its next piece. Any thread may let it go.

    The client's thread reads, so it may not come back: the client may not read what it was sent. Then
    another thread lets the stream go in its place.

    Args:
        content: The stream, which is read in steps already.
        heartbeat_s: Silence after which a comment is due.
        later: Runs something on another thread.
        on_over: Called once, when the stream was let go.

    Attributes:
        content: The stream.
        is_over: Whether it has ended, was let go or handed back.
    """

    __slots__ = (
        "_heartbeat_s",
        "_is_wanted",
        "_later",
        "_on_over",
        "_reading",
        "_sent_at",
        "content",
        "is_over",
    )

    def __init__(
        self,
        content: Steps,
        *,
        heartbeat_s: float,
        later: Callable[[Callable[[], object]], None],
        on_over: Callable[[], None],
    ) -> None:
        self.content = content
        self.is_over = False
        self._heartbeat_s = heartbeat_s - _SLACK_S
        self._later = later
        self._on_over = on_over
        self._reading = threading.Lock()
        self._is_wanted = True
        self._sent_at = time.monotonic()

    @classmethod
    def open(
        cls,
        content: object,
        *,
        heartbeat_s: float,
        later: Callable[[Callable[[], object]], None],
        on_over: Callable[[], None],
    ) -> SteppedStream | None:
        """Return a stream that is read in steps from here on, or None if it cannot be."""
        step = getattr(content, "step", None)
        if step is not None and step(heartbeat_s / _STEPS_PER_HEARTBEAT):
            return cls(cast("Steps", content), heartbeat_s=heartbeat_s, later=later, on_over=on_over)
        return None

    def take(self) -> bytes | None:
        """Return what comes next, or a comment after a silence; None once it is over or ``may_wait``.

        Raises:
            HooklineError: What broke it.
        """
        with self._reading:
            piece = None if self.is_over else self._read()
        if not self._is_wanted:
            self.let_go()  # who wanted that could not do it itself
        return piece

    def let_go(self, why: Callable[[], object] | None = None) -> bool:
        """Let the upstream go, which has no effect once it is over.

        Args:
            why: Called before it is let go, if it is; then nothing is done while another thread reads.

        Returns:
            False if another thread reads right now. Without ``why`` that one then lets it go.
        """
        if why is None:
            self._is_wanted = False
        if not self._reading.acquire(blocking=False):
            return False
        try:
            if not self.is_over:
                if why is not None:
                    why()
                self.is_over = True
                self._close()
            return True
        finally:
            self._reading.release()

    def hand_back(self) -> bool:
        """Let others go on with the stream from here on; False if it is over."""
        with self._reading:
            if self.is_over:
                return False
            self.is_over = True
            return True

    def _read(self) -> bytes | None:
        content = self.content
        while self._is_wanted and not content.may_wait:
            try:
                piece = next(content)
            except StopIteration:
                self._end()
                return None
            except BaseException:
                self.is_over = True
                self._close()
                raise
            now = time.monotonic()
            if piece or now - self._sent_at >= self._heartbeat_s:
                self._sent_at = now
                return piece or HEARTBEAT
        return None

    def _end(self) -> None:
        self.is_over = True
        is_closed = True
        try:
            is_closed = self.content.close_at_once()
        finally:
            if is_closed:
                self._on_over()
            else:
                self._later(self._close)

    def _close(self) -> None:
        try:
            self.content.close()
        finally:
            self._on_over()


def too_slow() -> UpstreamTimeoutError:
    """Return what a call failed with whose client did not read its answer."""
    return UpstreamTimeoutError(
        "The client did not read the stream in the time that the call may take.", code="client_too_slow"
    )
