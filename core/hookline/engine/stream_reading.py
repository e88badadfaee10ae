"""Reading an upstream's event stream: its events as they come, and what is behind the last of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from hookline.engine.sse import Event, EventDecoder
from hookline.errors import HooklineError, StreamInterruptedError

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.upstream import UpstreamResponse

_PATIENCE_S = 1.0


def upstream_events(call: Call, response: UpstreamResponse, *, max_event_bytes: int) -> Iterator[list[Event]]:
    """Yield the events of each network read, which may be none, up to the one that ends the stream.

    Raises:
        StreamInterruptedError: If the stream breaks off, or ends without its last event.
        UpstreamTimeoutError: If the call's deadline passes.
    """
    decoder = EventDecoder(max_event_bytes=max_event_bytes)
    end = call.action.stream_end
    has_failed = False
    for chunk in response.chunks_within(call):
        events = decoder.feed(chunk)
        for position, event in enumerate(events):
            if end is not None and event.data == end:
                yield events[: position + 1]
                return  # whatever follows or happens now is no part of the answer
        yield events
        if events:
            has_failed = has_failed or _tells_of_an_error(events[-1])
    if (end is not None and not has_failed) or decoder.has_partial:
        raise StreamInterruptedError("The upstream's stream ended before it was complete.")


def _tells_of_an_error(event: Event) -> bool:
    """Tell whether the upstream itself said that the stream failed; then it has no proper end."""
    return event.name == b"error" or (event.data or b"").startswith(b'{"error":')


def read_to_end(response: UpstreamResponse) -> None:
    """Read once more after a complete stream: at the end of its body the connection can be used again.

    Whatever comes is no part of the answer. An upstream that says nothing is not waited for.
    """
    patience = threading.Timer(_PATIENCE_S, response.close)
    patience.daemon = True
    patience.start()
    try:
        with suppress(HooklineError):
            next(response.chunks, None)
    finally:
        patience.cancel()
