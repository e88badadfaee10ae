"""Signatures over the raw body of a request: Standard Webhooks, and the one that GitHub sends.

Source: Standard Webhooks specification, "Signature scheme" and "Verifying signatures"; GitHub documentation,
"Validating webhook deliveries".
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline_auth.refusals import RefusedError

if TYPE_CHECKING:
    from hookline_auth.key_records import SigningMode, SigningScheme

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
GITHUB_HEADER = "x-hub-signature-256"
TOLERANCE_S = 300

_MAX_SIGNATURES = 16
_MAX_SIGNATURE_LENGTH = 2048
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")  # everything that can be seen but the dot, which separates
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_GITHUB = re.compile(r"sha256=([0-9a-fA-F]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningSecret:
    """A secret that requests are signed with.

    Attributes:
        value: The bytes of it.
        until_us: When it ends, in microseconds since 1970; None for never.
    """

    value: bytes = field(repr=False)
    until_us: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningRule:
    """How requests of a key are signed.

    Attributes:
        mode: Whether they are.
        scheme: How.
        secrets: With what; several while one is replaced by another.
    """

    mode: SigningMode = "off"
    scheme: SigningScheme = "standard"
    secrets: tuple[SigningSecret, ...] = field(default=(), repr=False)


NOT_SIGNED = SigningRule()


def is_signed(headers: Mapping[str, str]) -> bool:
    """Tell whether a request has any part of a signature of either kind."""
    return SIGNATURE_HEADER in headers or GITHUB_HEADER in headers


def sign(body: bytes, *, message_id: str, at_s: int, secret: bytes) -> str:
    """Return the symmetric Standard Webhooks signature of one delivery.

    Args:
        body: Raw body exactly as sent; reading and writing it again breaks the signature.
        message_id: Id of the delivery; holds no dot.
        at_s: Unix time in whole seconds.
        secret: 24 to 64 bytes, no longer in base64.

    Returns:
        ``v1,`` and 44 characters of base64.
    """
    return "v1," + base64.b64encode(_mac(body, message_id, str(at_s), secret)).decode()


def verify(rule: SigningRule, headers: Mapping[str, str], body: bytes, *, now_us: int) -> str | None:
    """Check the signature of a request.

    Every signature is compared with what every secret gives, in constant time, whichever fits.

    Args:
        rule: How the key's requests are signed.
        headers: Values by lower-case name.
        body: Raw body.
        now_us: What time it is, in microseconds since 1970.

    Returns:
        The id of the delivery, which must be taken only once; None where the kind of signature has none.

    Raises:
        RefusedError: For everything that is not a valid signature of the key's kind.
    """
    secrets = [secret.value for secret in rule.secrets if secret.until_us is None or secret.until_us > now_us]
    if rule.scheme == "github":
        _verify_github(secrets, headers, body)
        return None
    return _verify_standard(secrets, headers, body, now_s=now_us // 1_000_000)


def _verify_standard(secrets: Iterable[bytes], headers: Mapping[str, str], body: bytes, *, now_s: int) -> str:
    message_id, timestamp = headers.get(ID_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    if SIGNATURE_HEADER not in headers or GITHUB_HEADER in headers:
        raise RefusedError("not_signed" if SIGNATURE_HEADER not in headers else "ambiguous")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise RefusedError("bad_signature", detail="the id or the time of the delivery is missing or garbled")
    signatures = _read_signatures(headers[SIGNATURE_HEADER])
    fits = False
    for secret in secrets:
        expected = _mac(body, message_id, timestamp, secret)
        for signature in signatures:
            fits |= hmac.compare_digest(expected, signature)
    if not fits:
        raise RefusedError("bad_signature", detail="no secret gives this signature")
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise RefusedError("stale")
    return message_id


def _verify_github(secrets: Iterable[bytes], headers: Mapping[str, str], body: bytes) -> None:
    if GITHUB_HEADER not in headers or SIGNATURE_HEADER in headers:
        raise RefusedError("not_signed" if GITHUB_HEADER not in headers else "ambiguous")
    match = _GITHUB.fullmatch(headers[GITHUB_HEADER])
    if match is None:
        raise RefusedError("bad_signature", detail="the signature is garbled")
    fits = False
    for secret in secrets:
        fits |= hmac.compare_digest(hmac.digest(secret, body, "sha256"), bytes.fromhex(match[1]))
    if not fits:
        raise RefusedError("bad_signature", detail="no secret gives this signature")


def _read_signatures(text: str) -> list[bytes]:
    """Return the symmetric signatures of a header; others are for whoever knows a public key."""
    found = []
    for part in text[:_MAX_SIGNATURE_LENGTH].split(" ")[:_MAX_SIGNATURES]:
        version, _, value = part.partition(",")
        if version != "v1":
            continue
        try:
            signature = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(signature) == 32:
            found.append(signature)
    return found


def _mac(body: bytes, message_id: str, timestamp: str, secret: bytes) -> bytes:
    return hmac.digest(secret, f"{message_id}.{timestamp}.".encode() + body, "sha256")
