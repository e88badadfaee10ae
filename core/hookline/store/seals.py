"""Sealing content that is stored: AES-256-GCM, bound to the place that it is kept in.

What is sealed is ``version (1 byte) + key id (8) + nonce (12) + ciphertext and tag``. The associated data
holds version, key id and label, each part of the label with its length in front: put in another place it
does not open.
"""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.store.key_store import KeyStore
from hookline.store.keyring import KeyPurpose

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from hookline.clock import Clock
    from hookline.store.keyring import Keyring

CONTENT_KEYS = KeyPurpose(
    file="content.key",
    variable="HOOKLINE_CONTENT_KEY",
    format="hookline content keys, version 1",
    note="The first key seals, all of them open. Without this file kept replies and jobs are lost.",
)

_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD_BYTES = 1 + _ID_BYTES + _NONCE_BYTES
_PAUSE_S = 1.0
"""Keys are not read more often than this because one is missing."""


class SealError(Exception):
    """Content cannot be sealed or opened; the message says why, and holds nothing secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Seals:
    """Seals and opens stored content. Safe to use from any number of threads and processes.

    Making one opens and imports nothing. The first key is made when something is sealed for the first time.

    Args:
        state_dir: Folder of the key file.
        text: Keys that are set instead, as base64 with commas between them; the first seals, all open.
        clock: What time it is.
    """

    def __init__(self, *, state_dir: Path | None, text: str, clock: Clock) -> None:
        self._keys = KeyStore(CONTENT_KEYS, state_dir=state_dir, text=text, clock=clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: bytes | None = None
        self._ciphers: dict[bytes, AESGCM] = {}
        self._looked_at_s: float | None = None

    def seal(self, content: bytes, *label: str) -> bytes:
        """Return content sealed with the newest key.

        Args:
            content: What is to be kept.
            label: Says which place it is for, such as a table and the id of a row.

        Raises:
            SealError: If the keys cannot be read or written.
        """
        if self._newest is None:
            self._load(make=True)
        assert self._newest is not None  # just loaded
        head = _VERSION + self._newest
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, content, _bound(head, label))

    def unseal(self, sealed: bytes, *label: str) -> bytes:
        """Return what was sealed.

        Args:
            sealed: What `seal` returned.
            label: The same label.

        Raises:
            SealError: If its key is not there, or it was changed, or sealed for another place.
        """
        if len(sealed) <= _HEAD_BYTES or sealed[:1] != _VERSION:
            raise SealError("it is not sealed content of this version")
        head, nonce = sealed[: 1 + _ID_BYTES], sealed[1 + _ID_BYTES : _HEAD_BYTES]
        cipher = self._find(head[1:])
        from cryptography.exceptions import InvalidTag

        try:
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES:], _bound(head, label))
        except (InvalidTag, ValueError):
            raise SealError("it was changed, or it was sealed for another place") from None

    def _find(self, id: bytes) -> AESGCM:
        cipher = self._ciphers.get(id)
        if cipher is None and self._may_look():
            self._load(make=False)  # its key may have come a moment ago
            cipher = self._ciphers.get(id)
        if cipher is None:
            raise SealError(f"it was sealed with the key {id.hex()}, which is not there")
        return cipher

    def _may_look(self) -> bool:
        looked_at_s = self._looked_at_s
        return looked_at_s is None or self._clock.monotonic() - looked_at_s >= _PAUSE_S

    def _load(self, *, make: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        with self._lock:
            if make and self._newest is not None:
                return
            try:
                keyring: Keyring | None = self._keys.ensure() if make else self._keys.load()
            except ConfigurationError as exc:
                raise SealError(exc.message) from exc
            if not make:
                self._looked_at_s = self._clock.monotonic()
            if keyring is None:
                return
            ciphers = {bytes.fromhex(key.id): AESGCM(key.value) for key in keyring.keys}
            self._ciphers = {**self._ciphers, **ciphers}
            self._newest = bytes.fromhex(keyring.newest.id)


def _bound(head: bytes, label: tuple[str, ...]) -> bytes:
    encoded = [part.encode("utf-8", "surrogatepass") for part in ("content", *label)]
    return head + b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
