"""Turning the upstream's answer into the caller's: whole or streamed, through either door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from hookline.engine.order import Answer, PreparedCall
from hookline.engine.outgoing import EVENT_STREAM, JSON
from hookline.engine.relay import GuardedStream, pass_events, present_events, upstream_events
from hookline.errors import HooklineError, InvalidUpstreamAnswerError
from hookline.upstream import Response, UpstreamResponse

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connector import JsonObject
    from hookline.settings import LimitSettings

_WITHOUT_BODY = frozenset({204, 205})

_FRAMING_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "transfer-encoding"}
)

Headers = list[tuple[str, str]]
Process = Callable[["Call", Response], None]
MapError = Callable[["Call", BaseException], HooklineError]


class UnwritableChangeError(Exception):
    """A plugin changed more of an answer than the service's own format can say."""


class AnswerMaker:
    """Makes answers.

    Args:
        limits: Bounds on the upstream's answer.
        process: Runs the plugins that change answers; None when there are none.
        map_error: Makes the error that a caller is told.
    """

    def __init__(self, limits: LimitSettings, *, process: Process | None, map_error: MapError) -> None:
        self._limits = limits
        self._process = process
        self._map_error = map_error

    def make(self, prepared: PreparedCall, response: UpstreamResponse) -> Answer:
        """Return the answer for a successful response.

        Raises:
            InvalidUpstreamAnswerError: If the response is not what the action promises.
            UnwritableChangeError: If a plugin's change cannot be sent.
        """
        if response.content_type != EVENT_STREAM:
            return self._whole(prepared, response)
        if not prepared.call.is_stream:
            response.close()
            raise InvalidUpstreamAnswerError("The service sent a stream, which was not asked for.")
        return self._stream(prepared, response)

    def _whole(self, prepared: PreparedCall, response: UpstreamResponse) -> Answer:
        call, endpoint = prepared.call, prepared.endpoint
        content = response.read(max_bytes=self._limits.max_answer_bytes, deadline=call.deadline)
        raw = _parse(response, content)
        headers = returned_headers(call, response.headers)
        if endpoint is None:
            return _reply(self._processed(call, call.action.present(call, raw), raw, headers), headers)
        changed = self._processed_on_the_wire(call, raw, headers)
        if endpoint.present is not None:
            return _reply(endpoint.present(call, changed), headers)
        if changed is not raw:
            return _reply(changed, headers)
        headers.append(("content-type", response.header("content-type") or JSON))
        return Answer(status=response.status, headers=headers, content=content)

    def _stream(self, prepared: PreparedCall, response: UpstreamResponse) -> Answer:
        call, endpoint = prepared.call, prepared.endpoint
        headers = returned_headers(call, response.headers)
        headers.append(("content-type", f"{EVENT_STREAM}; charset=utf-8"))
        batches = upstream_events(call, response, max_event_bytes=self._limits.max_event_bytes)
        new_presenter = call.action.stream if endpoint is None else endpoint.stream
        if new_presenter is None:
            pieces = pass_events(batches)
        else:
            try:
                presenter = new_presenter(call)
            except BaseException:
                response.close()
                raise
            pieces = present_events(
                call, batches, presenter, process=lambda out: self._processed(call, out, None, [])
            )
        return Answer(
            status=response.status,
            headers=headers,
            content=GuardedStream(pieces, response, lambda exc: self._map_error(call, exc)),
        )

    def _processed(self, call: Call, output: JsonObject, raw: object, headers: Headers) -> JsonObject:
        if self._process is None:
            return output
        response = Response(output=output, raw=raw)
        self._process(call, response)
        if not isinstance(response.output, dict):
            raise UnwritableChangeError
        _add_headers(headers, response)
        return response.output

    def _processed_on_the_wire(self, call: Call, raw: object, headers: Headers) -> object:
        """Return the service's JSON with what plugins changed in the action's output written back into it."""
        if self._process is None:
            return raw
        present, restore = call.action.present, call.action.restore
        response = Response(output=lambda: present(call, raw), raw=raw)
        self._process(call, response)
        _add_headers(headers, response)
        if not response.is_changed:
            return raw
        try:
            restored = raw if restore is None else restore(raw, response.output)
            is_same = orjson.dumps(present(call, restored)) == orjson.dumps(response.output)
        except (HooklineError, TypeError) as exc:
            raise UnwritableChangeError from exc
        if not is_same:
            raise UnwritableChangeError
        return restored


def returned_headers(call: Call, headers: Headers) -> Headers:
    """Return those of the upstream's headers that are passed on, and that can stand in an answer."""
    returns = call.action.connector.returns_header
    return [
        (name, value) for name, value in headers if returns(name) and value.isascii() and value.isprintable()
    ]


def _add_headers(headers: Headers, response: Response) -> None:
    """Add the headers that plugins set, but for those that say how the body is sent."""
    for name, value in response.headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UnwritableChangeError
        if name.lower() not in _FRAMING_HEADERS:
            headers.append((name.lower(), value))


def _reply(output: object, headers: Headers) -> Answer:
    headers.append(("content-type", JSON))
    try:
        content = orjson.dumps(output)
    except TypeError as exc:
        raise UnwritableChangeError from exc
    return Answer(status=200, headers=headers, content=content)


def _parse(response: UpstreamResponse, content: bytes) -> object:
    if response.status in _WITHOUT_BODY:
        return None
    if not content.strip():
        raise InvalidUpstreamAnswerError(f"The service answered {response.status} with an empty body.")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        kind = response.content_type or "no content type"
        raise InvalidUpstreamAnswerError(
            f"The service answered {response.status} with something that is not complete JSON ({kind[:80]})."
        ) from exc
