"""What a stream took: asked for where the caller did not ask, and kept from a caller who did not.

OpenAI tells the tokens of a stream in a last chunk of its own, and only if the request asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from hookline.errors import HooklineError
from hookline.streaming import StreamEvent, StreamTransform
from hookline.usage import Usage
from hookline_openai.token_usage import read_told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.call import Call
    from hookline.connector import JsonObject
    from hookline.streaming import StreamOutcome
    from hookline.upstream import UpstreamRequest

_STATE = "openai_stream"

# A text that speaks of it has the quotation marks escaped, so only a chunk that tells tokens holds this.
_TELLS_TOKENS = b'"prompt_tokens"'
_FRAME = frozenset(
    {
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "service_tier",
        "system_fingerprint",
        "obfuscation",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What a stream was asked with.

    Attributes:
        request: The request.
        hides_usage: Whether the number of tokens is only for the gateway.
    """

    request: UpstreamRequest
    hides_usage: bool


def ask_for_stream_usage(call: Call, request: UpstreamRequest) -> None:
    """Make a stream tell its tokens, unless the connection's option says that its server cannot.

    Then only callers who ask for it themselves are told. The body is replaced and not changed: on the wire
    door it is the caller's own.
    """
    wants = call.connection.options.get("stream_usage") is not False
    body, hides = request.body, False
    if body is not None and body.get("stream") is True:
        given = _options_of(body)
        if wants and given is not None and given.get("include_usage") in (None, False):
            _set_options(request, body, {**given, "include_usage": True})
            hides = True
        elif not wants and given and not (_options_of(call.input) or {}).get("include_usage"):
            _set_options(request, body, {name: given[name] for name in given if name != "include_usage"})
    call.state[_STATE] = _Asked(request=request, hides_usage=hides)


def _options_of(body: JsonObject) -> JsonObject | None:
    """Return the options of a stream; None if they are something that the service will refuse."""
    options = body.get("stream_options")
    return {} if options is None else options if isinstance(options, dict) else None


def _set_options(request: UpstreamRequest, body: JsonObject, options: JsonObject) -> None:
    rest = {name: value for name, value in body.items() if name != "stream_options"}
    request.body = {**rest, "stream_options": options} if options else rest
    request.content = None


def with_usage(call: Call, transforms: list[StreamTransform]) -> list[StreamTransform]:
    """Return the transforms of a stream with ours around them.

    The first sees the tokens before anybody can hold the chunk back or end the stream. The last takes the
    chunk out, so that all others have seen it, and is the last to hear of the end: then it knows whether
    somebody else has noted what the stream took.
    """
    reader = _Reader()
    return [reader, *transforms, _Bookkeeper(call, reader)]


class _Reader(StreamTransform):
    """Reads what a stream says that it took; the last word counts.

    Attributes:
        events: How many events there were, each of which is about one token.
        told: What it said.
        is_final: Whether it was said after the end of the text.
    """

    def __init__(self) -> None:
        self.events = 0
        self.told: Usage | None = None
        self.is_final = False

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Return the event as it is."""
        self.events += 1
        if _TELLS_TOKENS in event.data:
            chunk = _chunk_of(event)
            told = None if chunk is None else read_told(chunk)
            if chunk is not None and told is not None:
                self.told = told
                self.is_final = chunk.get("choices") == []
        return (event,)


class _Bookkeeper(StreamTransform):
    """Takes out what the caller did not ask for, and notes at the end what the stream took.

    Args:
        call: The call.
        reader: Has read the stream.
    """

    def __init__(self, call: Call, reader: _Reader) -> None:
        self._call = call
        self._reader = reader
        self._before = call.record.usage
        asked = call.state.get(_STATE)
        self._asked = asked if isinstance(asked, _Asked) else None
        self._hides = self._asked is not None and self._asked.hides_usage

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Return the event, without the number of tokens if that is only for the gateway."""
        if not self._hides or _TELLS_TOKENS not in event.data:
            return (event,)
        chunk = _chunk_of(event)
        if chunk is None or chunk.get("choices") != []:  # some servers tell it in every chunk, asked or not
            return (event,)
        if chunk.keys() <= _FRAME:
            return ()
        return (StreamEvent(orjson.dumps({name: chunk[name] for name in chunk if name != "usage"})),)

    def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
        """Note what the stream took: what it told, or an estimate if nobody else has made one."""
        record, told = self._call.record, self._reader.told
        if told is None:
            if record.usage is not self._before or self._asked is None:
                return ()
            told = self._estimate(self._asked.request)
        elif outcome.kind != "complete" and not self._reader.is_final:
            told = replace(told, is_estimated=True)
        meter = self._call.action.meter
        if meter is not None:
            told = replace(told, cost_nano_usd=meter.price(self._call, told, record.model))
        record.add_usage(told)
        return ()

    def _estimate(self, request: UpstreamRequest) -> Usage:
        meter = self._call.action.meter
        sent = 0 if meter is None else meter.estimate(self._call, request).input_tokens
        return Usage(input_tokens=sent, output_tokens=self._reader.events, is_estimated=True)


def _chunk_of(event: StreamEvent) -> JsonObject | None:
    """Return the chunk that an event holds, or None: whether it is sound is judged elsewhere."""
    try:
        return event.json
    except HooklineError:
        return None
