"""A gateway over a scripted service that both chats and moderates, and counts what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import orjson
import pytest

import hookline_openai
from fake_clock import FakeClock
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_moderation import ModerationPlugin
from small_service import CALLER, DONE, Allow, Body, Upstream, streamed, whole

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.routes import Reply
    from hookline.upstream import UpstreamRequest, UpstreamResponse

CATEGORIES = ("harassment", "hate", "sexual", "violence")
PHRASES = {"forbidden": "violence", "two words": "hate", "rude": "harassment"}
WIRE_PATHS = {
    "openai.chat": "/v1/chat/completions",
    "openai.complete": "/v1/completions",
    "openai.edit": "/v1/edits",
    "openai.embed": "/v1/embeddings",
    "openai.moderate": "/v1/moderations",
}


def judge(text: str) -> JsonObject:
    """Return the result of one moderated text: flagged if it holds one of the phrases."""
    found = {category for phrase, category in PHRASES.items() if phrase in text}
    return {
        "flagged": bool(found),
        "categories": {name: name in found for name in CATEGORIES},
        "category_scores": {name: 0.9 if name in found else 0.01 for name in CATEGORIES},
    }


def moderate(body: JsonObject) -> JsonObject:
    """Answer a moderation request as the service does: parts get one result together."""
    given = cast("list[str | JsonObject]", body["input"])
    if all(isinstance(item, str) for item in given):
        results = [judge(str(item)) for item in given]
    else:
        results = [judge(orjson.dumps(given).decode())]
    return {"id": "modr-1", "model": "omni-moderation-2024-09-26", "results": results}


def completion(*texts: str, **message: object) -> JsonObject:
    """Return a whole chat answer with one choice per text."""
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text, "refusal": None, **message},
            "finish_reason": "stop",
            "logprobs": None,
        }
        for index, text in enumerate(texts or ("Fine.",))
    ]
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-test", "choices": choices}


def chunk(delta: JsonObject, *, index: int = 0, finish: str | None = None, **more: object) -> bytes:
    """Return one event of a streamed chat."""
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return b"data: " + orjson.dumps({"id": "chatcmpl-1", "model": "gpt-test", "choices": [choice]}) + b"\n\n"


def chunks(pieces: Iterable[str], *, index: int = 0, name: str = "content") -> list[bytes]:
    """Return the events of one streamed choice, its end included."""
    return [
        chunk({"role": "assistant", "content": ""}, index=index),
        *[chunk({name: piece}, index=index) for piece in pieces],
        chunk({}, index=index, finish="stop"),
    ]


def stream_of(events: Iterable[bytes | Exception]) -> UpstreamResponse:
    """Return a stream that ends properly."""
    return streamed(Body([*events, DONE]))


@dataclass
class World:
    """The gateway, and what its service was asked.

    Attributes:
        chat: Answers everything but moderation requests.
        moderation: Answers moderation requests.
        asked: Bodies of requests other than moderation requests.
        moderated: Bodies of moderation requests.
    """

    chat: Callable[[UpstreamRequest], UpstreamResponse]
    moderation: Callable[[JsonObject], object]
    options: JsonObject
    plugins: dict[str, object]
    clock: FakeClock = field(default_factory=FakeClock)
    asked: list[JsonObject] = field(default_factory=list)
    moderated: list[JsonObject] = field(default_factory=list)

    def __post_init__(self) -> None:
        host = PluginHost()
        host.register(hookline_openai, name="openai")
        host.register(Allow(), name="allow")
        for name, plugin in self.plugins.items():
            host.register(plugin, name=name)
        host.register(ModerationPlugin(), name="moderation")
        self.gateway = Gateway(
            Settings.model_validate({"plugins": {"moderation": self.options}}),
            host=host,
            transport=Upstream(self._answer),
            environ={},
            clock=self.clock,
        )

    def _answer(self, request: UpstreamRequest) -> UpstreamResponse:
        body = orjson.loads(request.content or b"{}")
        if request.path != "/moderations":
            self.asked.append(body)
            return self.chat(request)
        self.moderated.append(body)
        answer = self.moderation(body)
        return cast("UpstreamResponse", answer) if hasattr(answer, "chunks") else whole(answer)

    @property
    def texts(self) -> list[str]:
        """Every text that was sent to moderation, in order."""
        return [text for body in self.moderated for text in cast("list[str]", body["input"])]

    @property
    def chats(self) -> list[JsonObject]:
        """Every chat request."""
        return [body for body in self.asked if "messages" in body]

    def run(self, fields: JsonObject, *, action: str = "openai.chat", door: str = "action") -> Reply:
        if door == "action":
            order = Order(action_id=action, fields=dict(fields))
        else:
            endpoints = {route.path: route.endpoint for route in self.gateway.routes}
            content = orjson.dumps(fields)
            order = Order(
                action_id=action,
                fields=orjson.loads(content),
                content=content,
                endpoint=endpoints[WIRE_PATHS[action]],
            )
        return self.gateway.runner.run(CALLER, order)


class MakeWorld(Protocol):
    """Builds a world; keyword arguments are options of the plugin."""

    def __call__(
        self,
        chat: Callable[[UpstreamRequest], UpstreamResponse] | object = ...,
        *,
        moderation: Callable[[JsonObject], object] = ...,
        plugins: dict[str, object] | None = ...,
        **options: object,
    ) -> World: ...


@pytest.fixture
def make_world() -> Iterator[MakeWorld]:
    worlds: list[World] = []

    def make(
        chat: Callable[[UpstreamRequest], UpstreamResponse] | object = None,
        *,
        moderation: Callable[[JsonObject], object] = moderate,
        plugins: dict[str, object] | None = None,
        **options: object,
    ) -> World:
        answer = chat if callable(chat) else (lambda request: whole(chat or completion()))
        worlds.append(World(chat=answer, moderation=moderation, options=options, plugins=plugins or {}))
        return worlds[-1]

    yield make
    for world in worlds:
        world.gateway.close()


def question(text: object = "Hello", **fields: object) -> JsonObject:
    """Return a chat request that both doors take."""
    return {"model": "gpt-test", "messages": [{"role": "user", "content": text}], **fields}


def body_of(reply: Reply) -> JsonObject:
    """Return the JSON of a whole reply."""
    assert isinstance(reply.content, bytes)
    return cast("JsonObject", orjson.loads(reply.content))


def bytes_of(reply: Reply) -> bytes:
    """Return all bytes of a streamed reply."""
    return reply.content if isinstance(reply.content, bytes) else b"".join(reply.content)


def events_of(reply: Reply) -> list[JsonObject]:
    """Return the JSON events of a streamed reply."""
    lines = bytes_of(reply).split(b"\n\n")
    found = [line.partition(b"data: ")[2] for line in lines if b"data: " in line]
    return [orjson.loads(data) for data in found if data != b"[DONE]"]
