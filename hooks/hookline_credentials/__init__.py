"""Upstream credentials from settings and environment, sent as the connector says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, Connection, Secret, UpstreamRequest
    from hookline.gateway import Gateway


class CredentialsPlugin:
    """Holds the credentials of one gateway."""

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}
        self._connections: dict[str, Connection] = {}

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the credential of every connection of the settings."""
        from hookline_credentials.lookup import find_secrets

        self._secrets = find_secrets(gateway)
        self._connections = {one.connection.name: one.connection for one in gateway.all_connections}

    @hookimpl(trylast=True)
    def hookline_resolve_credential(self, connection: Connection) -> Secret | None:
        """Return the credential that was set for a connection.

        Only for the very connections of the settings: a stored one may have the same name.
        """
        if self._connections.get(connection.name) is not connection:
            return None
        return self._secrets.get(connection.name)

    @hookimpl(trylast=True)
    def hookline_apply_upstream_auth(
        self, call: Call, request: UpstreamRequest, secret: Secret
    ) -> bool | None:
        """Put the credential where the connector says: a header, the query, or basic authentication."""
        from hookline_credentials.placing import place

        return place(call, request, secret)
