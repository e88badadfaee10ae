"""Upstream credentials: which setting wins, where they may go, and that none is read for the sandbox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hookline import CredentialPlacement, hookimpl
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_credentials import CredentialsPlugin
from hookline_credentials.lookup import find_secrets
from small_service import CALLER, Allow, Upstream, make_connector, say

if TYPE_CHECKING:
    from hookline.connector import Connector

FILE = {"acme": {"api_key": "sk-from-file"}}


class Services:
    """A plugin that adds connectors."""

    def __init__(self, *connectors: Connector) -> None:
        self.connectors = list(connectors)

    @hookimpl
    def hookline_register_connectors(self) -> list[Connector]:
        return self.connectors


def make_gateway(
    connections: dict[str, Any] | None = None,
    *,
    sandbox: bool = False,
    connector: Connector | None = None,
    upstream: Upstream | None = None,
    environ: dict[str, str] | None = None,
) -> Gateway:
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(Services(connector or make_connector()), name="acme")
    host.register(CredentialsPlugin(), name="credentials")
    settings = Settings.model_validate({"connections": connections or {}, "sandbox": sandbox})
    return Gateway(settings, host=host, transport=upstream or Upstream(), environ=environ or {})


def sent_header(gateway: Gateway, upstream: Upstream, name: str = "authorization") -> str | None:
    assert gateway.runner.run(CALLER, say()).status == 200
    return upstream.sent[0].headers.get(name)


@pytest.mark.parametrize(
    ("connections", "environ", "expected"),
    [
        ({}, {}, None),
        ({}, {"ACME_API_KEY": "sk-fallback"}, "Bearer sk-fallback"),
        (FILE, {"ACME_API_KEY": "sk-fallback"}, "Bearer sk-from-file"),
        (FILE, {"HOOKLINE_ACME_API_KEY": " sk-own ", "ACME_API_KEY": "sk-fallback"}, "Bearer sk-own"),
        (FILE, {"HOOKLINE_ACME_API_KEY": " "}, "Bearer sk-from-file"),
        ({"main": {"connector": "acme", "api_key": "sk-main"}}, {}, "Bearer sk-main"),
        ({}, {"OPENAI_API_KEY": "sk-other", "HOOKLINE_OTHER_API_KEY": "sk-other"}, None),
    ],
)
def test_own_variable_then_file_then_the_connector_s_variable(
    connections: dict[str, Any], environ: dict[str, str], expected: str | None
) -> None:
    upstream = Upstream()

    assert sent_header(make_gateway(connections, environ=environ, upstream=upstream), upstream) == expected


def test_a_credential_is_bound_to_the_origin_of_its_connection() -> None:
    gateway = make_gateway({"acme": {"api_key": "sk-1", "base_url": "https://other.example:8443/v2"}})

    found = find_secrets(gateway)

    assert {name: secret.allowed_origins for name, secret in found.items()} == {
        "acme": frozenset({"https://other.example:8443"})
    }
    assert found["acme"].reveal() == "sk-1"
    assert "sk-1" not in repr(found)


SEVERAL = {
    "acme": {"api_key": "sk-first"},
    "second": {"connector": "acme", "api_key": "sk-second", "base_url": "https://second.example"},
    "third": {"connector": "acme", "credential_ref": "elsewhere:key"},
}


def test_each_connection_has_its_own_and_the_variables_are_for_the_default_one() -> None:
    found = find_secrets(make_gateway(SEVERAL, environ={"HOOKLINE_ACME_API_KEY": "sk-own"}))

    assert {name: (secret.reveal(), *secret.allowed_origins) for name, secret in found.items()} == {
        "acme": ("sk-own", "https://api.acme.example:443"),
        "second": ("sk-second", "https://second.example:443"),
    }


def test_a_connection_of_the_same_name_that_is_not_of_the_settings_gets_nothing() -> None:
    """S2, S12: a tenant's, a stored one, or a copy with another address."""
    gateway = make_gateway(FILE)
    own = gateway.connections["acme"]
    resolve = gateway.host.hook.hookline_resolve_credential

    assert resolve(call=None, connection=own).reveal() == "sk-from-file"
    for other in (replace(own), replace(own, tenant="ada"), replace(own, base_url="https://evil.example")):
        assert resolve(call=None, connection=other) is None


def test_no_credential_is_read_for_the_sandbox() -> None:
    upstream = Upstream()
    gateway = make_gateway(FILE, environ={"ACME_API_KEY": "sk-fallback"}, sandbox=True, upstream=upstream)

    assert find_secrets(gateway) == {}
    assert sent_header(gateway, upstream) is None
    assert upstream.sent[0].base_url == "http://sandbox.invalid/v1"


def test_the_connector_says_which_header_holds_it() -> None:
    upstream = Upstream()
    connector = make_connector()
    connector.credential = CredentialPlacement(header="x-acme-key", prefix="")

    gateway = make_gateway(FILE, connector=connector, upstream=upstream)

    assert sent_header(gateway, upstream, "x-acme-key") == "sk-from-file"
    assert "authorization" not in upstream.sent[0].headers


def test_a_connector_without_credential_is_sent_none() -> None:
    upstream = Upstream()
    connector = make_connector()
    connector.credential = None

    gateway = make_gateway(FILE, connector=connector, upstream=upstream)

    assert sent_header(gateway, upstream) is None
    assert not any("sk-from-file" in value for value in upstream.sent[0].headers.values())


@pytest.mark.parametrize("value", ["sk secret", "sk-\r\nx-evil: 1", "sk-é", "sk-\x00"])
def test_a_credential_that_cannot_stand_in_a_header_stops_the_start_and_is_not_shown(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_gateway(environ={"ACME_API_KEY": value})

    assert caught.value.message == "ACME_API_KEY holds a space or a character that cannot stand in a header."


def test_another_plugin_s_credential_comes_first() -> None:
    gateway = make_gateway(FILE)

    assert gateway.host.hook.hookline_resolve_credential.get_hookimpls()[0].trylast
    assert gateway.host.hook.hookline_apply_upstream_auth.get_hookimpls()[0].trylast
