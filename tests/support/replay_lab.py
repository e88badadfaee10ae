"""A gateway with the plugin `idempotency` over the small service, and requests that come again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from fake_clock import FakeClock
from hookline.call import new_call_id
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.upstream import UpstreamRequest, UpstreamResponse
from hookline_idempotency import IdempotencyPlugin
from small_service import CALLER, Acme, Allow, Upstream, say, say_on_the_wire, whole

if TYPE_CHECKING:
    from hookline.order import Order
    from hookline.principal import Principal
    from hookline.routes import Reply

Answer = Callable[[UpstreamRequest], UpstreamResponse]


class ReplayLab:
    """A gateway, its upstream, and short ways to ask.

    Args:
        answer: What the service answers; by default how often it was asked.
        clock: What time it is.
        database_url: Where replies are kept; in memory by default.
        plugins: Further ones, by name.
        options: Of the plugin.
    """

    def __init__(
        self,
        answer: Answer | None = None,
        *,
        clock: FakeClock | None = None,
        database_url: str | None = None,
        plugins: Mapping[str, object] | None = None,
        upstream: Upstream | None = None,
        settings: Mapping[str, object] | None = None,
        **options: Any,
    ) -> None:
        self.clock = clock or FakeClock()
        self.upstream = upstream or Upstream(answer or self._count)
        self.plugin = IdempotencyPlugin()
        host = PluginHost()
        host.register(Acme(), name="acme")
        host.register(Allow(), name="allow")
        for name, plugin in (plugins or {}).items():
            host.register(plugin, name=name)
        host.register(self.plugin, name="idempotency")
        values = {
            "database_url": database_url,
            "content_key": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
            **(settings or {}),
        }
        values["plugins"] = {"idempotency": options, **dict(values.get("plugins") or {})}  # type: ignore[call-overload]  # a table
        found = Settings.model_validate(values)
        self.gateway = Gateway(found, host=host, transport=self.upstream, environ={}, clock=self.clock)

    @property
    def sent(self) -> int:
        """How often the service was asked."""
        return len(self.upstream.sent)

    def _count(self, request: UpstreamRequest) -> UpstreamResponse:
        return whole({"text": f"answer {self.sent}"})

    def ask(
        self,
        key: str | None = "key-1",
        text: object = "hi",
        *,
        caller: Principal = CALLER,
        is_wire: bool = False,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Reply:
        """Return the reply to a request with a key."""
        order = say(text, **fields)
        if is_wire:
            order = say_on_the_wire(orjson.dumps({"text": text, **fields}))
        return self.run(order, key, caller=caller, headers=headers, query=query)

    def run(
        self,
        order: Order,
        key: str | None = "key-1",
        *,
        caller: Principal = CALLER,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """Return the reply to an order with a key."""
        named = dict(headers or {}) | ({} if key is None else {"idempotency-key": key})
        order = dataclasses.replace(order, headers=named, query=dict(query or {}), call_id=new_call_id())
        return self.gateway.runner.run(caller, order)

    def close(self) -> None:
        """Close the gateway."""
        self.gateway.close()


def header(reply: Reply, name: str) -> str | None:
    """Return a header of a reply."""
    return next((value for found, value in reply.headers if found == name), None)


def is_replayed(reply: Reply) -> bool:
    """Tell whether a reply says that it was given before."""
    return header(reply, "idempotent-replayed") == "true"


def body_of(reply: Reply) -> Any:
    """Return the JSON of a reply."""
    assert isinstance(reply.content, bytes)
    return orjson.loads(reply.content)


def code_of(reply: Reply) -> object:
    """Return the code of an error."""
    return body_of(reply)["error"]["code"]


def pieces_of(reply: Reply) -> Iterator[bytes]:
    """Return a stream's pieces."""
    assert not isinstance(reply.content, bytes)
    return reply.content
