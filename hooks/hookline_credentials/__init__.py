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

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the credential of every connection."""
        from hookline_credentials.lookup import find_secrets

        self._secrets = find_secrets(gateway)

    @hookimpl(trylast=True)
    def hookline_resolve_credential(self, connection: Connection) -> Secret | None:
        """Return the credential that was set for a connection."""
        return self._secrets.get(connection.name)

    @hookimpl(trylast=True)
    def hookline_apply_upstream_auth(
        self, call: Call, request: UpstreamRequest, secret: Secret
    ) -> bool | None:
        """Put the credential into the header that the connector names."""
        placement = call.action.connector.credential
        if placement is None:
            return None
        request.headers[placement.header] = placement.prefix + secret.reveal()
        return True
