"""What a failed call held is freed with it, not when the garbage collector comes by."""

from __future__ import annotations

import contextlib
import gc
import weakref

from hookline import Attempt, RetryDecision, hookimpl
from hookline.errors import InvalidInputError, raise_from
from small_service import CALLER, Upstream, make_gateway, say, whole


class Big(dict[str, object]):
    """A body that can be watched."""


def test_the_fields_of_a_refused_order_are_freed_at_once() -> None:
    gateway = make_gateway()
    order = say()
    fields = Big(order.fields, no_such_field=1)
    seen = weakref.ref(fields)
    gc.disable()
    try:
        reply = gateway.runner.run(CALLER, type(order)(action_id=order.action_id, fields=fields))
        del fields
        assert reply.status == 422
        assert seen() is None
    finally:
        gc.enable()


def test_the_fields_of_a_call_that_a_plugin_gave_up_are_freed_at_once() -> None:
    class GivesUp:
        @hookimpl
        def hookline_retry(self, attempt: Attempt) -> RetryDecision:
            return RetryDecision(again=False, error=attempt.error)

    gateway = make_gateway(GivesUp(), upstream=Upstream(lambda request: whole({}, status=503)))
    order = say()
    fields = Big(order.fields)
    seen = weakref.ref(fields)
    gc.disable()
    try:
        reply = gateway.runner.run(CALLER, type(order)(action_id=order.action_id, fields=fields))
        del fields
        assert reply.status == 502
        assert seen() is None
    finally:
        gc.enable()


def test_an_error_that_is_raised_as_its_own_cause_is_freed_at_once() -> None:
    class WatchedError(InvalidInputError):
        """Can be watched."""

    seen: list[weakref.ref[WatchedError]] = []

    def fail() -> None:
        error = WatchedError("something")
        seen.append(weakref.ref(error))
        try:
            raise_from(error, error)
        finally:
            del error

    gc.disable()
    try:
        with contextlib.suppress(WatchedError):
            fail()
        assert seen[0]() is None
    finally:
        gc.enable()
