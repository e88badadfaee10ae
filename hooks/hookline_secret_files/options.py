"""What can be set for the plugin ``secret_files``."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class SecretFilesOptions(PluginOptions):
    """How credentials are read from files."""

    reload_s: float = Field(
        5.0, ge=0, le=3600, description="A file is read again after so many seconds, when it is needed."
    )
    max_bytes: int = Field(16_384, ge=1, le=1_048_576, description="Largest file that is read, in bytes.")
    folders: tuple[str, ...] = Field(
        (), description="Folders that the files must be in, links followed; empty for any."
    )
