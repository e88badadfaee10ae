"""Upstream credentials from HashiCorp Vault: ``vault:secret/openai#api_key``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Connection, Secret
    from hookline.gateway import Gateway
    from hookline_vault.shelf import Shelf


class VaultPlugin:
    """Holds what was read from Vault for one gateway."""

    options = "hookline_vault.options:VaultOptions"

    def __init__(self) -> None:
        self._shelf: Shelf

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; Vault is not asked before the first credential is needed."""
        from hookline_vault.options import VaultOptions
        from hookline_vault.shelf import Shelf

        options = gateway.options_of(VaultOptions).base
        self._shelf = Shelf(options, environ=gateway.environ, clock=gateway.clock)

    @hookimpl
    def hookline_resolve_credential(self, connection: Connection) -> Secret | None:
        """Return the credential of a connection that names a secret of Vault, for its own origin only."""
        reference = connection.credential_ref
        if reference is None or not reference.startswith("vault:"):
            return None
        return self._shelf.find(reference, name=connection.name, origin=connection.origin)

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Close what is open to Vault."""
        self._shelf.close()
