"""Keys that seal what is stored."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPurpose:
    """What some keys are for, and how they are called where they are kept.

    Attributes:
        file: Name of their file in the state folder.
        variable: Environment variable that may hold them instead.
        format: First line of the file; a file of other keys is refused.
        note: What the file tells whoever opens it.
    """

    file: str
    variable: str
    format: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SealingKey:
    """One key.

    Attributes:
        id: Worked out from the key, so that it is the same wherever the key is kept; tells nothing about it.
        value: 32 random bytes.
        created_at: When it was made, as ISO 8601 text; empty if that is not known.
    """

    id: str
    value: bytes = field(repr=False)
    created_at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyring:
    """All keys that are known; the newest comes first and seals, all of them open.

    Attributes:
        keys: The keys.
        source: Where they are from, in words.
        path: Their file; None if they are from elsewhere.
    """

    keys: tuple[SealingKey, ...]
    source: str
    path: Path | None = None

    @property
    def newest(self) -> SealingKey:
        """The key that seals."""
        return self.keys[0]

    def find(self, id: str) -> SealingKey | None:
        """Return the key of an id."""
        return next((key for key in self.keys if key.id == id), None)


def new_key(value: bytes | None = None, *, created_at: str = "") -> SealingKey:
    """Return a key of random bytes, or of those given."""
    value = secrets.token_bytes(KEY_BYTES) if value is None else value
    return SealingKey(
        id=hashlib.sha256(b"hookline connection key id:" + value).hexdigest()[:16],
        value=value,
        created_at=created_at,
    )


def decode_key(text: object) -> bytes | None:
    """Return the bytes of a key that is written as base64; None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return value if len(value) == KEY_BYTES else None
