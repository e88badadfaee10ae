"""Finding the credential of each connection of the settings when the gateway starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.connection import Secret
from hookline.connections import look_up
from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.gateway import Gateway


def find_secrets(gateway: Gateway) -> dict[str, Secret]:
    """Return the credential of each connection of the settings that has one, by connection name.

    A credential is bound to the origin of its connection's base URL. The connector's own variables are for
    its default connection only. None is read for the sandbox, nor where one is said to be kept elsewhere.

    Raises:
        ConfigurationError: If a credential cannot stand in a header; its value is not shown.
    """
    found: dict[str, Secret] = {}
    if gateway.settings.sandbox:
        return found
    for one in gateway.all_connections:
        connection = one.connection
        if connection.credential_ref is not None:
            continue
        section = gateway.settings.connections.get(connection.name)
        value = section.api_key.get_secret_value() if section and section.api_key else None
        setting = f"connections.{connection.name}.api_key"
        if one.is_default:
            connector = gateway.catalog.connectors[connection.connector]
            value, setting = look_up(connector, "api_key", value, gateway.environ)
        if not value:
            continue
        if not all(0x21 <= ord(char) <= 0x7E for char in value):
            raise ConfigurationError(f"{setting} holds a space or a character that cannot stand in a header.")
        found[connection.name] = Secret(value, allowed_origins=frozenset({connection.origin}))
    return found
