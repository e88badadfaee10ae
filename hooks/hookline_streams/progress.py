"""What is remembered of one call's streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline import Call, UpstreamRequest
    from hookline_streams.guard import StreamGuard
    from hookline_streams.options import StreamsOptions
    from hookline_streams.silence import Silence

_STATE = "streams"


@dataclass(kw_only=True, slots=True)
class Progress:
    """What is remembered of one call's streams.

    Attributes:
        options: What holds for the call.
        request: What was asked first, before it was asked to go on.
        body: What the open stream was asked with; None while none is open.
        silence: Bounds the silence of the answer that is being read.
        guard: Looks at the events of the open stream; None if nobody does.
        is_open: Whether the last attempt was answered with a stream, so that what fails is that stream.
        is_joined: Whether the stream goes on where another broke, or was asked to.
        repairs: How often the call was sent again or continued.
    """

    options: StreamsOptions
    request: UpstreamRequest
    body: Mapping[str, object] | None = None
    silence: Silence | None = None
    guard: StreamGuard | None = None
    is_open: bool = False
    is_joined: bool = False
    repairs: int = 0


def begin(call: Call, progress: Progress) -> None:
    """Remember a call whose upstream is asked for a stream."""
    call.state[_STATE] = progress


def progress_of(call: Call) -> Progress | None:
    """Return what is remembered; None if the upstream is not asked for a stream."""
    found = call.state.get(_STATE)
    return found if isinstance(found, Progress) else None
