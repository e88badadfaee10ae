"""Secrets of signed requests: made, read and stored.

Unlike an API key such a secret cannot be kept as a hash, because it is needed to work out a signature. It is
kept encrypted (AES-256-GCM) with a key that comes from the pepper, and tied to the API key it belongs to, so
that it cannot be moved to another one's row.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, cast, get_args

import orjson

from hookline_auth.key_records import SigningMode, SigningScheme, UnreadableKeyError
from hookline_auth.signatures import SigningRule, SigningSecret

if TYPE_CHECKING:
    from hookline_auth.pepper import Pepper

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64
MAX_SECRETS = 4
_NONCE_BYTES = 12


def new_signing_secret(random: Callable[[int], bytes] = os.urandom) -> str:
    """Return a random secret of 256 bits as it is shown to people: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(random(32)).decode()


def read_signing_secret(text: str, *, scheme: SigningScheme) -> bytes:
    """Return the bytes that a secret stands for.

    Args:
        text: ``whsec_`` and base64; for GitHub's kind of signature any text.
        scheme: What it is for.

    Raises:
        ValueError: If it is empty, too short or too long, or no base64; it is not repeated.
    """
    if scheme == "github":
        value = text.encode()
        if not text.isprintable() or not MIN_BYTES <= len(value) <= 256:
            raise ValueError(f"A secret has {MIN_BYTES} to 256 characters, in one line.")
        return value
    try:
        value = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"A secret is `{PREFIX}` followed by base64.") from None
    if not MIN_BYTES <= len(value) <= MAX_BYTES:
        raise ValueError(f"A secret has {MIN_BYTES} to {MAX_BYTES} bytes; this one has {len(value)}.")
    return value


class SigningSafe:
    """Encrypts how the requests of keys are signed, and decrypts it.

    Args:
        pepper: Of this installation.
        random: Returns random bytes.
    """

    def __init__(self, pepper: Pepper, *, random: Callable[[int], bytes] = os.urandom) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(pepper.derive("secrets of signed requests"))
        self._random = random

    def lock(self, rule: SigningRule, *, key_id: str) -> str:
        """Return a rule as it is stored for a key."""
        secrets = []
        for secret in rule.secrets:
            nonce = self._random(_NONCE_BYTES)
            sealed = nonce + self._cipher.encrypt(nonce, secret.value, _bound_to(key_id))
            secrets.append({"sealed": base64.b64encode(sealed).decode(), "until_us": secret.until_us})
        return orjson.dumps({"mode": rule.mode, "scheme": rule.scheme, "secrets": secrets}).decode()

    def unlock(self, stored: str, *, key_id: str) -> SigningRule:
        """Return the rule that is stored for a key.

        Raises:
            UnreadableKeyError: If it is damaged, another key's, made with another pepper, or holds a secret
                that is too short.
        """
        from cryptography.exceptions import InvalidTag

        try:
            found = orjson.loads(stored)
            mode, scheme = found["mode"], found["scheme"]
            if mode not in ("optional", "required") or scheme not in get_args(SigningScheme):
                raise ValueError("an unknown way to sign")
            secrets = tuple(self._open(entry, key_id) for entry in found["secrets"])
            if not secrets:
                raise ValueError("no secret")
        except (ValueError, TypeError, KeyError, InvalidTag) as exc:
            raise UnreadableKeyError(f"how requests of the key {key_id!r} are signed cannot be read") from exc
        return SigningRule(
            mode=cast("SigningMode", mode), scheme=cast("SigningScheme", scheme), secrets=secrets
        )

    def _open(self, entry: dict[str, object], key_id: str) -> SigningSecret:
        sealed = base64.b64decode(str(entry["sealed"]), validate=True)
        value = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(key_id))
        until_us = entry["until_us"]
        if len(value) < MIN_BYTES or not (until_us is None or isinstance(until_us, int)):
            raise ValueError("a secret that is too short, or ends never and at no time")
        return SigningSecret(value=value, until_us=until_us)


def _bound_to(key_id: str) -> bytes:
    return b"hookline signing secret of " + key_id.encode()
