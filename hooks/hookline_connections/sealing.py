"""Sealing a credential for one row of the table: AES-256-GCM, bound to what the row says.

A sealed value is ``version (1 byte) + key id (8) + nonce (12) + ciphertext and tag``. The associated data
holds the version, the key id, tenant, name, connector and the allowed origins: moved to another row, or with
other origins beside it, it does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from hookline.store.keyring import Keyring, SealingKey

Kind = Literal["credential", "reference"]

_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD_BYTES = 1 + _ID_BYTES + _NONCE_BYTES


class SealError(Exception):
    """A sealed value does not open; the message says why, and holds nothing secret.

    Args:
        message: Why.
        key_id: The key that is missing, if that is why.
    """

    def __init__(self, message: str, *, key_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.key_id = key_id


@dataclass(frozen=True, kw_only=True, slots=True)
class SealLabel:
    """What a value is sealed for.

    Attributes:
        tenant: Whose row it is; empty for the operator's.
        name: Name of the connection.
        connector: Its connector.
        origins: Where the credential may be sent, as by `hookline.connection.origin_of`.
        kind: Whether a credential is sealed or only where one is kept.
    """

    tenant: str
    name: str
    connector: str
    origins: tuple[str, ...]
    kind: Kind = "credential"

    def data(self, head: bytes) -> bytes:
        """Return the associated data; each part has its length in front, so that none runs into the next."""
        parts = [self.kind, self.tenant, self.name, self.connector, *sorted(set(self.origins))]
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        return head + b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def seal(keyring: Keyring, text: str, label: SealLabel) -> bytes:
    """Return a text sealed with the newest key."""
    key = keyring.newest
    head = _VERSION + bytes.fromhex(key.id)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return head + nonce + AESGCM(key.value).encrypt(nonce, text.encode(), label.data(head))


def unseal(keyring: Keyring, sealed: bytes, label: SealLabel) -> str:
    """Return the text that was sealed.

    Raises:
        SealError: If its key is not there, or it was changed or sealed for something else.
    """
    key = keyring.find(key_id_of(sealed))
    if key is None:
        id = key_id_of(sealed)
        raise SealError(f"it was sealed with the key {id}, which is not in {keyring.source}", key_id=id)
    return _open(key, sealed, label)


def _open(key: SealingKey, sealed: bytes, label: SealLabel) -> str:
    head, nonce = sealed[: 1 + _ID_BYTES], sealed[1 + _ID_BYTES : _HEAD_BYTES]
    try:
        return AESGCM(key.value).decrypt(nonce, sealed[_HEAD_BYTES:], label.data(head)).decode()
    except (InvalidTag, ValueError):
        raise SealError(
            "it was changed, or it was sealed for another tenant, name, connector or origin"
        ) from None


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that a value was sealed with.

    Raises:
        SealError: If this is no sealed value.
    """
    if len(sealed) <= _HEAD_BYTES or sealed[:1] != _VERSION:
        raise SealError("it is not a sealed value of this version")
    return sealed[1 : 1 + _ID_BYTES].hex()


def fingerprint(keyring: Keyring, text: str) -> str:
    """Return eight characters by which people tell whether two credentials are the same.

    They change with the newest key, and without that key nobody can try out guesses.
    """
    key = hmac.digest(keyring.newest.value, b"hookline credential fingerprint", "sha256")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:8]
