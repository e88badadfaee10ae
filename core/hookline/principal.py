"""Who calls: the principal, and the request it is recognised by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# Headers that hold a credential; no plugin but an authenticator ever sees them.
CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """A known caller. Never holds a secret.

    Attributes:
        key_id: Public id of the credential; safe to log.
        tenant: Whose data the caller sees.
        scopes: Rights such as ``"actions:run"`` and ``"catalog:read"``.
        label: A name that people recognise.
    """

    key_id: str
    tenant: str = "default"
    scopes: frozenset[str] = frozenset()
    label: str = ""

    def has_scope(self, scope: str) -> bool:
        """Tell whether this caller holds a right."""
        return scope in self.scopes


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundRequest:
    """An HTTP request as it arrived, before anybody knows who sent it.

    Attributes:
        method: Upper-case HTTP method.
        path: Decoded path, without the query.
        headers: Header values by lower-case name.
        query: First value of each query parameter.
        client: Network address of the peer.
        read_body: Returns the raw body, at most the size cap; reads it once.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    read_body: Callable[[], bytes] = field(default=lambda: b"", repr=False)

    def public_headers(self) -> dict[str, str]:
        """Return the headers without those that hold a credential."""
        return {name: value for name, value in self.headers.items() if name not in CREDENTIAL_HEADERS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What one authorizer says about one call.

    Attributes:
        allow: True allows unless another authorizer denies; False always denies.
        reason: Why, in words that the caller may read.
    """

    allow: bool
    reason: str = ""
