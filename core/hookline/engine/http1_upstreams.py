"""Where a base URL leads, worked out once, and the idle connections to each origin."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from hookline.connection import origin_of
from hookline.engine.proxies import proxy_from_environment
from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.engine.sockets import CuttableSocket

_KEEPALIVE_S = 30.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[0-9a-z._~-]+|[0-9a-f]*:[0-9a-f:.]+(?:%[0-9a-z._~-]+)?")
_KEPT_IN_PATHS = "!$&'()*+,/:;=@%~"


class IdleConnections:
    """The connections to one origin that nobody uses; the last one given back is borrowed first.

    So there are never more connections than the most calls that ran at once. Appending to a deque and
    taking from it are each one step, which is why there is no lock.
    """

    def __init__(self) -> None:
        self._idle: deque[CuttableSocket] = deque()
        self._is_closed = False

    def borrow(self) -> CuttableSocket | None:
        """Return a connection that can be used, or None; those that are too old or not silent are closed."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - connection.idle_since < _KEEPALIVE_S and connection.is_silent():
                return connection
            connection.close()

    def give_back(self, connection: CuttableSocket) -> None:
        """Take a connection back whose last answer was read to its end, and let go of the oldest."""
        idle = self._idle
        connection.idle_since = now = time.monotonic()
        idle.append(connection)
        try:
            while now - idle[0].idle_since > _KEEPALIVE_S:
                idle.popleft().close()  # another thread may make it a younger one, which is no loss
        except IndexError:
            pass
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Close all that are here and all that come back."""
        self._is_closed = True
        try:
            while True:
                self._idle.pop().close()
        except IndexError:
            pass


class Upstream:
    """What a base URL says about how requests below it are sent.

    Attributes:
        origin: As by `origin_of`.
        is_https: Whether the connection is encrypted.
        host: Name or IP address, in ASCII.
        port: Port.
        host_header: Value of the ``host`` header.
        path: Path before the request's own.
        needs_proxy: Whether the environment wants a proxy between.
        idle: Connections that can be used again.

    Raises:
        ConfigurationError: If it is not a plain http or https URL.
    """

    __slots__ = ("host", "host_header", "idle", "is_https", "needs_proxy", "origin", "path", "port")

    def __init__(self, base_url: str, idle: dict[str, IdleConnections]) -> None:
        self.origin = origin_of(base_url)
        parts = urlsplit(base_url)
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigurationError("A base URL is scheme, host and path only; the request was not sent.")
        scheme = parts.scheme.lower()
        self.is_https = scheme == "https"
        self.host = _ascii_host((parts.hostname or "").lower())
        self.port = _DEFAULT_PORTS[scheme] if parts.port is None else parts.port
        self.host_header = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        if self.port != _DEFAULT_PORTS[scheme]:
            self.host_header += f":{self.port}"
        self.path = quote(parts.path, safe=_KEPT_IN_PATHS)
        self.needs_proxy = proxy_from_environment(scheme, self.host) is not None
        self.idle = idle.setdefault(self.origin, IdleConnections())


def _ascii_host(host: str) -> str:
    if not host.isascii():
        from hookline.engine.httpx_transport import to_ascii_host

        host = to_ascii_host(host)
    if not _HOST.fullmatch(host):
        raise ConfigurationError(f"{host!r} is not the name of a host; the request was not sent.")
    return host
