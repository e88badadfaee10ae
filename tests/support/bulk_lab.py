"""A gateway with the small service that runs several items, and what its replies say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from hookline import Order, UpstreamRequest, UpstreamResponse
from hookline_bulk import BulkPlugin
from small_service import CALLER, Acme, LetterMeter, Upstream, make_connector, make_gateway, whole

if TYPE_CHECKING:
    from hookline.gateway import Gateway
    from hookline.routes import Reply

Answer = Callable[[UpstreamRequest], UpstreamResponse]


def text_of(request: UpstreamRequest) -> str:
    return str((request.body or {})["text"])


def repeat(request: UpstreamRequest) -> UpstreamResponse:
    """Answer with the text, which took a token for each letter and one more."""
    text = text_of(request)
    if text == "refuse":
        return whole({"error": "no"}, status=400)
    if text == "break":
        return whole({"error": "down"}, status=503)
    if text == "broke":
        return whole({"error": "pay"}, status=402)
    return whole({"text": text, "took": [len(text), 1]})


class BulkLab:
    """A gateway whose service repeats texts.

    Args:
        plugins: Besides the plugin for items.
        answer: What the service does.
        upstream: The service, if it is more than a function.
        more: For `make_gateway`.
    """

    def __init__(
        self, *plugins: object, answer: Answer = repeat, upstream: Upstream | None = None, **more: Any
    ) -> None:
        self.upstream = upstream or Upstream(answer)
        connector = make_connector(meter=LetterMeter())
        self.gateway: Gateway = make_gateway(
            BulkPlugin(), *plugins, upstream=self.upstream, service=Acme(connector), **more
        )

    def run(self, items: object, **fields: Any) -> tuple[int, Any]:
        """Return status and body of the reply to a call with items."""
        return read(self.reply(items, **fields))

    def reply(self, items: object, *, action: str = "acme.say", order: Any = None, **fields: Any) -> Reply:
        """Return the reply to a call with items."""
        made = Order(action_id=action, fields={"items": items, **fields}, call_id="call_1", **(order or {}))
        return self.gateway.runner.run(CALLER, made)

    @property
    def asked(self) -> list[str]:
        """The texts that went to the service."""
        return [text_of(request) for request in self.upstream.sent]


def read(reply: Reply) -> tuple[int, Any]:
    assert isinstance(reply.content, bytes)
    return reply.status, orjson.loads(reply.content)


def statuses(body: Any) -> list[int]:
    return [item["status"] for item in body["items"]]
