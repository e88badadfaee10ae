"""Upstream accounts: where a call goes, and the secret that may go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from hookline.errors import ConfigurationError

_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=1024)
def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, such as ``https://api.openai.com:443``.

    Raises:
        ConfigurationError: If the URL is not an absolute http or https URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ConfigurationError(f"{url!r} is not a URL.") from exc
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ConfigurationError(f"{url!r} is not an absolute http or https URL.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.lower()
    return f"{scheme}://{host}:{_DEFAULT_PORTS[scheme] if port is None else port}"


def check_base_url(url: str, *, setting: str) -> str:
    """Return a base URL without its final slash, or refuse one that is not plain.

    Raises:
        ConfigurationError: If it is not absolute, or holds user info, a query or a fragment.
    """
    try:
        origin_of(url)
    except ConfigurationError as exc:
        problem = "this is not an absolute http or https URL." if "@" in url else exc.message
        raise ConfigurationError(f"{setting}: {problem}") from None  # what stands before an @ may be a secret
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{setting}: a base URL is scheme, host and path only; put the credential in its own setting."
        )
    if any(ord(char) <= 0x20 or ord(char) == 0x7F for char in url):
        raise ConfigurationError(f"{setting}: {url!r} holds a space or a control character.")
    return url.rstrip("/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """A named upstream account. Holds no secret.

    Attributes:
        name: How settings and callers name it.
        connector: Id of the connector whose actions use it.
        base_url: Where requests go; the path of an action is appended.
        origin: Origin of ``base_url``, worked out once.
        options: The connector's own options, already validated by it.
        tenant: Whose account it is; None for one of whoever runs the gateway.
        credential_ref: Where its credential is kept, such as ``file:/run/secrets/openai``; None if it is not
            kept elsewhere.
        needs_credential: Whether a call must fail if no plugin knows the credential.
        is_simulated: Whether it leads to the built-in sandbox, where calls take no money and no tokens.
        id: What tells it from every other account: its name, with the tenant in front if it has one.
    """

    name: str
    connector: str
    base_url: str
    origin: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    tenant: str | None = None
    credential_ref: str | None = None
    needs_credential: bool = False
    is_simulated: bool = False
    id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        id = self.name if self.tenant is None else f"{self.tenant}/{self.name}"
        object.__setattr__(self, "id", id)
        if not self.origin:
            object.__setattr__(self, "origin", origin_of(self.base_url))


class Secret:
    """A credential that shows itself to nobody and goes only where it may.

    Args:
        value: The credential itself.
        allowed_origins: Origins, as by `origin_of`, that it may be sent to.
    """

    __slots__ = ("_value", "allowed_origins")

    def __init__(self, value: str, *, allowed_origins: frozenset[str]) -> None:
        self._value = value
        self.allowed_origins = allowed_origins

    def reveal(self) -> str:
        """Return the credential; call it only where it is put on the wire."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret('***', allowed_origins={sorted(self.allowed_origins)})"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled or copied")
