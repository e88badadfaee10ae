"""A gateway over the OpenAI connector and an upstream that follows a script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

import hookline_openai
from fake_clock import FakeClock
from hookline import Call, Reply, UpstreamRequest, UpstreamResponse, WireEndpoint, hookimpl
from hookline.engine.sse import EventDecoder
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import LimitSettings, Settings
from hookline_openai.wire import OpenAIWire
from hookline_streams import StreamsPlugin
from small_service import CALLER, Allow, Body, Upstream, streamed

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.record import CallRecord

Chunks = Iterable[bytes | Exception]
Answer = Chunks | Callable[[UpstreamRequest], UpstreamResponse]

TOP: JsonObject = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
DONE = b"data: [DONE]\n\n"


def encode(chunk: object) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def delta(value: JsonObject, reason: str | None = None, *, index: int = 0, **top: object) -> bytes:
    return encode({**TOP, **top, "choices": [{"index": index, "delta": value, "finish_reason": reason}]})


def say(text: str, **more: object) -> bytes:
    return delta({"content": text}, **more)  # type: ignore[arg-type]  # members of the chunk


def usage(prompt: int, completion: int) -> bytes:
    total = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return encode({**TOP, "choices": [], "usage": total})


ROLE = delta({"role": "assistant", "content": "", "refusal": None})
END = delta({}, "stop")


def whole_stream(*texts: str) -> list[bytes]:
    return [ROLE, *map(say, texts), END, usage(7, 5), DONE]


@dataclass
class Watcher:
    """Remembers the calls that passed."""

    calls: list[Call] = field(default_factory=list)

    @hookimpl
    def hookline_shape_request(self, call: Call) -> None:
        self.calls.append(call)


@dataclass
class Result:
    """What a caller got."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> JsonObject:
        value: JsonObject = orjson.loads(self.content)
        return value

    @property
    def events(self) -> list[JsonObject]:
        decoder = EventDecoder()
        found = [event.data for event in decoder.feed(self.content)]
        assert not decoder.has_partial
        return [orjson.loads(data) for data in found if data not in (None, b"[DONE]")]

    @property
    def is_done(self) -> bool:
        """Whether the stream ended properly."""
        last = self.events[-1]
        return last.get("type") == "output" or self.content.endswith(DONE)

    @property
    def error(self) -> JsonObject:
        found = self.events[-1]["error"]
        assert isinstance(found, dict)
        return found

    @property
    def text(self) -> str:
        """The text of the first choice, at either door."""
        parts = []
        for event in self.events:
            if event.get("type") == "text":
                parts.append(event["text"])
            for choice in event.get("choices") or ():  # type: ignore[attr-defined]  # it is a list
                said = choice["delta"].get("content") if "delta" in choice else choice["text"]
                parts.append(said or "" if choice["index"] == 0 else "")
        return "".join(map(str, parts))


class Lab:
    """A gateway with the plugin, over an upstream that answers each attempt as its script says."""

    def __init__(
        self,
        *answers: Answer,
        plugins: Iterable[object] = (),
        limits: JsonObject | None = None,
        **options: Any,
    ) -> None:
        self.answers = list(answers)
        self.bodies: list[Body] = []
        self.clock = FakeClock()
        self.watcher = Watcher()
        self.upstream = Upstream(self._answer)
        host = PluginHost()
        host.register(Allow(), name="allow")
        host.register(hookline_openai, name="openai")
        host.register(StreamsPlugin(random=lambda: 0.0), name="streams")
        host.register(self.watcher, name="watcher")
        for number, plugin in enumerate(plugins):
            host.register(plugin, name=f"plugin{number}")
        settings = Settings(
            limits=LimitSettings.model_validate(limits or {}), plugins={"streams": options} if options else {}
        )
        self.gateway = Gateway(settings, host=host, transport=self.upstream, environ={}, clock=self.clock)

    def follow(self, *answers: Answer) -> Lab:
        """Begin anew, with another script."""
        self.answers = list(answers)
        self.bodies.clear()
        self.upstream.sent.clear()
        return self

    def _answer(self, request: UpstreamRequest) -> UpstreamResponse:
        answer = self.answers[min(len(self.upstream.sent), len(self.answers)) - 1]
        if callable(answer):
            return answer(request)
        body = Body(answer)
        self.bodies.append(body)
        return streamed(body)

    @property
    def attempts(self) -> int:
        return len(self.upstream.sent)

    @property
    def sent(self) -> list[JsonObject]:
        """The bodies of the requests as they went out."""
        return [orjson.loads(request.content or b"null") for request in self.upstream.sent]

    @property
    def record(self) -> CallRecord:
        return self.watcher.calls[-1].record

    @property
    def warnings(self) -> list[str]:
        return [warning.code for warning in self.record.warnings]

    def run(self, door: str = "wire", *, verb: str = "chat", **fields: object) -> Result:
        return read(self.start(door, verb=verb, **fields))

    def start(self, door: str = "wire", *, verb: str = "chat", **fields: object) -> Reply:
        return self.gateway.runner.run(CALLER, self.order(door, verb=verb, **fields))

    def order(self, door: str = "wire", *, verb: str = "chat", **fields: object) -> Order:
        body: JsonObject = {"model": "m", "stream": True}
        if verb == "complete":
            body["prompt"] = "Once"
        elif door == "action":
            body["prompt"] = "Hi"
        else:
            body["messages"] = [{"role": "user", "content": "Hi"}]
        if door == "wire" and fields.get("stream") is not False:  # the script tells tokens, asked or not
            body["stream_options"] = {"include_usage": True}
        body = {name: value for name, value in {**body, **fields}.items() if value is not None}
        endpoint = None
        if door == "wire":
            endpoint = WireEndpoint(action=f"openai.{verb}", format=OpenAIWire())
        return Order(
            action_id=f"openai.{verb}",
            fields=body,
            content=orjson.dumps(body) if endpoint else None,
            endpoint=endpoint,
            call_id="call_1",
        )


def read(reply: Reply) -> Result:
    content = reply.content if isinstance(reply.content, bytes) else b"".join(reply.content)
    return Result(status=reply.status, headers=dict(reply.headers), content=content)
