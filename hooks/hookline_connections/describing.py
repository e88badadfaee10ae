"""What people may know of a stored connection: all but its credential."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline_connections.sealing import SealError, fingerprint, unseal

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.connector import Connector
    from hookline_connections.keys import ConnectionKeys
    from hookline_connections.rows import StoredConnection

_MOST_MODELS = 20
"""Of a connection's models so many stand in the audit log, whose entries are bounded."""


def describe(row: StoredConnection, connectors: Mapping[str, Connector], keys: ConnectionKeys) -> JsonObject:
    """Return a connection as commands and routes show it.

    Args:
        row: The connection.
        connectors: All connectors, by id.
        keys: The keys that seal credentials; a fingerprint needs them.
    """
    connector = connectors.get(row.connector)
    return {
        "name": row.name,
        "tenant": row.tenant or None,
        "connector": row.connector,
        "base_url": row.base_url or (connector.base_url if connector is not None else None),
        "allowed_origins": list(row.allowed_origins),
        "models": list(row.models),
        "weight": row.weight,
        "priority": row.priority,
        "enabled": not row.is_disabled,
        "created_at": _shown(row.created_at_us),
        "credential": _describe_credential(row, keys),
    }


def audit_details(row: StoredConnection) -> JsonObject:
    """Return what stands in the audit log about a connection that was added or changed."""
    return {
        "connector": row.connector,
        "allowed_origins": list(row.allowed_origins),
        "credential": "none"
        if row.sealed is None
        else ("stored" if row.credential_ref is None else row.credential_ref),
        "models": list(row.models[:_MOST_MODELS]),
        "weight": row.weight,
        "priority": row.priority,
    }


def _describe_credential(row: StoredConnection, keys: ConnectionKeys) -> JsonObject:
    described: JsonObject = {"kind": "none"}
    if row.sealed is None and row.credential_ref is None:
        return described
    described = {"kind": "stored", "set_at": _shown(row.rotated_at_us or row.created_at_us)}
    if row.credential_ref is not None:
        described |= {"kind": "reference", "reference": row.credential_ref}
    try:
        keyring = keys.load()
        if keyring is None or row.sealed is None:
            raise SealError("it is not sealed" if row.sealed is None else "there is no key")
        text = unseal(keyring, row.sealed, row.label)
        if row.credential_ref is None:
            described["fingerprint"] = fingerprint(keyring, text)
    except SealError as exc:
        described["problem"] = f"cannot be opened: {exc.message}"
    except ConfigurationError as exc:
        described["problem"] = exc.message
    return described


def _shown(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="seconds")
