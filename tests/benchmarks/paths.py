"""The pieces of the request path whose work is counted, and the empty route that they are compared with."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.empty import create_app
from tests.benchmarks.inside import DOORS, FixedTransport, make_caller, make_environ
from tests.benchmarks.layer import open_gateway
from tests.benchmarks.servers import API_KEY
from tests.benchmarks.upstream import STREAM_HEADERS, stream_events
from tests.benchmarks.ways import make_key
from tests.benchmarks.work import action_body, wire_body

from hookline import Principal
from hookline.call import Cancellation
from hookline.engine.http1 import Http1Transport
from hookline.engine.transport import Timeouts
from hookline.order import Order
from hookline.testing.clock import FakeClock
from hookline.upstream import UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from hookline.gateway import Gateway

REFERENCE = "empty-route"
NAMES = (REFERENCE, "wire-door", "action-door", "transport", "stream-event")
SLOWED = "wire-door-slowed"  # for the test of the counting: a tenth more work and a bit

_CALLS = 20
_EVENTS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedPath:
    """One path.

    Attributes:
        name: What figures call it.
        run: Goes along it once.
        repeats: How often it is run for one figure.
        parts: How many of what is counted one run holds: the events of a stream, or one call.
    """

    name: str
    run: Callable[[], object]
    repeats: int = _CALLS
    parts: int = 1


class _FixedAnswers(FixedTransport):
    """The fixed completion, or a long stream for who asks for one."""

    def __init__(self) -> None:
        self._events = stream_events(_EVENTS)

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        if b'"stream":true' not in (request.content or b""):
            return super().send(request, timeouts=timeouts, cancellation=cancellation)
        return UpstreamResponse(status=200, headers=list(STREAM_HEADERS), chunks=iter(self._events))


@contextlib.contextmanager
def open_paths(folder: Path, upstream_url: str) -> Iterator[dict[str, CountedPath]]:
    """Yield all paths by name.

    The two doors are those of a gateway with all bundled plugins: a key with two limits, a row of the ledger
    for each call, the five upstream plugins. Its clock stands still, so that nothing falls due.

    Args:
        folder: The gateway's state folder, empty.
        upstream_url: Where the fixed upstream runs.
    """
    key = make_key(folder)
    gateway = open_gateway(folder, transport=_FixedAnswers(), clock=FakeClock(datetime.now(UTC)))
    transport = Http1Transport()
    wire = make_caller(gateway, "wire", key=key)
    paths = [
        CountedPath(name=REFERENCE, run=_empty_route(), repeats=3 * _CALLS),
        CountedPath(name="wire-door", run=wire),
        CountedPath(name="action-door", run=make_caller(gateway, "action", key=key)),
        CountedPath(name="transport", run=_sending(transport, upstream_url)),
        CountedPath(name="stream-event", run=_streaming(gateway), repeats=1, parts=_EVENTS),
        CountedPath(name=SLOWED, run=_slowed(wire)),
    ]
    try:
        yield {path.name: path for path in paths}
    finally:
        transport.close()
        gateway.close()


def _empty_route() -> Callable[[], None]:
    application = create_app()
    path, body = DOORS["wire"]

    def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        return str  # the old way of writing, which nobody uses

    def call_once() -> None:
        b"".join(application.wsgi_app(make_environ(path, body, API_KEY), start_response))

    return call_once


def _sending(transport: Http1Transport, url: str) -> Callable[[], None]:
    """Return one request over a connection that is open, and the reading of its answer."""
    request = UpstreamRequest(
        method="POST",
        base_url=f"{url}/v1",
        path="/chat/completions",
        headers={"content-type": "application/json", "authorization": "Bearer benchmark-credential"},
        content=wire_body(),
    )
    timeouts = Timeouts(connect_s=5.0, read_s=60.0)

    def send_once() -> None:
        transport.send(request, timeouts=timeouts, cancellation=Cancellation()).read(max_bytes=1 << 20)

    return send_once


def _streaming(gateway: Gateway) -> Callable[[], None]:
    """Return one whole stream of the action door, on this thread and without the pump."""
    caller = Principal(key_id="benchmark", scopes=frozenset({"actions:run"}))
    fields = json.loads(action_body(stream=True))

    def stream_once() -> None:
        order = Order(action_id="openai.chat", fields=dict(fields))
        answer = gateway.pipeline.perform(gateway.pipeline.prepare(caller, order))
        events = sum(1 for _ in answer.content)
        if events < _EVENTS:
            raise RuntimeError(f"{events} of {_EVENTS} events came")

    return stream_once


def _slowed(run: Callable[[], object]) -> Callable[[], None]:
    """Return a path with needless reading of JSON in it."""
    body = json.dumps(list(range(98)))

    def run_slowly() -> None:
        run()
        json.loads(body)

    return run_slowly
