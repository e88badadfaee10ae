"""Turning the upstream's answer into the caller's: whole or streamed, through either door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from hookline.action import JoiningPresenter
from hookline.engine.answer_reading import read_answer
from hookline.engine.error_judging import check_success, has_rules_for_success
from hookline.engine.large_answers import UnreadAnswer, UnreadResponse, told_apart
from hookline.engine.order import Answer, PreparedCall, make_answer
from hookline.engine.outgoing import EVENT_STREAM, JSON
from hookline.engine.paging import with_next_page
from hookline.engine.relay import OpenTransforms, Relay
from hookline.engine.sse import encode_event
from hookline.errors import HooklineError, InvalidUpstreamAnswerError
from hookline.upstream import ErrorAnswer, Response, UpstreamResponse

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.engine.attempts import Attempts
    from hookline.settings import LimitSettings
    from hookline.streaming import StreamEvent

_FRAMING_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "transfer-encoding"}
)

Headers = list[tuple[str, str]]
Process = Callable[["Call", Response], None]


class UnwritableChangeError(Exception):
    """A plugin changed more of an answer than the service's own format can say."""


class AnswerMaker:
    """Makes answers.

    Args:
        limits: Bounds on the upstream's answer.
        process: Runs the plugins that change answers; None when there are none.
        open_transforms: Asks the plugins that look at streams; None when there are none.
    """

    def __init__(
        self, limits: LimitSettings, *, process: Process | None, open_transforms: OpenTransforms | None
    ) -> None:
        self._limits = limits
        self._process = process
        self._open_transforms = open_transforms

    def make(self, prepared: PreparedCall, attempts: Attempts, response: UpstreamResponse) -> Answer:
        """Return the answer for a successful response.

        Raises:
            InvalidUpstreamAnswerError: If the response is not what the action promises.
            UnwritableChangeError: If a plugin's change cannot be sent.
        """
        if response.content_type != EVENT_STREAM:
            return self._read_whole(prepared, response)
        if prepared.call.is_stream:
            return self._stream(prepared, attempts, response)
        if attempts.request.is_stream:
            return self._collect(prepared, attempts, response)
        response.close()
        raise InvalidUpstreamAnswerError("The service sent a stream, which was not asked for.")

    def _read_whole(self, prepared: PreparedCall, response: UpstreamResponse) -> Answer:
        call, action = prepared.call, prepared.call.action
        # What code has returned is there, and is answered however late it is.
        waits = call if action.code is None else None
        content = response.read(max_bytes=self._limits.max_answer_bytes, call=waits)
        is_judged = has_rules_for_success(action)
        told = None if is_judged else told_apart(prepared, response, content)
        if told is not None:
            unread = UnreadAnswer(told, lambda: read_answer(action, response, content))
            return self._whole(prepared, response, unread, content)
        raw = read_answer(action, response, content)
        if is_judged and not response.is_output:
            answer = ErrorAnswer(status=response.status, headers=tuple(response.headers), content=content)
            check_success(action, answer, raw)
        return self._whole(prepared, response, raw, content)

    def _whole(
        self, prepared: PreparedCall, response: UpstreamResponse, raw: object, content: bytes | None
    ) -> Answer:
        call, endpoint = prepared.call, prepared.endpoint
        headers = returned_headers(call, response.headers)
        is_output = content is not None and response.is_output
        if content is not None and not is_output:  # what was put together from a stream was measured there
            prepared.settlement.measure(raw.told if isinstance(raw, UnreadAnswer) else raw)
        if endpoint is None:
            output = call.action.present(call, raw) if not is_output else _as_output(raw)
            if call.action.paging is not None and not is_output:
                output = with_next_page(call, output, raw, response.headers)
            output = self._processed(call, output, raw, headers)
            return _reply(call, _with_warnings(call, output), headers)
        changed = self._processed_on_the_wire(call, raw, headers)
        if endpoint.present is not None:
            return _reply(call, endpoint.present(call, changed), headers)
        if changed is not raw or content is None:
            return _reply(call, changed, headers)
        headers += call.record.reply_headers()
        headers.append(("content-type", response.header("content-type") or JSON))
        return make_answer(status=response.status, headers=headers, content=content)

    def _stream(self, prepared: PreparedCall, attempts: Attempts, response: UpstreamResponse) -> Answer:
        call = prepared.call
        is_wire = prepared.endpoint is not None
        relay = Relay(
            attempts,
            response,
            accept=_accept,
            open_transforms=self._open_transforms,
            presents=not is_wire,
            render=_render_events if is_wire else _render_pieces,
            end=_end_mark if is_wire else self._output_event,
            settlement=prepared.settlement,
            max_event_bytes=self._limits.max_event_bytes,
        )
        call.record.status = response.status
        headers = returned_headers(call, response.headers)
        headers += call.record.reply_headers()
        headers.append(("content-type", f"{EVENT_STREAM}; charset=utf-8"))
        return Answer(status=response.status, headers=headers, content=relay)

    def _collect(self, prepared: PreparedCall, attempts: Attempts, response: UpstreamResponse) -> Answer:
        """Return a whole answer, put together from a stream that only the gateway asked for."""
        relay = Relay(
            attempts,
            response,
            accept=_accept,
            open_transforms=self._open_transforms,
            presents=True,
            render=_render_nothing,
            end=_render_nothing,
            settlement=prepared.settlement,
            keeps_partial=True,
            max_event_bytes=self._limits.max_event_bytes,
        )
        try:
            for _ in relay:
                pass
            if relay.is_replaced:
                return self._read_whole(prepared, relay.response)
        finally:
            relay.close()
        presenter = relay.presenter
        if not isinstance(presenter, JoiningPresenter):
            raise InvalidUpstreamAnswerError("The service's stream cannot be put together to one answer.")
        raw = presenter.answer(is_partial=relay.is_incomplete)
        return self._whole(prepared, relay.response, raw, None)

    def _output_event(self, relay: Relay) -> bytes:
        call = relay.call
        assert relay.presenter is not None  # the relay was told to present
        output = _with_warnings(call, self._processed(call, relay.presenter.finish(), None, []))
        return encode_event(orjson.dumps({"type": "output", "output": output}))

    def _processed(self, call: Call, output: JsonObject, raw: object, headers: Headers) -> JsonObject:
        if self._process is None:
            return output
        response = Response(output=output, raw=raw)
        self._process(call, response)
        output = response.output
        if not isinstance(output, dict):
            raise UnwritableChangeError
        if response.headers:
            _add_headers(headers, response)
        return output

    def _processed_on_the_wire(self, call: Call, raw: object, headers: Headers) -> object:
        """Return the service's JSON with what plugins changed in the action's output written back into it.

        What nobody changed is the very object that was handed in.
        """
        if self._process is None:
            return raw
        present, restore = call.action.present, call.action.restore
        if isinstance(raw, UnreadAnswer):
            unread = raw
            response: Response = UnreadResponse(unread, output=lambda: present(call, unread.read()))
        else:
            response = Response(output=lambda: present(call, raw), raw=raw)
        self._process(call, response)
        if response.headers:
            _add_headers(headers, response)
        try:
            if not response.is_changed:
                return raw
            before = raw.read() if isinstance(raw, UnreadAnswer) else raw
            restored = before if restore is None else restore(before, response.output)
            is_same = orjson.dumps(present(call, restored)) == orjson.dumps(response.output)
        except (HooklineError, TypeError) as exc:
            raise UnwritableChangeError from exc
        if not is_same:
            raise UnwritableChangeError
        return restored


