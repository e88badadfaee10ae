"""Which key an id is of, for people who ask what it may take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hookline.errors import HooklineError, NotFoundError
from hookline.limit import parse_limit
from hookline.principal import InboundRequest, KeyLimits, Principal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hookline.gateway import Gateway

_MOST_ANCESTORS = 32


def find_key(gateway: Gateway, key_id: str, *, tenant: str | None) -> Principal:
    """Return a caller with the limits of a key and of those that it was made with, newest first.

    Keys are in the database, in the setting ``api_keys``, or have a table in the settings. Others, such as
    those that an identity provider makes, are not known before they call.

    Args:
        gateway: Where to look.
        key_id: Public id of the key.
        tenant: Its tenant, if nobody else knows the key; then it is taken for one that there is.

    Raises:
        NotFoundError: If nobody knows such a key. The id is not shown: it may be the key itself.
        StoreUnavailableError: If the database does not answer.
    """
    stored = _find_stored(gateway, key_id)
    if stored is not None:
        return stored
    static = _find_static(gateway, key_id)
    if static is not None:
        return static
    if tenant is None and key_id not in gateway.keys_with_options():
        raise NotFoundError(
            "There is no key of this id in the database, and none of `api_keys`.",
            code="unknown_key",
            hint="--key takes the public id, not the key; `hookline keys list` shows the ids. Which keys "
            "another plugin or an identity provider makes cannot be known here: name the tenant of such a "
            "key with --tenant.",
        )
    return Principal(key_id=key_id, tenant=tenant or "default")


def _find_stored(gateway: Gateway, key_id: str) -> Principal | None:
    has_place = gateway.state_dir is not None or gateway.settings.database_url is not None
    if not has_place or not gateway.database.is_made():
        return None
    found: list[KeyLimits] = []
    tenant = None
    with gateway.database.connect() as connection:
        next_id: str | None = key_id
        while next_id is not None and len(found) < _MOST_ANCESTORS:
            row = _read(connection, next_id)
            if row is None:
                break
            tenant = tenant or row[0]
            found.append(KeyLimits(key_id=next_id, limits=tuple(map(parse_limit, row[2]))))
            next_id = row[1]
    return None if tenant is None else Principal(key_id=key_id, tenant=tenant, limits=tuple(found))


def _find_static(gateway: Gateway, key_id: str) -> Principal | None:
    """Return the caller of a key of the settings: whoever checks callers says which id it has."""
    for key in gateway.settings.api_keys:
        headers = {"authorization": f"Bearer {key.get_secret_value()}"}
        try:
            principal = gateway.pipeline.authenticate(
                InboundRequest(method="GET", path="/actions", headers=headers)
            )
        except HooklineError:
            continue
        if principal.key_id == key_id:
            return principal
    return None


def _read(connection: Connection, key_id: str) -> tuple[str, str | None, list[str]] | None:
    """Return tenant, parent and limits of a key."""
    from sqlalchemy import select

    from hookline.store.tables import KEYS

    row = connection.execute(
        select(KEYS.c.tenant, KEYS.c.parent_id, KEYS.c.limits).where(KEYS.c.id == key_id)
    ).first()
    return None if row is None else (row[0], row[1], json.loads(row[2]))
