"""Notice a prompt that is refused as too long in the first event of a stream, instead of at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.streaming import StreamTransform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.streaming import StreamEvent

_SIGNS = (b"context_length_exceeded", b"exceeds the context window", b"maximum context length")


class FirstEventWatch(StreamTransform):
    """Raises what the service says in the first event, if that is about the length of the prompt."""

    def __init__(self) -> None:
        self._is_first = True

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Look at the first event and hand all of them on."""
        if self._is_first:
            self._is_first = False
            if b'"error"' in event.data and any(sign in event.data for sign in _SIGNS):
                _ = event.json  # raises what the service says
        return (event,)
