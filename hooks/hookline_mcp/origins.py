"""Which web pages may call the endpoint: a page that rebinds a name to this machine must not."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.settings import ServerSettings

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The origin of a web page.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Lower-case name or address.
        port: Port, also where the text leaves it out.
    """

    scheme: str
    host: str
    port: int


def read_origin(text: str) -> Origin | None:
    """Return the origin that a text is; None if it is none, such as ``null``."""
    if not text.isascii() or not text.isprintable():
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or parts.username is not None or parts.password is not None:
        return None
    if parts.path or parts.query or parts.fragment or text.endswith(("?", "#")):
        return None
    return Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)


class OriginRule:
    """Tells which origins may call.

    The header ``Host`` is not asked: a page on a name that was rebound to this machine sends its own.

    Args:
        server: Where the gateway can be reached, as far as its settings say.
        allowed: Further origins.
    """

    def __init__(self, server: ServerSettings, allowed: Iterable[str]) -> None:
        self._origins = {origin for text in allowed if (origin := read_origin(text)) is not None}
        if server.public_url is not None:
            parts = urlsplit(server.public_url)
            own = read_origin(f"{parts.scheme}://{parts.netloc}")
            if own is not None:
                self._origins.add(own)
        self._hosts = {name.lower() for name in server.allowed_hosts}

    def allows(self, text: str | None) -> bool:
        """Tell whether a request with this header ``Origin`` may go on; programs send none."""
        if text is None:
            return True
        origin = read_origin(text)
        if origin is None:
            return False
        return (
            origin in self._origins
            or _is_loopback(origin.host)
            or origin.host in self._hosts
            or f"{origin.host}:{origin.port}" in self._hosts
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