def returned_headers(call: Call, headers: Headers) -> Headers:
    """Return those of the upstream's headers that are passed on, and that can stand in an answer."""
    returns = call.action.connector.returns
    returned = [(name, value) for name, value in headers if returns[name]]
    values = "".join([value for _, value in returned])
    if values.isascii() and values.isprintable():
        return returned
    return [header for header in returned if header[1].isascii() and header[1].isprintable()]


def _add_headers(headers: Headers, response: Response) -> None:
    """Add the headers that plugins set, but for those that say how the body is sent."""
    for name, value in response.headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UnwritableChangeError
        if name.lower() not in _FRAMING_HEADERS:
            headers.append((name.lower(), value))


def _with_warnings(call: Call, output: JsonObject) -> JsonObject:
    if "warnings" not in output:
        output["warnings"] = warnings = []
        for warning in call.record.warnings:
            warnings.append({"code": warning.code, "message": warning.message})
    return output


def _reply(call: Call, output: object, headers: Headers) -> Answer:
    headers += call.record.reply_headers()
    headers.append(("content-type", JSON))
    try:
        content = orjson.dumps(output)
    except TypeError as exc:
        raise UnwritableChangeError from exc
    return make_answer(status=200, headers=headers, content=content)


def _as_output(raw: object) -> JsonObject:
    if not isinstance(raw, dict):
        raise InvalidUpstreamAnswerError("What was answered as the action's output is no JSON object.")
    return raw


def _accept(response: UpstreamResponse) -> UpstreamResponse:
    if response.content_type != EVENT_STREAM:
        response.close()
        raise InvalidUpstreamAnswerError("The service sent one whole answer where a stream was to go on.")
    return response


def _render_events(events: list[StreamEvent]) -> bytes:
    return b"".join([event.raw for event in events])


def _render_pieces(events: list[StreamEvent]) -> bytes:
    return b"".join([encode_event(orjson.dumps(piece)) for event in events for piece in event.pieces])


def _render_nothing(_: object) -> bytes:
    return b""


def _end_mark(relay: Relay) -> bytes:
    return relay.end_mark
