"""A small service, an upstream that is a function, and a gateway between the two."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hookline import (
    Call,
    Connector,
    Decision,
    InboundRequest,
    Principal,
    Secret,
    Usage,
    WireEndpoint,
    hookimpl,
)
from hookline.clock import SYSTEM_CLOCK
from hookline.errors import InvalidUpstreamAnswerError
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.problems import ProblemFormat
from hookline.settings import Settings
from hookline.upstream import UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hookline.action import JsonObject
    from hookline.call import Cancellation
    from hookline.clock import Clock
    from hookline.engine.transport import Timeouts
    from hookline.metering import Meter
    from hookline.principal import Caps

BASE_URL = "https://api.acme.example/v1"
ORIGIN = "https://api.acme.example:443"
CALLER = Principal(key_id="caller", scopes=frozenset({"actions:run", "catalog:read"}))
TEXT: JsonObject = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "times": {"type": "integer", "minimum": 1},
        "stream": {"type": "boolean"},
    },
    "required": ["text"],
    "additionalProperties": False,
}
WIRE = WireEndpoint(action="acme.say", format=ProblemFormat())


class SayPresenter:
    """Presents a stream of texts."""

    def __init__(self, call: Call) -> None:
        self._texts: list[str] = []

    def feed(self, event: JsonObject) -> Iterable[JsonObject]:
        self._texts.append(str(event["text"]))
        yield {"type": "text", "text": event["text"]}

    def finish(self) -> JsonObject:
        return {"text": "".join(self._texts)}

    def answer(self, *, is_partial: bool = False) -> JsonObject:
        if is_partial and not self._texts:
            raise InvalidUpstreamAnswerError("Nothing has arrived.")
        return {"text": "".join(self._texts), **({"incomplete": True} if is_partial else {})}

    def adapt(self, event: JsonObject) -> JsonObject | None:
        return None if event["text"] == "again" else {**event, "joined": True}


class LetterMeter:
    """Counts letters as tokens, at one nano-dollar for each of the text and ten for each of an answer."""

    def model(self, request: UpstreamRequest) -> str | None:
        return "small"

    def estimate(self, call: Call, request: UpstreamRequest) -> Usage:
        text = str((request.body or {}).get("text", ""))
        return Usage(input_tokens=len(text), output_tokens=100, cost_nano_usd=len(text) + 1000)

    def read(self, call: Call, answer: object) -> Usage | None:
        told = answer.get("took") if isinstance(answer, dict) else None
        return Usage(input_tokens=told[0], output_tokens=told[1]) if isinstance(told, list) else None

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        return usage.input_tokens + 10 * usage.output_tokens if model == "small" else None

    def bound(self, call: Call, request: UpstreamRequest, caps: Caps) -> None:
        return None


def make_connector(
    *,
    stream: Callable[[Call], SayPresenter] = SayPresenter,
    stream_end: bytes | None = b"[DONE]",
    meter: Meter | None = None,
) -> Connector:
    """Return the service: ``acme.say`` repeats a text, ``acme.look`` is a GET."""

    def present(call: Call, raw: object) -> JsonObject:
        return {"text": raw["text"]} if isinstance(raw, dict) else {}

    def restore(raw: object, output: JsonObject) -> object:
        return {**raw, "text": output["text"]} if isinstance(raw, dict) else raw

    connector = Connector(
        "acme",
        title="Acme",
        base_url=BASE_URL,
        environment={"api_key": "ACME_API_KEY"},
        forward_headers=["X-Organization"],
        return_headers=["x-request-id", "retry-after", "x-ratelimit-*"],
    )
    connector.endpoint(
        "say",
        "POST",
        "/say",
        input=TEXT,
        output={"type": "object"},
        request=TEXT,
        present=present,
        restore=restore,
        stream=stream,
        stream_end=stream_end,
        meter=meter,
    )
    connector.endpoint(
        "look", "GET", "/things/{id}", input={"type": "object"}, output={"type": "object"}, read_only=True
    )
    return connector


class Body:
    """Chunks of an answer; tells how often it was closed, and whether it was read to its end."""

    def __init__(self, chunks: Iterable[bytes | Exception]) -> None:
        self._chunks = iter(chunks)
        self.closed = 0
        self.is_read = False
        self._was_closed = threading.Event()

    def chunks(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk
        self.is_read = True

    def close(self) -> None:
        self.closed += 1
        self._was_closed.set()

    def is_closed_soon(self) -> bool:
        """Wait for the close, which another thread does after the caller was told of the end."""
        return self._was_closed.wait(5)

    def response(
        self, *, status: int = 200, content_type: str = "application/json", **headers: str
    ) -> UpstreamResponse:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return UpstreamResponse(
            status=status,
            headers=[("content-type", content_type), *named],
            chunks=self.chunks(),
            close=self.close,
        )


def whole(value: object, **more: object) -> UpstreamResponse:
    """Return an answer that is one JSON value, or the bytes given."""
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return Body([content]).response(**more)  # type: ignore[arg-type]  # status and headers


def streamed(body: Body) -> UpstreamResponse:
    """Return an answer that is a stream of events."""
    return body.response(content_type="text/event-stream")


def event(text: str) -> bytes:
    """Return one event of the service's stream."""
    return b"data: " + orjson.dumps({"text": text}) + b"\n\n"


