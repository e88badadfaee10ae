"""Where to listen: names made addresses, ports checked before anything is started."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

from hookline.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A place to listen.

    Attributes:
        host: IP address.
        port: Port, never 0.
    """

    host: str
    port: int

    @property
    def url(self) -> str:
        """Base URL for clients on this machine."""
        ip = ipaddress.ip_address(self.host)
        if ip.is_unspecified:
            ip = ipaddress.ip_address("127.0.0.1" if ip.version == 4 else "::1")
        return f"http://{ip}:{self.port}" if ip.version == 4 else f"http://[{ip}]:{self.port}"


def resolve(host: str) -> str:
    """Return the IP address of a host name; IPv4 if it has both kinds.

    Raises:
        ConfigurationError: If nobody knows the name.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise ConfigurationError(
            f"The host {host!r} is not an address of this machine.", hint="Use `--host 127.0.0.1`."
        ) from exc
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return str(found[0][4][0]).partition("%")[0]


def is_loopback(ip: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    return ipaddress.ip_address(ip).is_loopback


def claim(ip: str, port: int) -> Address:
    """Return an address that is free at this moment.

    Args:
        ip: IP address.
        port: Port; 0 takes a free one.

    Raises:
        ConfigurationError: If it cannot be listened on; says why.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(ip).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((ip, port))
            probe.listen(1)
            return Address(host=ip, port=int(probe.getsockname()[1]))
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {port} of {ip} is in use.",
                hint="Stop what listens there, or choose another with `--port`; `--port 0` takes a free one.",
            ) from exc
        if exc.errno == errno.EACCES:
            raise ConfigurationError(
                f"This user may not listen on port {port}.", hint="Choose a port from 1024 with `--port`."
            ) from exc
        raise ConfigurationError(
            f"Cannot listen on {ip}, port {port}: {exc.strerror}.",
            hint="`--host` takes an address of this machine, such as 127.0.0.1.",
        ) from exc
