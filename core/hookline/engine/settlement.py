"""What a call sets aside before it runs, and how it is booked afterwards: exactly once, whatever happens."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from hookline.errors import HooklineError, PluginError
from hookline.failure_log import log_failure_of_code
from hookline.metering import Reservation
from hookline.usage import Usage

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.hook_calls import HookCalls
    from hookline.upstream import UpstreamRequest

E = TypeVar("E", bound=HooklineError | None)

NOTHING = Usage(input_tokens=0, output_tokens=0, cost_nano_usd=0)
UNKNOWN = Usage(input_tokens=0, output_tokens=0, is_estimated=True)

_log = logging.getLogger("hookline.settlement")


class Settlement:
    """What one call has set aside.

    Args:
        call: The call.
        hooks: The plugins, some of which admit calls, settle them and take note of them.
    """

    def __init__(self, call: Call, hooks: HookCalls) -> None:
        self._call = call
        self._hooks = hooks
        self._lock = threading.Lock()
        self._is_over = False
        self._reservations: list[tuple[str, Reservation]] = []
        self._request: UpstreamRequest | None = None
        self._estimate: Usage | None = None
        self._lost = 0
        self._attempts_seen = 0

    def admit(self, request: UpstreamRequest) -> None:
        """Ask every plugin whether the call may run now.

        Raises:
            HooklineError: If one refuses; the call is then to be finished like any other.
        """
        call, meter = self._call, self._call.action.meter
        self._request = request
        if meter is not None:
            call.record.model = meter.model(request)
        admitting = self._hooks.each("hookline_admit")
        if not admitting:
            return
        estimate = self._estimate = estimate_of(call, request)
        for name, admit in admitting:
            reservation = admit(call=call, request=request, estimate=estimate)
            if reservation is None:
                continue
            if not isinstance(reservation, Reservation):
                raise PluginError(
                    f"hookline_admit() of {name} returned something other than a Reservation.", plugin=name
                )
            self._reservations.append((name, reservation))

    def measure(self, answer: object) -> None:
        """Note what a whole answer of the upstream says that it took."""
        call, meter = self._call, self._call.action.meter
        if meter is not None and not call.record.is_composed:
            usage = meter.read(call, answer)
            if usage is not None:
                self._attempts_seen = call.record.attempts
                call.record.add_usage(usage)

    def doubt(self) -> None:
        """Note that the last attempt may have been charged for although its answer does not say so.

        Each attempt counts once, and not at all if its answer was measured.
        """
        if self._call.record.attempts > self._attempts_seen:
            self._attempts_seen = self._call.record.attempts
            self._lost += 1

    def finish(self, error: E) -> E:
        """Settle and record, once; later calls do nothing.

        Args:
            error: What the call ended with; None if it ended well.

        Returns:
            What was handed in.
        """
        with self._lock:
            if self._is_over:
                return error
            self._is_over = True
        call, record = self._call, self._call.record
        record.ended_at = call.clock.monotonic()
        if error is not None:
            record.error_code = error.code
        if record.status is None:
            record.status = 200 if error is None else error.status
        recording = self._hooks.each("hookline_record_usage")
        usage = self._usage() if self._reservations or recording else None
        # The call is over: one plugin that fails may not keep others from knowing.
        if self._reservations:
            reservations, self._reservations = self._reservations, []
            settling = dict(self._hooks.each("hookline_settle"))
            for name, reservation in reservations:
                if name in settling:
                    try:
                        settling[name](call=call, reservation=reservation, usage=usage)
                    except Exception as exc:
                        self._note_failure(name, exc)
        for name, note in recording:
            try:
                note(call=call, usage=usage)
            except Exception as exc:
                self._note_failure(name, exc)
        return error

    def _usage(self) -> Usage | None:
        """Return what the call's own attempts took, with its cost where a price is known."""
        call, usage, meter = self._call, self._call.record.usage, self._call.action.meter
        if meter is None or self._request is None:
            return usage
        record, lost = call.record, self._lost
        if usage is None and not lost and record.attempts and record.error_code is None:
            lost = 0 if record.is_composed else 1  # it was answered, and the answer does not say
        try:
            if usage is not None and usage.cost_nano_usd is None:
                usage = usage.with_cost(meter.price(call, usage, record.model))
            if lost:
                estimate = self._estimate if self._estimate is not NOTHING else None
                most = replace(estimate or meter.estimate(call, self._request), is_estimated=True)
                for _ in range(lost):
                    usage = most if usage is None else usage + most
        except Exception as exc:
            log_failure_of_code(
                _log, "%s: what %s took could not be worked out", call.id, call.action.id, exc=exc
            )
        if usage is not None and call.connection.is_simulated:
            usage = usage.with_cost(0)
        return usage

    def _note_failure(self, plugin: str, exc: Exception) -> None:
        log_failure_of_code(
            _log, "%s: the plugin %r failed when the call was over", self._call.id, plugin, exc=exc
        )


def estimate_of(call: Call, request: UpstreamRequest) -> Usage:
    """Return the most that a request can take, as far as its action knows."""
    if call.record.is_composed:
        return NOTHING
    meter = call.action.meter
    usage = UNKNOWN if meter is None else meter.estimate(call, request)
    return usage.with_cost(0) if call.connection.is_simulated else usage


def client_gone() -> HooklineError:
    """Return what a call ended with whose client left; for the books only, nobody is told."""
    return HooklineError("The client left before the end of the answer.", code="client_gone", status=499)
