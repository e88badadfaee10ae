"""What is done with the streams of a gateway, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline_streams.guard import StreamGuard
from hookline_streams.progress import Progress, begin, progress_of
from hookline_streams.repair import Repairer
from hookline_streams.silence import Silence

if TYPE_CHECKING:
    from hookline import Call, UpstreamRequest, UpstreamResponse
    from hookline.attempt import Attempt, RetryDecision
    from hookline.options import LayeredOptions
    from hookline_streams.options import StreamsOptions

_EVENT_STREAM = "text/event-stream"


class StreamKeeper:
    """Keeps the streams of one gateway.

    Args:
        options: What is set.
        max_answer_bytes: Most text that is kept of one stream.
        random: Returns a number from 0 up to, but not including, 1.

    Attributes:
        may_ask: Whether anybody is served from a stream who did not ask for one.
    """

    def __init__(
        self,
        options: LayeredOptions[StreamsOptions],
        *,
        max_answer_bytes: int,
        random: Callable[[], float],
    ) -> None:
        self._options = options
        self.may_ask = options.is_set("internal")
        self._max_answer_bytes = max_answer_bytes
        self._repairer = Repairer(random)

    def shape(self, call: Call, request: UpstreamRequest) -> None:
        """Make ready for a stream, if the upstream is asked for one or shall be."""
        if call.action.stream is None:
            return
        options = self._options.for_call(call)
        if not request.is_stream and options.internal:
            _ask_for_a_stream(call, request)
        if request.is_stream:
            if request.stall_timeout_s is None:
                request.stall_timeout_s = options.first_event_s
            begin(call, Progress(options=options, request=request))

    def note_opened(self, call: Call, request: UpstreamRequest, response: UpstreamResponse) -> None:
        """Note that a stream was opened that was asked for, and get hold of what bounds its silence."""
        progress = progress_of(call)
        if progress is None or response.content_type != _EVENT_STREAM or not 200 <= response.status < 300:
            return
        progress.is_open = True
        progress.body = request.body
        response.bound_silence = progress.silence = Silence(response)

    def open(self, call: Call) -> StreamGuard | None:
        """Return what watches a stream that was opened, or None if nothing of it is of interest."""
        progress = progress_of(call)
        if progress is None:
            return None
        options = progress.options
        mends = options.on_interrupt != "error"
        if not options.check and not mends and call.is_stream:
            return None
        continues = options.on_interrupt == "continue" and call.action.resume_stream is not None
        progress.guard = StreamGuard(
            call,
            progress,
            has_choices=getattr(call.action.stream, "has_choices", False) is True,
            reads_pieces=continues,
            holds_empty=mends,
            max_bytes=self._max_answer_bytes
            if continues or call.door == "action" or not call.is_stream
            else None,
        )
        return progress.guard

    def decide(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Return what to do about a stream that broke; None about anything else."""
        progress = progress_of(call)
        if progress is None:
            return None
        was_open, progress.is_open = progress.is_open, False
        if was_open:
            return self._repairer.mend(call, attempt, progress)
        # Of a plain new attempt others know when to make it; but what has arrived is known only here.
        is_ours = progress.is_joined or (progress.repairs > 0 and not call.is_stream)
        return self._repairer.ask_again(call, attempt, progress) if is_ours else None


def _ask_for_a_stream(call: Call, request: UpstreamRequest) -> None:
    """Turn a request for a whole answer into one for a stream, if its answer can be put together again."""
    action = call.action
    if (
        action.ask_stream is None
        or request.body is None
        or not callable(getattr(action.stream, "answer", None))
    ):
        return
    body = dict(request.body)  # on the wire door it is the caller's own input
    action.ask_stream(body)
    if body.get("stream") is True:
        request.body = body
        request.is_stream = True
        request.headers["accept"] = _EVENT_STREAM