DONE = b"data: [DONE]\n\n"


@dataclass
class Upstream:
    """A transport that asks a function and remembers what was sent."""

    answer: Callable[[UpstreamRequest], UpstreamResponse] = lambda request: whole({"text": "hello"})
    sent: list[UpstreamRequest] = field(default_factory=list)
    is_closed: bool = False

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        self.sent.append(request)
        return self.answer(request)

    def close(self) -> None:
        self.is_closed = True


class Acme:
    """The plugin of the service."""

    def __init__(self, connector: Connector | None = None) -> None:
        self.connector = connector or make_connector()


class Allow:
    """Lets everybody in."""

    @hookimpl(trylast=True)
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        return CALLER

    @hookimpl
    def hookline_authorize(self) -> Decision:
        return Decision(allow=True)


class Sign:
    """Puts a secret on requests."""

    def __init__(self, value: str = "sk-secret", *, origins: Iterable[str] = (ORIGIN,)) -> None:
        self.secret = Secret(value, allowed_origins=frozenset(origins))

    @hookimpl(trylast=True)
    def hookline_resolve_credential(self) -> Secret:
        return self.secret

    @hookimpl(trylast=True)
    def hookline_apply_upstream_auth(self, request: UpstreamRequest, secret: Secret) -> bool:
        request.headers["authorization"] = "Bearer " + secret.reveal()
        return True


def make_gateway(
    *plugins: object,
    answer: Callable[[UpstreamRequest], UpstreamResponse] | None = None,
    upstream: Upstream | None = None,
    settings: Settings | None = None,
    service: Acme | None = None,
    open_to_all: bool = True,
    clock: Clock = SYSTEM_CLOCK,
    environ: Mapping[str, str] | None = None,
) -> Gateway:
    """Return a gateway with the small service and the plugins given, in this order."""
    host = PluginHost()
    host.register(service or Acme(), name="acme")
    if open_to_all:
        host.register(Allow(), name="allow")
    for number, plugin in enumerate(plugins, start=1):
        host.register(plugin, name=f"plugin{number}")
    upstream = upstream or (Upstream(answer) if answer else Upstream())
    return Gateway(settings or Settings(), host=host, transport=upstream, environ=environ or {}, clock=clock)


def say(text: object = "hi", **fields: object) -> Order:
    """Return an order for ``acme.say`` at the action door."""
    return Order(action_id="acme.say", fields={"text": text, **fields}, call_id="call_1")


def say_on_the_wire(content: bytes = b'{"text": "hi"}', *, endpoint: WireEndpoint = WIRE) -> Order:
    """Return an order for ``acme.say`` at the wire door."""
    fields = orjson.loads(content)
    return Order(action_id="acme.say", fields=fields, content=content, endpoint=endpoint, call_id="call_1")
