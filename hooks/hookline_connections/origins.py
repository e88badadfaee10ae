"""Where a connection may lead: origins, and patterns of origins for what tenants store themselves."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from hookline.connection import origin_of
from hookline.errors import ConfigurationError


def check_pattern(pattern: str) -> str:
    """Return a pattern of origins in its plain form, such as ``https://*.example.com:443``.

    Raises:
        ValueError: If it is none. A ``*`` stands only for the first part of a host name, below at
            least two others.
    """
    try:
        origin = origin_of(pattern)
    except ConfigurationError as exc:
        raise ValueError(f"{exc.message} Write an origin, such as https://llm.example.com") from None
    parts = urlsplit(pattern)
    if parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ValueError(f"{pattern!r} is more than scheme, host and port")
    host = parts.hostname or ""
    if "*" in host and (not host.startswith("*.") or "*" in host[1:] or host.count(".") < 2):
        raise ValueError(f"{pattern!r}: a * stands only for what comes before two more parts of a name")
    return origin


def is_allowed(origin: str, patterns: Iterable[str]) -> bool:
    """Tell whether an origin is one of the patterns, both in their plain form."""
    return any(_matches(origin, pattern) for pattern in patterns)


def _matches(origin: str, pattern: str) -> bool:
    if "*" not in pattern:
        return origin == pattern
    scheme, _, rest = pattern.partition("://*")
    if not origin.startswith(scheme + "://") or not origin.endswith(rest):
        return False
    below = origin[len(scheme) + 3 : -len(rest)]
    return bool(below) and all(char.isascii() and (char.isalnum() or char in "-.") for char in below)
