"""Upstream credentials from mounted files, as containers get them: ``file:/run/secrets/openai``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Connection, Secret
    from hookline.gateway import Gateway
    from hookline_secret_files.files import SecretFiles


class SecretFilesPlugin:
    """Holds what was read from files for one gateway."""

    options = "hookline_secret_files.options:SecretFilesOptions"

    def __init__(self) -> None:
        self._files: SecretFiles

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; files are read when their credential is needed."""
        from hookline_secret_files.files import SecretFiles
        from hookline_secret_files.options import SecretFilesOptions

        self._files = SecretFiles(gateway.options_of(SecretFilesOptions).base, gateway.clock)

    @hookimpl
    def hookline_resolve_credential(self, connection: Connection) -> Secret | None:
        """Return the credential of a connection that names a file, for its own origin only."""
        reference = connection.credential_ref
        if reference is None or not reference.startswith("file:"):
            return None
        return self._files.find(reference, name=connection.name, origin=connection.origin)
