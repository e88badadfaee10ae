"""Running an order to a reply: plain calls on the caller's thread, streams kept awake by a pump."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from hookline.engine.answers import returned_headers
from hookline.engine.line import LINE
from hookline.engine.settlement import client_gone
from hookline.errors import HooklineError, InvalidUpstreamAnswerError, PluginError
from hookline.failure_log import log_failure_of_code
from hookline.interrupts import is_ctrl_c
from hookline.problems import ProblemFormat
from hookline.routes import Reply, make_reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookline.call import Call
    from hookline.engine.order import Answer, PreparedCall
    from hookline.engine.pipeline import Pipeline
    from hookline.engine.pump import PumpPool
    from hookline.hook_calls import HookCall
    from hookline.order import Order
    from hookline.plugins import PluginHost
    from hookline.principal import Principal
    from hookline.routes import WireFormat

_log = logging.getLogger("hookline.calls")
_STREAM_HEADERS = [("cache-control", "no-store"), ("x-accel-buffering", "no")]


class Runner:
    """Runs orders.

    Args:
        pipeline: Runs calls.
        pumps: Runs streams on threads of their own.
        host: The plugins, some of which stand around orders.
    """

    def __init__(self, pipeline: Pipeline, pumps: PumpPool, host: PluginHost) -> None:
        self._pipeline = pipeline
        self._pumps = pumps
        self._host = host
        self._problems = ProblemFormat()

    def run(self, principal: Principal, order: Order) -> Reply:
        """Return the reply to a principal's order; errors are replies too."""
        return self._run_past(self._host.calls.each("hookline_run_order"), 0, principal, order)

    def _run_past(
        self, surrounding: Sequence[tuple[str, HookCall]], done: int, principal: Principal, order: Order
    ) -> Reply:
        """Run an order past the plugins that stand around orders, but for the outermost that had their turn.

        Args:
            surrounding: Name and hook of each of them, the outermost first.
            done: How many of them had their turn.
            principal: Who asks.
            order: What for.
        """
        try:
            for name, surround in surrounding[done:]:
                done += 1
                proceed = partial(self._run_past, surrounding, done, principal)
                reply = surround(principal=principal, order=order, proceed=proceed)
                if reply is None:
                    continue
                if isinstance(reply, Reply):
                    return reply
                raise PluginError(
                    f"hookline_run_order() of {name} returned something other than a Reply.", plugin=name
                )
            return self._call(principal, order)
        except BaseException as exc:
            if is_ctrl_c(exc):
                raise
            return self.refuse(order, self._host.to_error(exc))

    def refuse(self, order: Order, error: HooklineError) -> Reply:
        """Return the reply to an order that cannot be carried out."""
        log_failure(error, call_id=order.call_id)
        reply = self._shape_of(order).error_reply(error, call_id=order.call_id)
        if error.record is not None:
            _add_missing(reply, error.record.reply_headers())
        return reply

    def _shape_of(self, order: Order) -> WireFormat:
        return order.endpoint.format if order.endpoint else self._problems

    def _call(self, principal: Principal, order: Order) -> Reply:
        shape = self._shape_of(order)
        prepared: PreparedCall | None = None
        try:
            LINE.enter()
            prepared = self._pipeline.prepare(principal, order)
            if prepared.call.is_stream:
                return self._run_stream(prepared, shape)
            return _reply(self._pipeline.perform(prepared))
        except HooklineError as error:
            if prepared is not None:
                prepared.settlement.finish(error)
            reply = self.refuse(order, error)
            if prepared is not None and error.answer is not None:
                _add_missing(reply, returned_headers(prepared.call, list(error.answer.headers)))
            return reply
        finally:
            LINE.leave()

    def _run_stream(self, prepared: PreparedCall, shape: WireFormat) -> Reply:
        call = prepared.call
        has_place = LINE.hand_over()
        try:
            pump = self._pumps.start(
                lambda: self._open_stream(prepared, has_place),
                cancellation=call.cancellation,
                skip=lambda: self._skip_stream(prepared, has_place),
                time_left=call.remaining_s,
            )
        except BaseException:
            LINE.take_over(has_place)
            raise
        answer = pump.wait_until_open()
        pieces = pump.chunks(lambda error: self._error_event(call, error, shape))
        if answer is None:
            # The upstream is silent. Begin the answer, so that the client stays awake and its leaving is
            # noticed; what fails from here on is told inside the stream.
            headers = [("content-type", "text/event-stream; charset=utf-8"), *_STREAM_HEADERS]
            headers += call.record.reply_headers()
            return Reply(status=200, headers=headers, content=pieces)
        if isinstance(answer.content, bytes):
            return _reply(answer)
        return Reply(status=answer.status, headers=answer.headers + _STREAM_HEADERS, content=pieces)

    def _open_stream(self, prepared: PreparedCall, has_place: bool) -> Answer:
        LINE.take_over(has_place)
        try:
            return self._pipeline.perform(prepared)
        finally:
            LINE.leave()

    def _skip_stream(self, prepared: PreparedCall, has_place: bool) -> None:
        LINE.take_over(has_place)
        LINE.leave()
        prepared.settlement.finish(client_gone())

    def _error_event(self, call: Call, exc: BaseException, shape: WireFormat) -> bytes:
        error = exc if isinstance(exc, HooklineError) else self._pipeline.map_error(call, exc)
        log_failure(error, call_id=call.id)
        return shape.error_event(error, call_id=call.id)


def log_failure(error: HooklineError, *, call_id: str) -> None:
    """Log a failure that whoever runs the gateway should know of; the cause only for our own faults."""
    if error.status >= 500:
        cause = error.__cause__ if type(error).status == 500 else None
        if cause is None:
            _log.error("%s failed: %s %s", call_id, error.code, error.message)
        else:
            log_failure_of_code(_log, "%s failed: %s %s", call_id, error.code, error.message, exc=cause)


def _reply(answer: Answer) -> Reply:
    content: bytes | Iterator[bytes] = answer.content
    if not isinstance(content, bytes):
        raise InvalidUpstreamAnswerError("The service sent a stream, which was not asked for.")
    return make_reply(status=answer.status, headers=answer.headers, content=content)


def _add_missing(reply: Reply, headers: list[tuple[str, str]]) -> None:
    present = {name for name, _ in reply.headers}
    reply.headers += [(name, value) for name, value in headers if name not in present]
