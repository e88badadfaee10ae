"""Gives keys the secrets that their requests are signed with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hookline_auth.key_format import new_secret
from hookline_auth.key_records import MICROSECONDS, UnreadableKeyError
from hookline_auth.signatures import SigningRule, SigningSecret
from hookline_auth.signing_secrets import (
    MAX_SECRETS,
    SigningSafe,
    new_signing_secret,
    read_signing_secret,
)
from hookline_auth.wanted import refuse

if TYPE_CHECKING:
    from hookline_auth.key_records import SigningScheme
    from hookline_auth.pepper import Pepper
    from hookline_auth.wanted import WantedSigning


def sign_anew(
    pepper: Pepper, wanted: WantedSigning, stored: str | None, key_id: str, *, grace_s: int, now_us: int
) -> tuple[str | None, str | None]:
    """Return how requests of a key are signed from now on, as it is stored, and a new secret to show.

    Args:
        pepper: Of this installation.
        wanted: What is wanted.
        stored: How they were signed.
        key_id: Whose requests.
        grace_s: For how long an old secret stays valid beside a new one.
        now_us: What time it is.

    Raises:
        InvalidInputError: If the secret that somebody brings is not usable.
    """
    if wanted.mode == "off":
        return None, None
    safe = SigningSafe(pepper)
    rule = None
    if stored is not None:
        try:
            rule = safe.unlock(stored, key_id=key_id)
        except UnreadableKeyError:
            rule = None  # it can be replaced only
    is_kept = wanted.secret is None and not wanted.is_new
    if rule is not None and rule.scheme == wanted.scheme and is_kept:
        return safe.lock(replace(rule, mode=wanted.mode), key_id=key_id), None
    text = wanted.secret or _new_secret_for(wanted.scheme)
    if wanted.secret is not None and not wanted.secret.strip():
        refuse("signing.secret", "A secret is not empty.")
    try:
        value = read_signing_secret(text, scheme=wanted.scheme)
    except ValueError as exc:
        refuse("signing.secret", str(exc))
    old = _kept_for(rule, wanted.scheme, grace_s=grace_s, now_us=now_us)
    secrets = (SigningSecret(value=value), *old)[:MAX_SECRETS]
    new = SigningRule(mode=wanted.mode, scheme=wanted.scheme, secrets=secrets)
    return safe.lock(new, key_id=key_id), text if wanted.secret is None else None


def _new_secret_for(scheme: SigningScheme) -> str:
    return new_signing_secret() if scheme == "standard" else new_secret()


def _kept_for(
    rule: SigningRule | None, scheme: SigningScheme, *, grace_s: int, now_us: int
) -> tuple[SigningSecret, ...]:
    """Return the old secrets that stay valid for a while."""
    if rule is None or rule.scheme != scheme or grace_s <= 0:
        return ()
    until_us = now_us + grace_s * MICROSECONDS
    kept = [
        replace(secret, until_us=until_us if secret.until_us is None else min(secret.until_us, until_us))
        for secret in rule.secrets
    ]
    return tuple(secret for secret in kept if secret.until_us is not None and secret.until_us > now_us)
