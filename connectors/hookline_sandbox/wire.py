"""The bytes of the wire: JSON, server-sent events, and ids that follow from the request."""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, Any]

DONE = b"data: [DONE]\n\n"


def encode(value: object) -> bytes:
    """Return a value as compact JSON."""
    return orjson.dumps(value)


def encode_text(value: object) -> str:
    """Return a value as compact JSON in a string, for JSON that travels inside JSON."""
    return encode(value).decode()


def event(value: object) -> bytes:
    """Return a value as one server-sent event: a ``data`` line and an empty line."""
    return b"data: " + encode(value) + b"\n\n"


def derive(*parts: object) -> str:
    """Return 64 hexadecimal digits that are the same for the same parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else str(part).encode())
        digest.update(b"\x00")
    return digest.hexdigest()
