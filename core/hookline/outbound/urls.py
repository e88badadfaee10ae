"""URLs that somebody else chose, read strictly: what two readers could take for two hosts is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from hookline.outbound.addresses import is_loopback, is_public

MAX_LENGTH = 2048

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)([^#]*)")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MIN_FREE_PORT = 1024
_PRIVATE_ENDINGS = (
    *("localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan"),
    *("home.arpa", "invalid", "onion"),
)


class RefusedUrlError(ValueError):
    """A URL may not be called; the text says why, and shows of it the host at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundRules:
    """Where requests may go.

    Attributes:
        allowed_hosts: Names of hosts; ``*.example.com`` stands for all below. Empty for all public ones.
        allowed_ports: Ports; empty for 443 and all from 1024 on.
        allow_loopback: Whether they may go to the machine itself, by http too. For development only.
    """

    allowed_hosts: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = ()
    allow_loopback: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a URL leads.

    Attributes:
        is_https: Whether the connection is encrypted.
        host: Name or IP address, in ASCII and lower case.
        port: Port.
        path: Path and query as they are sent; may hold a secret.
        is_loopback: Whether the host is the machine itself.
    """

    is_https: bool
    host: str
    port: int
    path: str = field(repr=False)
    is_loopback: bool = False

    @property
    def host_header(self) -> str:
        """Value of the header ``host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, which can be shown to anybody."""
        return f"{'https' if self.is_https else 'http'}://{self.host_header}"


def read_url(text: object, rules: OutboundRules) -> Target:
    """Return where a URL leads, if it may be called as far as its text tells.

    Raises:
        RefusedUrlError: If it may not.
    """
    if not isinstance(text, str) or not text:
        raise RefusedUrlError("it is not a text")
    if len(text) > MAX_LENGTH:
        raise RefusedUrlError(f"it has more than {MAX_LENGTH} characters")
    if not text.isprintable() or " " in text or "\\" in text:
        raise RefusedUrlError("it holds a blank, a backslash or another character that no URL holds")
    if "#" in text:
        raise RefusedUrlError("it has a part after `#`, which is never sent")
    found = _URL.fullmatch(text)
    if found is None:
        raise RefusedUrlError("it is not a whole URL, which begins with `https://`")
    scheme = found[1].lower()
    if scheme not in _DEFAULT_PORTS:
        raise RefusedUrlError("it does not begin with `https://`")
    if "@" in found[2]:
        raise RefusedUrlError("it holds a user name or a password before the host")
    authority = _AUTHORITY.fullmatch(found[2])
    if authority is None:
        raise RefusedUrlError("its host or its port is not in order")
    host = _read_host(authority[1])
    port = int(authority[2] or _DEFAULT_PORTS[scheme])
    own = host == "localhost" or host.endswith(".localhost") or is_loopback(host)
    if not (own and rules.allow_loopback):
        _check(scheme, host, port, rules)
    elif port > 65535 or port < 1:
        raise RefusedUrlError(f"there is no port {port}")
    return Target(is_https=scheme == "https", host=host, port=port, path=_path(found[3]), is_loopback=own)


def _check(scheme: str, host: str, port: int, rules: OutboundRules) -> None:
    if scheme != "https":
        raise RefusedUrlError("it does not begin with `https://`")
    if _is_address(host):
        if not is_public(host):
            raise RefusedUrlError(f"{host} is not a public address")
    elif "." not in host or any(host == end or host.endswith(f".{end}") for end in _PRIVATE_ENDINGS):
        raise RefusedUrlError(f"{host} is not the name of a public host")
    if rules.allowed_hosts and not any(_fits(host, pattern) for pattern in rules.allowed_hosts):
        raise RefusedUrlError(f"{host} is not among the hosts that this gateway calls")
    allowed = rules.allowed_ports or (443,)
    if port not in allowed and (rules.allowed_ports or not _MIN_FREE_PORT <= port <= 65535):
        raise RefusedUrlError(f"this gateway does not call port {port}")


def _read_host(text: str) -> str:
    """Return a host in the one way in which it is written here."""
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise RefusedUrlError("its host is not an IPv6 address") from None
    if not text.isascii():
        text = _to_ascii(text)
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # every reader takes this for an IPv4 address, or should
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise RefusedUrlError("its host is a number, but not an IP address of four numbers") from None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedUrlError("its host is not the name of a host")
    return host


def _to_ascii(text: str) -> str:
    from hookline.engine.httpx_transport import to_ascii_host
    from hookline.errors import ConfigurationError

    try:
        return to_ascii_host(text)
    except (ConfigurationError, ValueError):
        raise RefusedUrlError("its host is not the name of a host") from None


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdecimal()


def _fits(host: str, pattern: str) -> bool:
    pattern = pattern.lower().removesuffix(".")
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _path(text: str) -> str:
    """Return path and query, in ASCII; what is ASCII stays as it is, because it may be part of a secret."""
    if not text.startswith("/"):
        text = "/" + text
    return text if text.isascii() else "".join(c if c.isascii() else quote(c) for c in text)
