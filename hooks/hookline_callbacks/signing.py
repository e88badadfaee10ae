"""Signatures of deliveries.

Source: Standard Webhooks specification, "Signature scheme".
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Callable, Iterable

PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret(random: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return a random secret of 256 bits."""
    return random(_SECRET_BYTES)


def show_secret(secret: bytes) -> str:
    """Return a secret as receivers take it: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def signature_headers(
    content: bytes, *, message_id: str, at_s: int, secrets: Iterable[bytes]
) -> dict[str, str]:
    """Return the headers that prove where a delivery comes from.

    Args:
        content: Body exactly as it is sent.
        message_id: Id of the delivery, the same in every attempt; holds no dot.
        at_s: Time of this attempt, in whole seconds since 1970.
        secrets: Each gives a signature; a receiver needs to know one of them.
    """
    signed = f"{message_id}.{at_s}.".encode() + content
    signatures = [
        "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signatures),
    }
