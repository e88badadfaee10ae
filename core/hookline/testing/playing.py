"""Playing a scripted answer to the gateway, as its transport would bring it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hookline.errors import StreamInterruptedError, UpstreamTimeoutError, UpstreamUnavailableError
from hookline.upstream import UpstreamResponse

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.clock import Clock
    from hookline.engine.transport import Timeouts
    from hookline.testing.script import ScriptedAnswer

HTML = b"<!doctype html><title>Maintenance</title><h1>We are back soon</h1>"
GARBAGE = b'\x00\xff{"half": [1, 2'
_HALF_JSON = b'{"this is": "only the first ha'
_HUGE_PIECE = b" " * 1_048_576
_MAX_PIECES = 1024


def play(
    answer: ScriptedAnswer, *, clock: Clock, timeouts: Timeouts, cancellation: Cancellation
) -> UpstreamResponse:
    """Return an answer whose body is still to be read, or raise what a transport raises.

    Args:
        answer: What the script says.
        clock: Where its silences pass.
        timeouts: Bounds of the attempt.
        cancellation: Tells when nobody waits any more.

    Raises:
        UpstreamUnavailableError: If nobody answers.
        UpstreamTimeoutError: If a silence is longer than a bound.
    """
    if answer.fault == "refused":
        raise UpstreamUnavailableError("The service cannot be reached.", reached_upstream=False)
    if answer.fault == "reset":
        raise UpstreamUnavailableError("The service broke the connection.")
    silence_s = timeouts.read_s if answer.fault == "timeout" else answer.after_s
    _be_silent(silence_s, timeouts.read_s, clock, cancellation)
    body = _Body(answer, clock=clock, timeouts=timeouts, cancellation=cancellation)
    headers = list(answer.headers) or [("content-type", "application/json")]
    if answer.fault == "html":
        headers = [("content-type", "text/html; charset=utf-8")]
    return UpstreamResponse(
        status=answer.status,
        headers=headers,
        chunks=body.pieces(),
        silence_s=body.silence_s,
        bound_silence=body.bound,
        is_output=answer.is_output,
    )


class _Body:
    def __init__(
        self, answer: ScriptedAnswer, *, clock: Clock, timeouts: Timeouts, cancellation: Cancellation
    ) -> None:
        self._answer = answer
        self._clock = clock
        self._cancellation = cancellation
        self.silence_s = timeouts.read_s if timeouts.stall_s is None else timeouts.stall_s

    def bound(self, seconds: float) -> None:
        self.silence_s = seconds

    def pieces(self) -> Iterator[bytes]:
        match self._answer.fault:
            case "garbage":
                yield GARBAGE
            case "html":
                yield HTML
            case "empty":
                return
            case "huge":
                for _ in range(_MAX_PIECES):
                    yield _HUGE_PIECE
            case "cut":
                yield from self._first_half()
                raise StreamInterruptedError("The service broke the connection in the middle of its answer.")
            case "slow":
                yield from self._first_half()
                _be_silent(self.silence_s, self.silence_s, self._clock, self._cancellation)
            case _:
                for piece in self._answer.body:
                    if isinstance(piece, bytes):
                        yield piece
                    else:
                        _be_silent(piece.seconds, self.silence_s, self._clock, self._cancellation)

    def _first_half(self) -> Iterator[bytes]:
        pieces = [piece for piece in self._answer.body if isinstance(piece, bytes)]
        if len(pieces) > 1:
            yield from pieces[: len(pieces) // 2]
        else:
            yield pieces[0][: len(pieces[0]) // 2] if pieces else _HALF_JSON


def _be_silent(seconds: float, bound_s: float, clock: Clock, cancellation: Cancellation) -> None:
    if seconds <= 0:
        return
    if not clock.wait(min(seconds, bound_s), cancellation):
        raise UpstreamUnavailableError("Nobody waits for this call any more.")
    if seconds >= bound_s:
        raise UpstreamTimeoutError("The service stayed silent for too long.")
