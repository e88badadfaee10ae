"""What somebody wants to store, checked before it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hookline.connection import check_base_url, origin_of
from hookline.errors import ConfigurationError, InvalidInputError
from hookline_connections.building import make_connection
from hookline_connections.origins import is_allowed
from hookline_connections.rows import SHARED, StoredConnection

if TYPE_CHECKING:
    from hookline.connector import Connector
    from hookline.gateway import Gateway

MAX_SECRET_LENGTH = 64 * 1024
_HINT = "Correct what the message names."

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")
_SCHEMES = re.compile(r"[a-z][a-z0-9+.-]*:\S+\Z")
_MAX_NUMBER = 1000
_MAX_MODELS = 100
_MAX_TEXT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A connection as somebody describes it.

    Attributes:
        tenant: Whose it will be; empty for the operator's.
        name: How it will be called.
        connector: Id of its connector; by default its name.
        base_url: Where the service's API lives; by default the connector's own address.
        more_origins: Where its credential may be sent besides the origin of the base URL.
        options: The connector's own options.
        secret: The credential; None if it has none or it is kept elsewhere.
        credential_ref: Where it is kept.
        weight: Share of the calls.
        priority: The lowest is asked first.
        models: Patterns of the models that it serves.
    """

    tenant: str
    name: str
    connector: str | None = None
    base_url: str | None = None
    more_origins: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    secret: str | None = field(default=None, repr=False)
    credential_ref: str | None = None
    weight: int = 1
    priority: int = 0
    models: tuple[str, ...] = ("*",)


def refused(
    message: str,
    *,
    field: str | None = None,
    code: str | None = None,
    status: int | None = None,
    title: str = "This connection cannot be stored",
    hint: str = _HINT,
) -> InvalidInputError:
    """Return the error for a connection that cannot be stored as somebody wants it."""
    error = InvalidInputError(message, field=field, code=code, status=status, hint=hint)
    error.title = title
    return error


def check_draft(draft: Draft, gateway: Gateway) -> StoredConnection:
    """Return the row that a draft makes, without times and without its credential.

    Raises:
        InvalidInputError: If a part of it cannot be; names the field.
    """
    _check_name(draft)
    connector = _connector_of(draft, gateway)
    origin = _origin_of(draft, connector)
    _check_numbers(draft)
    _check_models(draft.models)
    if draft.secret is not None and draft.credential_ref is not None:
        raise refused("Give a credential or say where one is kept, not both.", field="credential")
    if connector.credential is None and (draft.secret is not None or draft.credential_ref is not None):
        raise refused(f"Connector {connector.id!r} takes no credential.", field="credential")
    if draft.secret is not None:
        check_secret(draft.secret)
    if draft.credential_ref is not None:
        check_reference(draft.credential_ref)
    row = StoredConnection(
        tenant=draft.tenant,
        name=draft.name,
        connector=connector.id,
        base_url=draft.base_url,
        allowed_origins=tuple(sorted({origin, *(_plain_origin(one) for one in draft.more_origins)})),
        options=dict(draft.options),
        credential_ref=draft.credential_ref,
        weight=draft.weight,
        priority=draft.priority,
        models=draft.models,
    )
    try:
        make_connection(replace(row, sealed=b""), connector, gateway.connections)
    except ConfigurationError as exc:
        raise refused(f"This connection cannot be: {exc.message}", field="options") from exc
    return row


def check_tenant_url(row: StoredConnection, gateway: Gateway, patterns: tuple[str, ...]) -> None:
    """Refuse what a tenant wants to store if it leads to where tenants may not send the gateway.

    Raises:
        InvalidInputError: If the origin is neither the connector's own nor one that the operator allows.
    """
    own = origin_of(gateway.catalog.connectors[row.connector].base_url)
    for origin in row.allowed_origins:
        if origin != own and not is_allowed(origin, patterns):
            raise refused(
                f"A connection may not lead to {origin[:100]}.",
                field="base_url",
                hint="Leave `base_url` out for the service's own address, or ask whoever runs this gateway "
                "to allow yours (`plugins.connections.allowed_origins`).",
            )


def check_secret(secret: str) -> str:
    """Return a credential.

    Raises:
        InvalidInputError: If it cannot stand in a header. It is not shown.
    """
    if not secret:
        raise refused("The credential is empty.", field="credential")
    if len(secret) > MAX_SECRET_LENGTH:
        raise refused(f"The credential is longer than {MAX_SECRET_LENGTH:,} characters.", field="credential")
    if not all(0x21 <= ord(char) <= 0x7E for char in secret):
        raise refused(
            "The credential holds a space, a line break or a character that cannot stand in a header.",
            field="credential",
        )
    return secret


def check_reference(reference: str) -> str:
    """Return where a credential is kept.

    Raises:
        InvalidInputError: If this is no reference. It is not shown: it may be the credential itself.
    """
    if len(reference) > _MAX_TEXT * 10 or not _SCHEMES.match(reference) or not reference.isprintable():
        raise refused(
            "This is no reference to a credential; write file:/path or vault:mount/path#field.",
            field="credential_ref",
        )
    return reference


def _check_name(draft: Draft) -> None:
    if not _NAME.match(draft.name):
        raise refused(
            "A connection's name begins with a lower-case letter and holds up to 63 of a-z, 0-9, _ and -.",
            field="name",
        )
    if draft.tenant != SHARED and (len(draft.tenant) > _MAX_TEXT or not draft.tenant.isprintable()):
        raise refused(f"A tenant is printable and at most {_MAX_TEXT} long.", field="tenant")


def _connector_of(draft: Draft, gateway: Gateway) -> Connector:
    id = draft.connector or draft.name
    connector = gateway.catalog.connectors.get(id)
    if connector is None:
        known = ", ".join(sorted(gateway.catalog.connectors)) or "none"
        raise refused(f"There is no connector {id[:80]!r}; known: {known}.", field="connector")
    return connector


def _origin_of(draft: Draft, connector: Connector) -> str:
    if draft.base_url is None:
        return origin_of(connector.base_url)
    try:
        return origin_of(check_base_url(draft.base_url, setting="base_url"))
    except ConfigurationError as exc:
        raise refused(exc.message, field="base_url") from None


def _plain_origin(text: str) -> str:
    try:
        return origin_of(check_base_url(text, setting="allow_origin"))
    except ConfigurationError as exc:
        raise refused(exc.message, field="allow_origin") from None


def _check_numbers(draft: Draft) -> None:
    for name, value in (("weight", draft.weight), ("priority", draft.priority)):
        if not 0 <= value <= _MAX_NUMBER:
            raise refused(f"`{name}` is a number from 0 to {_MAX_NUMBER}.", field=name)


def _check_models(models: tuple[str, ...]) -> None:
    if not 0 < len(models) <= _MAX_MODELS or not all(
        0 < len(one) <= _MAX_TEXT and one.isprintable() and "*" not in one[:-1] for one in models
    ):
        raise refused(
            f"`models` holds 1 to {_MAX_MODELS} names of models; a * may stand only at the end of one.",
            field="models",
        )
