"""Who calls: the principal, and the request it is recognised by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.making import maker_of

if TYPE_CHECKING:
    from hookline.limit import Limit

# Headers that hold a credential; no plugin but an authenticator ever sees them.
CREDENTIAL_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "webhook-signature",
        "x-api-key",
        "x-hub-signature-256",
    }
)


ANYTHING = ("*",)
"""Pattern list that everything matches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """The most that one call of a caller may ask for; None where there is no bound.

    Attributes:
        max_output_tokens: Tokens of an answer, all its choices together not counted: of each.
        max_choices: Answers to one prompt.
        max_stream_s: Seconds that a stream may take.
    """

    max_output_tokens: int | None = None
    max_choices: int | None = None
    max_stream_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyLimits:
    """Limits that come with one key: the caller's own, or one that it was made with.

    Attributes:
        key_id: Whose they are; what is taken counts for this key.
        limits: The limits.
    """

    key_id: str
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """A known caller. Never holds a secret.

    Attributes:
        key_id: Public id of the credential; safe to log.
        tenant: Whose data the caller sees; never empty.
        scopes: Rights such as ``"actions:run"`` and ``"catalog:read"``.
        label: A name that people recognise.
        actions: Patterns of the actions that it may run; a final ``*`` matches any rest.
        models: Patterns of the models that it may ask for.
        connections: Names of the upstream accounts that it may use; empty for whichever its tenant has.
        caps: The most that one call may ask for.
        limits: Its own limits, and those of every key that it descends from.
        delivery_id: Id of the signed delivery that this request is, the same when it is sent again; None for
            a request that is not signed, or whose kind of signature has no id.
    """

    key_id: str
    tenant: str = "default"
    scopes: frozenset[str] = frozenset()
    label: str = ""
    actions: tuple[str, ...] = ANYTHING
    models: tuple[str, ...] = ANYTHING
    connections: tuple[str, ...] = ()
    caps: Caps = Caps()
    limits: tuple[KeyLimits, ...] = ()
    delivery_id: str | None = None

    def __post_init__(self) -> None:
        if not self.key_id or not self.tenant:
            raise ValueError("a principal has a key id and a tenant; none is made up for it")

    def has_scope(self, scope: str) -> bool:
        """Tell whether this caller holds a right."""
        return scope in self.scopes

    def may_run(self, action_id: str) -> bool:
        """Tell whether this caller may run an action; its scope is another matter."""
        return self.actions is ANYTHING or matches(self.actions, action_id)

    def may_use_model(self, model: str) -> bool:
        """Tell whether this caller may ask for a model."""
        return self.models is ANYTHING or matches(self.models, model)

    def may_use_connection(self, name: str) -> bool:
        """Tell whether this caller may use an upstream account by its name."""
        return not self.connections or name in self.connections


def matches(patterns: Iterable[str], text: str) -> bool:
    """Tell whether one of the patterns is the text itself, or its beginning followed by ``*``."""
    return any(
        text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern for pattern in patterns
    )


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
        headers = dict(self.headers)
        for name in CREDENTIAL_HEADERS:
            headers.pop(name, None)
        return headers


make_inbound_request = maker_of(InboundRequest)
"""Make an inbound request; what every call needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What one authorizer says about one call.

    Attributes:
        allow: True allows unless another authorizer denies; False always denies.
        reason: Why, in words that the caller may read.
    """

    allow: bool
    reason: str = ""
