"""Fetches the public keys of an issuer: no redirects, no cookies, bounded in size and time."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

Fetch = Callable[[str], bytes]
"""Returns what is at an address.

Raises:
    FetchError: If it cannot be had.
"""

MAX_BYTES = 256 * 1024
TIMEOUT_S = 5.0


class FetchError(Exception):
    """An address cannot be read; the text says why, and nothing of what was there."""


def fetch(url: str) -> bytes:
    """Return what is at an address, by one GET request."""
    parts = urlsplit(url)
    ends_at = time.monotonic() + TIMEOUT_S
    host = parts.hostname or ""
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(
            host, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        connection = HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
    try:
        connection.request(
            "GET",
            parts.path or "/",
            headers={"Accept": "application/json", "User-Agent": "hookline", "Connection": "close"},
        )
        answer = connection.getresponse()
        if answer.status != 200:
            raise FetchError(f"it answered {answer.status}")
        content = bytearray()
        while part := answer.read1(65536):
            content += part
            if len(content) > MAX_BYTES:
                raise FetchError(f"it sent more than {MAX_BYTES:,} bytes")
            if time.monotonic() > ends_at:
                raise FetchError("it took too long")
        return bytes(content)
    except (OSError, HTTPException, ValueError) as exc:
        raise FetchError(type(exc).__name__) from exc
    finally:
        connection.close()
