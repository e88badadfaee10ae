"""A gateway whose connector wants access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from hookline import Connector, OAuth2Credential
from hookline.clock import SYSTEM_CLOCK
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_connections import ConnectionsPlugin
from hookline_credentials import CredentialsPlugin
from hookline_oauth import OAuthPlugin
from hookline_secret_files import SecretFilesPlugin
from oauth_service import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, OAuthService
from small_service import CALLER, Acme, Allow

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline.order import Order as AnyOrder
    from hookline.routes import Reply

PAIR = f"{CLIENT_ID}:{CLIENT_SECRET}"
TRIPLE = f"{PAIR}:{FIRST_REFRESH_TOKEN}"


def things_connector(service: OAuthService, **more: Any) -> Connector:
    """Return a connector of one action that lists things."""
    credential = OAuth2Credential(**{"token_url": service.token_url, "scopes": ("read",), **more})
    connector = Connector("acme", title="Acme", base_url=f"{service.origin}/v1", credential=credential)
    connector.endpoint(
        "list_things",
        "GET",
        "/things",
        input={"type": "object", "properties": {}},
        output={"type": "object", "properties": {"things": {"type": "array"}}},
        read_only=True,
    )
    return connector


@dataclass
class OAuthLab:
    """One gateway."""

    gateway: Gateway
    connections: ConnectionsPlugin

    def reply(self, order: AnyOrder | None = None) -> Reply:
        return self.gateway.runner.run(CALLER, order or Order(action_id="acme.list_things", fields={}))

    def call(self) -> tuple[int, Any]:
        """Return the status, and the things or the error's code."""
        reply = self.reply()
        body = orjson.loads(cast("bytes", reply.content))
        return reply.status, body["things"] if reply.status == 200 else body["error"]["code"]


def oauth_lab(
    service: OAuthService,
    *plugins: object,
    credential: str | None = PAIR,
    settings: dict[str, Any] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    **declared: Any,
) -> OAuthLab:
    """Return a gateway with the connector and what finds credentials."""
    host = PluginHost()
    host.register(Acme(things_connector(service, **declared)), name="acme")
    host.register(Allow(), name="allow")
    connections = ConnectionsPlugin()
    host.register(connections, name="connections")
    host.register(CredentialsPlugin(), name="credentials")
    host.register(OAuthPlugin(), name="oauth")
    host.register(SecretFilesPlugin(), name="secret_files")
    for number, plugin in enumerate(plugins, start=1):
        host.register(plugin, name=f"plugin{number}")
    environ = {} if credential is None else {"HOOKLINE_ACME_API_KEY": credential}
    given = Settings.model_validate(settings or {})
    return OAuthLab(Gateway(given, host=host, environ=environ, clock=clock), connections)
