"""The first to see the events of a stream: knows a complete one from a cut one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hookline.errors import InvalidUpstreamAnswerError
from hookline.streaming import StreamTransform
from hookline_streams.choices import Choices
from hookline_streams.meter import Meter

if TYPE_CHECKING:
    from hookline import Call
    from hookline.streaming import StreamEvent, StreamOutcome
    from hookline_streams.progress import Progress

MOST_HELD_EVENTS = 16
TOO_LARGE = "upstream_answer_too_large"


class StreamGuard(StreamTransform):
    """Watches one stream. What it lets pass is unchanged.

    Args:
        call: The call.
        progress: What is remembered of it.
        has_choices: Whether the events hold ``choices`` that end one by one; of others only the JSON is read.
        reads_pieces: Whether what has arrived will be needed when the stream breaks.
        holds_empty: Whether events without any content are kept until the first content comes, so that
            a stream which breaks before that has delivered nothing.
        max_bytes: Most bytes of text; None where nobody keeps them.
    """

    may_wait = False

    def __init__(
        self,
        call: Call,
        progress: Progress,
        *,
        has_choices: bool,
        reads_pieces: bool = False,
        holds_empty: bool = False,
        max_bytes: int | None = None,
    ) -> None:
        self.reads_pieces = reads_pieces
        self.choices = Choices()
        self._meter = Meter(call) if has_choices and call.action.meter is None else None
        self._progress = progress
        self._has_choices = has_choices
        self._holds_empty = holds_empty and has_choices
        self._max_bytes = max_bytes
        self._held: list[StreamEvent] = []
        self._has_content = False

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Return the event, once it is known to be good.

        Raises:
            InvalidUpstreamAnswerError: If it is garbage, or the answer has become too large.
            StreamInterruptedError: If it is the service's own report that the stream failed.
        """
        chunk = event.json
        says_something = self.choices.read(chunk) if self._has_choices else True
        if self._max_bytes is not None and self.choices.text_bytes > self._max_bytes:
            raise InvalidUpstreamAnswerError(
                f"The service's answer is larger than {self._max_bytes:,} bytes.", code=TOO_LARGE
            )
        if self._has_content:
            return (event,)
        return self._before_content(event, says_something)

    def end_part(self, *, goes_on: bool) -> None:
        """Note what the stream took since it was last asked for something.

        Args:
            goes_on: Whether another stream goes on where this one broke.
        """
        if self._meter is not None:
            self._meter.end_part(self.choices, self._progress.body, goes_on=goes_on)
        if goes_on:  # until the service answers; where it begins anew, it has answered already
            self._progress.body = None

    def expect_content(self) -> None:
        """Look out for the first content anew: another stream goes on, and may think for a while first."""
        self._has_content = False

    def check(self) -> None:
        """Check that the stream is complete, now that it has ended.

        Raises:
            StreamInterruptedError: If a choice has no end.
            InvalidUpstreamAnswerError: If there was no choice.
        """
        if self._has_choices and self._progress.options.check:
            self.choices.check_ended()

    def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
        """Note what the stream took, and let go what is still held."""
        self.end_part(goes_on=False)
        if self._progress.guard is self:  # the call would hold itself, until the garbage collector comes by
            self._progress.guard = self._progress.silence = None
        held, self._held = self._held, []
        return held

    def _before_content(self, event: StreamEvent, says_something: bool) -> Iterable[StreamEvent]:
        if says_something:
            self._has_content = True
            silence, stall_s = self._progress.silence, self._progress.options.stall_s
            if silence is not None and stall_s is not None:
                silence.tighten(stall_s)
        elif self._holds_empty and len(self._held) < MOST_HELD_EVENTS:
            self._held.append(event)
            return ()
        self._holds_empty = False
        if not self._held:
            return (event,)
        released, self._held = [*self._held, event], []
        return released
