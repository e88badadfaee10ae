"""The call's id on its way to the upstream."""

from __future__ import annotations

import hookline_request_id
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import Settings
from small_service import CALLER, Acme, Allow, Upstream, make_connector, say


def run(upstream: Upstream, order: Order, *, forwards: bool = False) -> int:
    connector = make_connector()
    if forwards:
        connector.forward_headers = ("x-client-request-id",)
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(Acme(connector), name="acme")
    host.register(hookline_request_id, name="request_id")
    return Gateway(Settings(), host=host, transport=upstream, environ={}).runner.run(CALLER, order).status


def test_the_upstream_is_told_the_id_of_the_call() -> None:
    upstream = Upstream()

    assert run(upstream, say()) == 200
    assert upstream.sent[0].headers["x-client-request-id"] == "call_1"


def test_an_id_of_the_caller_is_kept() -> None:
    upstream = Upstream()
    order = Order(action_id="acme.say", fields={"text": "hi"}, headers={"x-client-request-id": "mine"})

    assert run(upstream, order, forwards=True) == 200
    assert upstream.sent[0].headers["x-client-request-id"] == "mine"


def test_the_body_stays_as_it_was() -> None:
    upstream = Upstream()

    run(upstream, say())

    assert upstream.sent[0].content == b'{"text":"hi"}'
