"""Finding the credential of each connection when the gateway starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.connection import Secret
from hookline.connections import look_up
from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.gateway import Gateway


def find_secrets(gateway: Gateway) -> dict[str, Secret]:
    """Return the credential of each connection that has one, by connection name.

    A credential is bound to the origin of its connection's base URL. None is read for the sandbox.

    Raises:
        ConfigurationError: If a credential cannot stand in a header; its value is not shown.
    """
    found: dict[str, Secret] = {}
    if gateway.settings.sandbox:
        return found
    for connector_id, connection in gateway.connections.items():
        section = gateway.settings.connections.get(connection.name)
        from_file = section.api_key.get_secret_value() if section and section.api_key else None
        connector = gateway.catalog.connectors[connector_id]
        value, setting = look_up(connector, "api_key", from_file, gateway.environ)
        if value is None:
            continue
        if not all(0x21 <= ord(char) <= 0x7E for char in value):
            raise ConfigurationError(f"{setting} holds a space or a character that cannot stand in a header.")
        found[connection.name] = Secret(value, allowed_origins=frozenset({connection.origin}))
    return found
