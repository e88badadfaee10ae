"""What tests of exports run them against: blueprints of connectors, and gateways that listen on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.serving import make_server

from hookline import Connector
from hookline.exports import ExportsPlugin
from hookline.exports.blueprints import make_blueprint
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from live_gateway import KEY, run_server
from nasty_connector import nasty_gateway
from small_service import Upstream, whole

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import Blueprint

SETS = ("openai", "nasty", "both")
"""Connectors that every export is tried with."""
RUN_SETS = ("openai", "nasty")
"""Those whose every action can be run."""
SERVER = "https://hooks.example.com"


@cache
def gateway_of(name: str) -> Gateway:
    """Return a gateway with some connectors."""
    if name == "openai":
        return Gateway(Settings.model_validate({"api_keys": [KEY], "sandbox": True}), environ={})
    return nasty_gateway(with_installed=name == "both")


def blueprint_of(name: str, server_url: str = SERVER) -> Blueprint:
    """Return the blueprint of some connectors."""
    return make_blueprint(gateway_of(name), server_url=server_url)


def blueprint_of_one(input: JsonObject) -> Blueprint:
    """Return the blueprint of a single action with an input of that schema, alone."""
    return make_blueprint(gateway_of_one(input), server_url=SERVER)


def gateway_of_one(input: JsonObject, output: JsonObject | None = None) -> Gateway:
    """Return a gateway with a single action, with an input and an output of these schemas."""
    connector = Connector("acme", title="Acme", base_url="https://api.acme.example/v1")
    connector.endpoint("say", "POST", "/say", input=input, output=output or {"type": "object"})
    return gateway_with(connector)


def gateway_with(connector: Connector) -> Gateway:
    """Return a gateway with exports and one connector."""
    host = PluginHost()
    host.register(ExportsPlugin(), name="exports")
    host.register(_Plugin(connector), name=connector.id)
    return Gateway(Settings(), host=host, transport=Upstream(lambda _: whole({})), environ={})


class _Plugin:
    def __init__(self, connector: Connector) -> None:
        self.connector = connector


@contextmanager
def listen(name: str, folder: Path) -> Iterator[str]:
    """Run a gateway with some connectors, and yield its address."""
    if name == "openai":
        with run_server(folder, HOOKLINE_SANDBOX="true") as server:
            yield server.url
        return
    local = make_server("127.0.0.1", 0, create_app(gateway_of(name)), threaded=True)
    thread = threading.Thread(target=local.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{local.server_port}"
    finally:
        local.shutdown()
        local.server_close()
        thread.join(10)
