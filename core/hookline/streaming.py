"""Streams as plugins see them: one event after another, the same through both doors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

import orjson

from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError
from hookline.upstream import ErrorAnswer

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.errors import HooklineError

OutcomeKind = Literal["complete", "interrupted", "timeout", "client_gone", "rejected", "restarted"]
"""``complete``: the upstream ended it properly. ``interrupted``: it broke off, or was garbage. ``timeout``: a
bound on time was passed. ``client_gone``: nobody reads any more. ``rejected``: a plugin stopped it.
``restarted``: nothing had been delivered, and another stream takes its place."""


class StreamEvent:
    """One event of an upstream's stream.

    Args:
        data: The event's data, as it arrived.
        name: Its ``event`` field; ``message`` if there is none.
        raw: The bytes that it came in, its final empty line included.

    Attributes:
        data: The event's data, as it arrived.
        name: Its ``event`` field; ``message`` if there is none.
        raw: The bytes that it came in, its final empty line included.
        pieces: What the event means in the words of the action: ``{"type": "text", "text": …}`` and the
            like; filled on the action door, and where a transform says that it reads pieces.
    """

    __slots__ = ("_json", "data", "name", "pieces", "raw")

    def __init__(self, data: bytes, *, name: bytes = b"message", raw: bytes = b"") -> None:
        self.data = data
        self.name = name
        self.raw = raw or b"data: " + data + b"\n\n"
        self.pieces: list[JsonObject] = []
        self._json: JsonObject | None = None

    @property
    def json(self) -> JsonObject:
        """The data as a JSON object; read once.

        Raises:
            InvalidUpstreamAnswerError: If it is none.
            StreamInterruptedError: If the upstream says that the stream failed.
        """
        if self._json is None:
            self._json = _parse(self.data, self.name)
        return self._json


def _parse(data: bytes, name: bytes) -> JsonObject:
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        if name == b"error":
            raise _reported(orjson.dumps({"error": {}})) from None
        raise InvalidUpstreamAnswerError("An event of the upstream's stream is not JSON.") from exc
    if not isinstance(chunk, dict):
        raise InvalidUpstreamAnswerError("An event of the upstream's stream is not a JSON object.")
    if chunk.get("error"):
        raise _reported(data)
    if name == b"error":
        raise _reported(orjson.dumps({"error": chunk}))
    return cast("JsonObject", chunk)


def _reported(content: bytes) -> StreamInterruptedError:
    return StreamInterruptedError(
        "The upstream reported an error in the middle of its stream.",
        answer=ErrorAnswer(status=200, headers=(), content=content),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamOutcome:
    """How a stream ended.

    Attributes:
        kind: In one word.
        error: What it failed with; None if it is complete.
        answer: What has arrived, as the service would have answered in one piece; None if nobody reads
            pieces.
    """

    kind: OutcomeKind
    error: HooklineError | None = None
    answer: JsonObject | None = field(default=None, repr=False)


class StreamTransform:
    """Looks at one stream, holds events back, changes or stops them. Make a subclass.

    Attributes:
        reads_pieces: Whether ``event.pieces``, ``outcome.answer`` and an attempt's ``answer`` are
            needed; they cost time, so the engine makes them only where somebody asks.
        may_wait: Whether ``feed``, ``check`` or ``finish`` may wait for anything, such as another service or
            a disk. Set it to False where they only look and reckon: then one thread serves the stream, and
            not two.
    """

    reads_pieces: bool = False
    may_wait: bool = True

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Return what goes on in place of one event: itself, nothing yet, or what was held back before it.

        Raises:
            HooklineError: To stop the stream; the caller is told inside it.
        """
        return (event,)

    def check(self) -> None:
        """Look once more when the upstream has ended the stream, before anything is finished.

        Raises:
            HooklineError: If the stream is not complete although it looks so; then another attempt may
                still go on with it.
        """

    def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
        """Return what is still to be sent; called exactly once, however the stream ended.

        Events are sent only if the outcome is ``complete``, and before the mark of the stream's end.

        Raises:
            HooklineError: To stop a complete stream at its end.
        """
        return ()
