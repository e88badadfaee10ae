"""Messages of the Model Context Protocol, and a gateway that takes the rights of a caller from headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from hookline import InboundRequest, Principal, hookimpl
from hookline.errors import AuthenticationError
from hookline.gateway import Gateway, load_plugins
from hookline.settings import Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18")
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "lab", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
SERVER = {"name": "hookline", "title": "Hookline", "version": "0.1.0"}
CHAT = {"model": "sandbox", "prompt": "hi"}
TOOLS = [
    "openai_chat",
    "openai_complete",
    "openai_edit",
    "openai_embed",
    "openai_list_models",
    "openai_moderate",
]


class ByHeader:
    """Takes who calls from headers, in place of any other authenticator."""

    @hookimpl(tryfirst=True)
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        scopes = request.headers.get("x-scopes", "catalog:read,actions:run")
        if scopes == "nobody":
            raise AuthenticationError("This request carries no valid API key.")
        return Principal(
            key_id="lab",
            scopes=frozenset(scopes.split(",")),
            actions=tuple(request.headers.get("x-actions", "*").split(",")),
        )


def make_gateway(*plugins: object, **settings: Any) -> Gateway:
    """Return a gateway with all that is installed, on the sandbox."""
    given = Settings.model_validate({"sandbox": True, **settings})
    host = load_plugins(given)
    host.register(ByHeader(), name="by_header")
    for number, plugin in enumerate(plugins, start=1):
        host.register(plugin, name=f"extra{number}")
    return Gateway(given, host=host, environ={})


def client_of(gateway: Gateway) -> FlaskClient:
    """Return a client of a gateway in this process."""
    return create_app(gateway).test_client()


def modern(method: str, params: dict[str, Any] | None = None, *, id: object = 1) -> dict[str, Any]:
    """Return a request of the newest revision."""
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {**(params or {}), "_meta": META}}


def legacy(method: str, params: dict[str, Any] | None = None, *, id: object = 1) -> dict[str, Any]:
    """Return a request of an older revision."""
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": id, "method": method}
    return body if params is None else {**body, "params": params}


def call(name: str, arguments: object = None) -> dict[str, Any]:
    """Return the parameters of a tool's call."""
    return {"name": name, "arguments": CHAT if arguments is None else arguments}


def headers_of(body: dict[str, Any]) -> dict[str, str]:
    """Return the headers that a client sends with a request of the newest revision."""
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": body["method"]}
    if isinstance(body["params"].get("name"), str):
        headers["Mcp-Name"] = body["params"]["name"]
    return headers


def post(
    client: FlaskClient,
    body: object,
    headers: dict[str, str] | None = None,
    *,
    without: Iterable[str] = (),
    version: str | None = None,
) -> TestResponse:
    """Post a message, or bytes as they are.

    Args:
        client: A client.
        body: The message.
        headers: Further headers, which win.
        without: Headers that are left out.
        version: Revision to name alone; otherwise the headers of the newest are sent.
    """
    sent = {"Content-Type": "application/json", "Accept": "application/json"}
    if version is not None:
        sent["MCP-Protocol-Version"] = version
    elif isinstance(body, dict) and "_meta" in (body.get("params") or {}):
        sent |= headers_of(body)
    sent |= headers or {}
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return client.post(
        "/mcp", data=content, headers={name: value for name, value in sent.items() if name not in without}
    )


def ask(client: FlaskClient, method: str, params: dict[str, Any] | None = None, **headers: str) -> Any:
    """Return the result of a request of the newest revision."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = post(client, modern(method, params), named)
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert body["jsonrpc"] == "2.0"
    assert body["id"] == 1
    return body["result"]
