"""Opening the credential of a stored connection, for one attempt at a time."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NoReturn

from hookline.connection import Secret
from hookline.errors import ConfigurationError, UpstreamCredentialError
from hookline_connections.sealing import SealError, unseal

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline.store.keyring import Keyring
    from hookline_connections.keys import ConnectionKeys
    from hookline_connections.rows import StoredConnection

_log = logging.getLogger("hookline.connections")

_PAUSE_S = 1.0
"""Keys are not looked for more often when one is missing or they cannot be read."""


class Opener:
    """Opens credentials; keeps the keys in memory, and no credential.

    Args:
        keys: Where the keys are kept.
        clock: What time it is.
    """

    def __init__(self, keys: ConnectionKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._keyring: Keyring | None = None
        self._looked_at_s: float | None = None
        self._told: set[str] = set()

    def open(self, row: StoredConnection) -> Secret | None:
        """Return a row's credential; None if it is kept elsewhere, where another plugin finds it.

        Raises:
            UpstreamCredentialError: If it cannot be opened. Nobody else is asked for it then.
        """
        if row.sealed is None:
            if row.credential_ref is None:
                return None
            self._fail(row, "the reference to it is not sealed, so somebody else wrote it")
        text = self._unseal(row, row.sealed or b"")
        if row.credential_ref is None:
            return Secret(text, allowed_origins=frozenset(row.allowed_origins))
        if text != row.credential_ref:
            self._fail(row, "the reference to it was changed")
        return None

    def _unseal(self, row: StoredConnection, sealed: bytes) -> str:
        try:
            try:
                text = unseal(self._known(), sealed, row.label)
            except SealError as exc:
                if exc.key_id is None or not self._may_look():
                    raise
                text = unseal(self._look(), sealed, row.label)  # its key may have come a moment ago
        except (SealError, ConfigurationError) as exc:
            self._fail(row, exc.message)
        self._told.discard(row.id)
        return text

    def _known(self) -> Keyring:
        return self._keyring or self._look()

    def _look(self) -> Keyring:
        with self._lock:
            self._looked_at_s = self._clock.monotonic()
            found = self._keys.load()
            if found is None:
                raise SealError("there is no key to open it with")
            self._keyring = found
            return found

    def _may_look(self) -> bool:
        looked_at_s = self._looked_at_s
        return looked_at_s is None or self._clock.monotonic() - looked_at_s >= _PAUSE_S

    def _fail(self, row: StoredConnection, why: str) -> NoReturn:
        if row.id not in self._told:  # not once per call
            self._told.add(row.id)
            _log.error("the credential of the connection %r cannot be opened: %s", row.id, why)
        raise UpstreamCredentialError(
            f"The credential of the connection {row.name!r} cannot be opened.",
            code="credential_unreadable",
            hint="Your key for this gateway is fine. Whoever runs it must see to the connection: "
            "`hookline connections show` says what is wrong.",
            reached_upstream=False,
        )
