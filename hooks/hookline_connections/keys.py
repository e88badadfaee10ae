"""The keys that seal stored credentials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.store.key_store import KeyStore
from hookline.store.keyring import KeyPurpose

if TYPE_CHECKING:
    from hookline.clock import Clock

KEY_VARIABLE = "HOOKLINE_CONNECTIONS_KEY"
KEY_FILE = "connections.key"

_PURPOSE = KeyPurpose(
    file=KEY_FILE,
    variable=KEY_VARIABLE,
    format="hookline connection keys, version 1",
    note="The first key seals, all of them open. Without this file stored credentials are lost.",
)


class ConnectionKeys(KeyStore):
    """Where the keys of stored credentials are kept.

    Args:
        state_dir: Folder of the key file.
        text: The setting ``key``; empty if it is not set.
        clock: What time it is.
    """

    def __init__(self, *, state_dir: Path | None, text: str, clock: Clock) -> None:
        super().__init__(_PURPOSE, state_dir=state_dir, text=text, clock=clock)

    def missing(self) -> ConfigurationError:
        """Return the error for credentials whose key is gone: nothing is sealed with another one."""
        place = "A key that outlives a process" if self.path is None else str(self.path)
        return ConfigurationError(
            f"{place} is missing, and there are stored credentials that were sealed with the key in it. So "
            f"no new key is made. Put a copy of the file back, or set {KEY_VARIABLE} to that key. If it is "
            "lost for good, remove the connections that cannot be opened (`hookline connections list` shows "
            "them, `hookline connections remove` removes one), and add them anew."
        )
