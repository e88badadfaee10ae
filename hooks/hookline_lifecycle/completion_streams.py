"""A chat's HTTP answer as that of a completion; a stream is rewritten event by event as it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from hookline.engine.sse import EventDecoder, encode_event
from hookline.upstream import UpstreamResponse
from hookline_lifecycle.completion_answers import CompletionWriter

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.engine.sse import Event
    from hookline.settings import LimitSettings
    from hookline_lifecycle.completion_requests import CompletionPlan

_BODY_HEADERS = frozenset({"content-encoding", "content-length", "content-type", "transfer-encoding"})
_DONE = b"[DONE]"


def rewrite_answer(
    call: Call, response: UpstreamResponse, plan: CompletionPlan, limits: LimitSettings
) -> UpstreamResponse:
    """Return an answer in the shape of a completion; refusals, and whatever is no chat, stay as they are.

    Raises:
        HooklineError: If a whole answer cannot be read to its end.
    """
    if not 200 <= response.status < 300:
        return response
    writer = CompletionWriter(plan)
    if response.content_type == "text/event-stream":
        headers = [pair for pair in response.headers if pair[0] != "content-length"]
        chunks = _rewrite_events(response.chunks, writer, max_event_bytes=limits.max_event_bytes)
        return replace(response, headers=headers, chunks=chunks)
    content = response.read(max_bytes=limits.max_answer_bytes, call=call)
    try:
        completion = writer.whole(orjson.loads(content))
    except orjson.JSONDecodeError:
        completion = None
    if completion is None:
        return UpstreamResponse(status=response.status, headers=response.headers, chunks=iter([content]))
    headers = [pair for pair in response.headers if pair[0] not in _BODY_HEADERS]
    return UpstreamResponse.of_json(completion, status=response.status, headers=headers)


def _rewrite_events(
    chunks: Iterator[bytes], writer: CompletionWriter, *, max_event_bytes: int
) -> Iterator[bytes]:
    decoder = EventDecoder(max_event_bytes=max_event_bytes)
    for chunk in chunks:
        events = decoder.feed(chunk)
        if events:
            yield b"".join([_rewrite_event(event, writer) for event in events])
    if decoder.has_partial:
        yield b": cut"  # an unfinished line, so that the reader sees an unfinished event


def _rewrite_event(event: Event, writer: CompletionWriter) -> bytes:
    if event.data is None or event.data == _DONE or event.name != b"message":
        return event.raw
    try:
        piece = writer.chunk(orjson.loads(event.data))
    except orjson.JSONDecodeError:
        return event.raw
    return event.raw if piece is None else encode_event(orjson.dumps(piece))
