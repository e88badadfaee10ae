"""The static keys of ``HOOKLINE_API_KEYS``, kept as hashes and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hookline.errors import AuthenticationError, ConfigurationError
from hookline.principal import Principal
from hookline_auth.key_format import read_key

if TYPE_CHECKING:
    from hookline.principal import InboundRequest

SCOPES = frozenset({"actions:run", "catalog:read", "usage:read"})
TENANT = "default"


class StaticKeys:
    """A set of keys.

    Args:
        keys: The keys themselves; only their hashes are kept.

    Raises:
        ConfigurationError: If one of them is a key that `hookline keys` made.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._pepper = secrets.token_bytes(32)
        self._principals = [
            (
                self._digest(key),
                Principal(key_id=public_id(key), tenant=TENANT, scopes=SCOPES, label="static key"),
            )
            for key in _without_stored(keys)
        ]

    @property
    def ids(self) -> list[str]:
        """Public ids of the keys, in their order; options of plugins name keys by them."""
        return [principal.key_id for _, principal in self._principals]

    def authenticate(self, request: InboundRequest) -> Principal | None:
        """Return whose key a request carries, or None if it carries none.

        Every key is compared whatever is found, and a request without a key is compared too, so that
        neither the answer nor its time tells what was wrong.

        Raises:
            AuthenticationError: If the key is wrong; the pipeline says the same where there is none.
        """
        key = presented_key(request)
        found = self.find(key)
        if found is None and key is not None:
            raise AuthenticationError("This request carries no valid API key.")
        return found

    def find(self, key: str | None) -> Principal | None:
        """Return whose key it is; all keys are compared, in constant time, also where there is none."""
        digest = self._digest(key or "")
        found = None
        for known, principal in self._principals:
            if hmac.compare_digest(known, digest):
                found = principal
        return found

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode("utf-8", "surrogateescape"), key=self._pepper).digest()


def _without_stored(keys: Iterable[str]) -> list[str]:
    """Return the keys, unless one is stored as well: revoking it would leave it valid here."""
    found = list(keys)
    for position, key in enumerate(found, start=1):
        stored = read_key(key)
        if stored is not None:
            raise ConfigurationError(
                f"api_keys: key number {position} is the key {stored.id} that `hookline keys create` made. "
                "Take it out of the settings: it is valid without, and could not be revoked otherwise."
            )
    return found


def presented_key(request: InboundRequest) -> str | None:
    """Return the key of a request: ``Authorization: Bearer K``, ``Authorization: K`` or ``X-API-Key: K``.

    Low-code tools add the word ``Bearer`` themselves or make their users type it, so both are taken.
    """
    text = request.headers.get("authorization", "").strip()
    if not text:
        return request.headers.get("x-api-key", "").strip() or None
    while f"{text} "[:7].lower() == "bearer ":
        text = text[7:].strip()
    return text or None


def public_id(key: str) -> str:
    """Return an id of a key that tells nothing about it; safe to log."""
    return "static_" + hashlib.sha256(b"hookline static key id:" + key.encode()).hexdigest()[:12]
