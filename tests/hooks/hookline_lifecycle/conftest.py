"""A gateway with the connector, the plugin, a clock that stands still, and an upstream that is a function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

import hookline_openai
import hookline_sandbox
from fake_clock import FakeClock
from hookline import Call, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_lifecycle import LifecyclePlugin
from small_service import Allow, Body, Upstream, whole

JsonObject = dict[str, Any]
Answer = Callable[[UpstreamRequest], UpstreamResponse]

CHAT: JsonObject = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "served",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


class Recorder:
    """Remembers what each attempt sends, whoever answers it."""

    def __init__(self) -> None:
        self.sent: list[UpstreamRequest] = []

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        self.sent.append(request)


@dataclass
class Served:
    """A gateway and what went through it."""

    gateway: Gateway
    client: Any
    clock: FakeClock
    recorder: Recorder = field(repr=False)

    @property
    def sent(self) -> list[tuple[str, Any]]:
        """Path and body of every upstream request, as it went out."""
        return [(one.path, json.loads(one.content or b"null")) for one in self.recorder.sent]

    def act(self, verb: str, **fields: object) -> Any:
        return self.client.post(f"/actions/openai.{verb}", json=fields)

    def wire(self, path: str, **fields: object) -> Any:
        return self.client.post(f"/v1{path}", json=fields)

    def chat(self, model: str, *, door: str = "wire", **fields: Any) -> Any:
        if door == "action":
            return self.act("chat", model=model, prompt="hi", **fields)
        return self.wire(
            "/chat/completions", model=model, messages=[{"role": "user", "content": "hi"}], **fields
        )


class Serve(Protocol):
    def __call__(
        self,
        answer: Answer | None = None,
        *,
        base_url: str | None = None,
        now: date | datetime = date(2026, 11, 22),
        sandbox: bool = False,
        models: JsonObject | None = None,
        plugins: tuple[object, ...] = (),
        **options: object,
    ) -> Served: ...


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Make gateways; they are closed at the end."""
    gateways: list[Gateway] = []

    def make(
        answer: Answer | None = None,
        *,
        base_url: str | None = None,
        now: date | datetime = date(2026, 11, 22),
        sandbox: bool = False,
        models: JsonObject | None = None,
        plugins: tuple[object, ...] = (),
        **options: object,
    ) -> Served:
        recorder = Recorder()
        host = PluginHost()
        host.register(Allow(), name="allow")
        host.register(hookline_openai, name="openai")
        host.register(hookline_sandbox, name="sandbox")
        host.register(recorder, name="recorder")
        host.register(LifecyclePlugin(), name="lifecycle")
        for number, plugin in enumerate(plugins, start=1):
            host.register(plugin, name=f"plugin{number}")
        account = {"base_url": base_url} if base_url else {}
        if models is not None:
            file = tmp_path / f"models{len(gateways)}.json"
            file.write_text(json.dumps(models))
            account["models_file"] = str(file)
        settings = Settings.model_validate(
            {"sandbox": sandbox, "connections": {"openai": account}, "plugins": {"lifecycle": options}}
        )
        moment = now if isinstance(now, datetime) else datetime(now.year, now.month, now.day, 12, tzinfo=UTC)
        clock = FakeClock(moment)
        upstream = Upstream(answer or (lambda request: whole(CHAT)))
        gateway = Gateway(settings, host=host, transport=upstream, environ={}, clock=clock)
        gateways.append(gateway)
        return Served(gateway, create_app(gateway).test_client(), clock, recorder)

    yield make
    for gateway in gateways:
        gateway.close()


@pytest.fixture
def chat_answer() -> JsonObject:
    """A whole chat answer; a copy that may be changed."""
    copy: JsonObject = json.loads(json.dumps(CHAT))
    return copy


@pytest.fixture
def stream_of() -> Callable[..., Body]:
    """Make the body of an event stream from the JSON of its events; bytes and exceptions stay as they are."""

    def make(*events: object) -> Body:
        return Body(
            [
                event
                if isinstance(event, (bytes, Exception))
                else b"data: " + json.dumps(event).encode() + b"\n\n"
                for event in events
            ]
        )

    return make
