"""Upstream credentials from settings and environment, sent as the connector says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, Connection, Secret, UpstreamRequest
    from hookline.gateway import Gateway

_MAX_OLD = 1_000
"""Connections that are not used any more, whose credentials are kept for calls that run."""


class CredentialsPlugin:
    """Holds the credentials of one gateway."""

    def __init__(self) -> None:
        self._secrets: dict[int, tuple[Connection, Secret]] = {}

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the credential of every connection of the settings."""
        self._read(gateway)

    @hookimpl
    def hookline_catalog_changed(self, gateway: Gateway) -> None:
        """Read the credentials of new connectors; calls that run may still need those of replaced ones."""
        self._read(gateway)

    def _read(self, gateway: Gateway) -> None:
        from hookline_credentials.lookup import find_secrets

        found = find_secrets(gateway)
        known = {
            id(one.connection): (one.connection, found[one.connection.name])
            for one in gateway.all_connections
            if one.connection.name in found
        }
        older = [item for item in self._secrets.items() if item[0] not in known]
        self._secrets = {**dict(older[-_MAX_OLD:]), **known}

    @hookimpl(trylast=True)
    def hookline_resolve_credential(self, connection: Connection) -> Secret | None:
        """Return the credential that was set for a connection.

        Only for the very connections of the settings: a stored one may have the same name.
        """
        found = self._secrets.get(id(connection))  # which it keeps, so that the number is nobody else's
        return None if found is None else found[1]

    @hookimpl(trylast=True)
    def hookline_apply_upstream_auth(
        self, call: Call, request: UpstreamRequest, secret: Secret
    ) -> bool | None:
        """Put the credential where the connector says: a header, the query, or basic authentication."""
        from hookline_credentials.placing import place

        return place(call, request, secret)
