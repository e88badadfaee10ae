"""Relaying an upstream's event stream to the caller, event by event.

Only whole events leave: when the upstream breaks off in the middle of one, its half is dropped and an event
that carries an error follows, because nothing else makes an SDK notice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import orjson

from hookline.engine.sse import Event, EventDecoder, encode_event
from hookline.errors import (
    HooklineError,
    InvalidUpstreamAnswerError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    raise_from,
)
from hookline.upstream import ErrorAnswer

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connector import JsonObject, StreamPresenter
    from hookline.upstream import UpstreamResponse

MapError = Callable[[BaseException], HooklineError]

_PATIENCE_S = 1.0


def upstream_events(call: Call, response: UpstreamResponse, *, max_event_bytes: int) -> Iterator[list[Event]]:
    """Yield the events of each network read, up to and including the one that ends the stream.

    Raises:
        StreamInterruptedError: If the stream breaks off, or ends without its last event.
        UpstreamTimeoutError: If the call's deadline passes.
    """
    decoder = EventDecoder(max_event_bytes=max_event_bytes)
    end = call.action.stream_end
    has_failed = False
    for chunk in response.chunks:
        if call.remaining_s() <= 0:
            raise UpstreamTimeoutError("The call took longer than `timeout_s` allows.")
        events = decoder.feed(chunk)
        for position, event in enumerate(events):
            if end is not None and event.data == end:
                yield events[: position + 1]
                return  # whatever follows or happens now is no part of the answer
        if events:
            yield events
            has_failed = has_failed or _tells_of_an_error(events[-1])
    if (end is not None and not has_failed) or decoder.has_partial:
        raise StreamInterruptedError("The upstream's stream ended before it was complete.")


def _tells_of_an_error(event: Event) -> bool:
    """Tell whether the upstream itself said that the stream failed; then it has no proper end."""
    return event.name == b"error" or (event.data or b"").startswith(b'{"error":')


def pass_events(batches: Iterator[list[Event]]) -> Iterator[bytes]:
    """Yield the events as the bytes they came in."""
    for events in batches:
        yield events[0].raw if len(events) == 1 else b"".join([event.raw for event in events])


def present_events(
    call: Call,
    batches: Iterator[list[Event]],
    presenter: StreamPresenter,
    *,
    process: Callable[[JsonObject], JsonObject],
) -> Iterator[bytes]:
    """Yield the presenter's events, and last the whole output.

    Args:
        call: The call.
        batches: Events of the upstream.
        presenter: Makes the caller's events.
        process: Runs the plugins that change answers.
    """
    for events in batches:
        lines: list[bytes] = []
        for event in events:
            if event.data is None or event.data == call.action.stream_end:
                continue
            lines += [encode_event(orjson.dumps(item)) for item in presenter.feed(_parse(event.data))]
        if lines:
            yield b"".join(lines)
    output = process(presenter.finish())
    yield encode_event(orjson.dumps({"type": "output", "output": output}))


def _parse(data: bytes) -> JsonObject:
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise InvalidUpstreamAnswerError("An event of the upstream's stream is not JSON.") from exc
    if not isinstance(chunk, dict):
        raise InvalidUpstreamAnswerError("An event of the upstream's stream is not a JSON object.")
    if chunk.get("error"):
        raise StreamInterruptedError(
            "The upstream reported an error in the middle of its stream.",
            answer=ErrorAnswer(status=200, headers=(), content=data),
        )
    return cast("JsonObject", chunk)


class GuardedStream:
    """The pieces of one stream: what breaks is raised as the caller is to read it, and the upstream let go.

    Args:
        pieces: What the caller gets.
        response: Where it comes from.
        map_error: Makes the error that the caller is told.
    """

    def __init__(self, pieces: Iterator[bytes], response: UpstreamResponse, map_error: MapError) -> None:
        self._pieces = pieces
        self._response = response
        self._map_error = map_error
        self._is_complete = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self._is_complete = True
            raise
        except Exception as exc:
            self._response.close()
            raise_from(self._map_error(exc), exc)

    def close(self) -> None:
        """Let the upstream go: its connection is kept if the body ends now, and cut if not."""
        try:
            if self._is_complete:
                read_to_end(self._response)
        finally:
            self._response.close()


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
