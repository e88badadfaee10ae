"""What a stream took: asked for where the caller did not ask, and kept from a caller who did not.

OpenAI tells the tokens of a stream in a last chunk of its own, and only if the request asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson

from hookline.errors import HooklineError
from hookline.streaming import StreamEvent, StreamTransform
from hookline_openai.stream_parts import Part, more_of, most_of
from hookline_openai.token_usage import read_told

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.streaming import StreamOutcome
    from hookline.upstream import UpstreamRequest, UpstreamResponse
    from hookline.usage import Usage

_STATE = "openai_stream"

# A text that speaks of it has the quotation marks escaped, so only a chunk that tells tokens holds this.
_TELLS_TOKENS = b'"prompt_tokens"'
_EVENT_STREAM = "text/event-stream"
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


@dataclass(kw_only=True, slots=True)
class _Asked:
    """What the streams of a call were asked with.

    Attributes:
        hides_usage: Whether the number of tokens is only for the gateway.
        parts: The answers that the stream which is read now is made of; the last may be the next one's.
    """

    hides_usage: bool
    parts: list[Part] = field(default_factory=list)


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
    call.state[_STATE] = _Asked(hides_usage=hides)


def _options_of(body: JsonObject) -> JsonObject | None:
    """Return the options of a stream; None if they are something that the service will refuse."""
    options = body.get("stream_options")
    return {} if options is None else options if isinstance(options, dict) else None


def _set_options(request: UpstreamRequest, body: JsonObject, options: JsonObject) -> None:
    rest = {name: value for name, value in body.items() if name != "stream_options"}
    request.body = {**rest, "stream_options": options} if options else rest
    request.content = None


def watch_attempt(
    call: Call, request: UpstreamRequest
) -> Generator[None, UpstreamResponse, UpstreamResponse]:
    """Note an attempt that a service answers well, and when it began; of others the core takes care."""
    end_part(call)
    began_at = call.clock.monotonic()
    response = yield
    if 200 <= response.status < 300:
        begin_part(call, request, began_at=began_at, is_stream=response.content_type == _EVENT_STREAM)
    return response


def begin_part(call: Call, request: UpstreamRequest, *, began_at: float, is_stream: bool = True) -> None:
    """Note that an attempt was answered well.

    Args:
        call: The call.
        request: What was sent.
        began_at: Value of ``clock.monotonic()`` when that was.
        is_stream: Whether the answer is a stream, as was asked for.
    """
    asked = call.state.get(_STATE)
    if isinstance(asked, _Asked):
        plain = replace(request, headers={}, content=None)
        asked.parts.append(Part(request=plain, since=began_at, is_stream=is_stream))


def end_part(call: Call) -> None:
    """Note that the last attempt has failed or its stream broke, unless that is known."""
    asked = call.state.get(_STATE)
    if isinstance(asked, _Asked) and asked.parts and asked.parts[-1].ended_at is None:
        asked.parts[-1].ended_at = call.clock.monotonic()


def with_usage(call: Call, transforms: list[StreamTransform]) -> list[StreamTransform]:
    """Return the transforms of a stream with ours around them.

    The first sees the tokens before anybody can hold the chunk back or end the stream. The last takes the
    chunk out, so that all others have seen it, and is the last to hear of the end.
    """
    asked = call.state.get(_STATE)
    if not isinstance(asked, _Asked):
        return transforms
    # Those of a stream before this one are booked.
    asked.parts = asked.parts[-1:]
    reader = _Reader(call, asked.parts)
    return [reader, *transforms, _Bookkeeper(call, reader, hides_usage=asked.hides_usage)]


class _Reader(StreamTransform):
    """Reads what a stream says, and what it says that it took; the last word counts.

    Args:
        call: The call.
        parts: Of what the stream is made; it grows when the stream is continued.

    Attributes:
        parts: The same.
        told: What the stream said that it took: all of its parts that did say.
    """

    may_wait = False

    def __init__(self, call: Call, parts: list[Part]) -> None:
        self._clock = call.clock
        self.parts = parts
        self.told: Usage | None = None

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Return the event as it is."""
        part, chunk = self.parts[-1], _chunk_of(event)
        part.read(chunk)
        if chunk is not None and _TELLS_TOKENS in event.data:
            told = read_told(chunk)
            if told is not None:
                self.told = told
                before = sum(earlier.told_output for earlier in self.parts[:-1])  # a joined stream adds it
                part.tell(
                    max(0, told.output_tokens - before),
                    at=self._clock.monotonic(),
                    is_final=chunk.get("choices") == [],
                )
        return (event,)


class _Bookkeeper(StreamTransform):
    """Takes out what the caller did not ask for, and notes at the end what the stream took.

    Args:
        call: The call.
        reader: Has read the stream.
        hides_usage: Whether the caller did not ask for the number of tokens.
    """

    may_wait = False

    def __init__(self, call: Call, reader: _Reader, *, hides_usage: bool) -> None:
        self._call = call
        self._reader = reader
        self._hides = hides_usage

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
        """Note what the stream took: what it told, and the most that its parts may have taken besides."""
        parts = self._reader.parts
        if outcome.kind == "restarted":  # the last one takes its place
            parts = parts[:-1]
        likely = most = said_bytes = 0
        is_estimated = False
        for number, part in enumerate(parts, start=1):
            if part.is_settled(is_complete=outcome.kind == "complete" and number == len(parts)):
                continue
            if part.has_told:
                is_estimated = True
                more_likely, more_most = more_of(self._call, part)
                likely, most = likely + more_likely, most + more_most
            elif part.is_stream:
                self._call.record.add_usage(most_of(self._call, part, repeated_bytes=said_bytes))
            said_bytes += part.text_bytes
        if self._reader.told is not None:
            self._book_told(self._reader.told, likely, most, is_estimated=is_estimated)
        return ()

    def _book_told(self, told: Usage, likely: int, most: int, *, is_estimated: bool) -> None:
        """Book what was told, and what was made after that."""
        record, meter, cost = self._call.record, self._call.action.meter, None
        if meter is not None:
            dearest = replace(told, output_tokens=told.output_tokens + most)
            cost = meter.price(self._call, dearest, record.model)
        record.add_usage(
            replace(
                told,
                output_tokens=told.output_tokens + likely,
                cost_nano_usd=cost,
                is_estimated=is_estimated,
            )
        )


def _chunk_of(event: StreamEvent) -> JsonObject | None:
    """Return the chunk that an event holds, or None: whether it is sound is judged elsewhere."""
    try:
        return event.json
    except HooklineError:
        return None
