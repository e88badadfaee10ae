"""What a call held is freed with it, not when the garbage collector comes by."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hookline.errors import StreamInterruptedError
from hookline.upstream import UpstreamResponse
from scripted_server import eventually
from small_service import CALLER
from streams_lab import DONE, ROLE, Answer, Lab, read, say, whole_stream

if TYPE_CHECKING:
    from hookline import UpstreamRequest


def script(*events: bytes) -> Answer:
    """Return an upstream that breaks off unless its last event is the end; it keeps no error itself."""

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        def chunks() -> Iterator[bytes]:
            yield from events
            if events[-1] != DONE:
                raise StreamInterruptedError("The upstream broke the connection.")

        headers = [("content-type", "text/event-stream")]
        return UpstreamResponse(status=200, headers=headers, chunks=chunks())

    return answer


COMPLETE = [script(*whole_stream("Hello"))]
CONTINUED = [script(ROLE, say("Once")), script(*whole_stream(" upon"))]
RESTARTED = [script(ROLE), script(*whole_stream("Hello"))]
BROKEN = [script(ROLE, say("Once")), script(ROLE)]


class Big(dict[str, object]):
    """A body that can be watched."""


@pytest.mark.parametrize("door", ["action", "wire"])
@pytest.mark.parametrize("fields", [{}, {"stream": None}], ids=["stream", "internal"])
@pytest.mark.parametrize(
    "answers",
    [COMPLETE, CONTINUED, RESTARTED, BROKEN],
    ids=["complete", "continued", "restarted", "broken"],
)
def test_body_of_a_call_is_freed_when_its_stream_is_over(
    door: str, fields: dict[str, Any], answers: list[Answer]
) -> None:
    lab = Lab(*answers, internal=True, on_interrupt="continue")
    order = lab.order(door, **fields)
    body = Big(order.fields)
    seen = weakref.ref(body)
    gc.collect()
    gc.disable()
    try:
        read(lab.gateway.runner.run(CALLER, replace(order, fields=body)))
        del order, body
        lab.watcher.calls.clear()
        lab.upstream.sent.clear()
        eventually(lambda: seen() is None)
    finally:
        gc.enable()
