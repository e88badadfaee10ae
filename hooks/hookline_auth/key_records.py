"""A stored key: what it may do, whom it belongs to, and what became of it.

It holds no hash, and no secret but those of signed requests, encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Literal, cast

import orjson

from hookline.limit import parse_limit
from hookline.principal import ANYTHING, Caps, KeyLimits, Principal
from hookline_auth.rights import Rights, narrow, network_of

if TYPE_CHECKING:
    from hookline.action import JsonObject

MAX_DEPTH = 8
"""Most keys from one that nobody made down to another, both included."""

TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
"""What a tenant is called."""

SigningMode = Literal["off", "optional", "required"]
SigningScheme = Literal["standard", "github"]
Status = Literal[
    "active", "revoked", "expired", "revoked with its maker", "expired with its maker", "orphaned"
]
MICROSECONDS = 1_000_000


class UnreadableKeyError(Exception):
    """A stored key does not say what a key must say; it is refused like any other that is not valid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyRecord:
    """One key.

    Attributes:
        id: Its public id.
        tenant: Whose it is.
        label: A name that people recognise.
        rights: What it may do.
        parent_id: The key that made it; None if none did.
        created_at_us: When, in microseconds since 1970.
        created_by: Who made it.
        updated_at_us: When it was changed last.
        revoked_at_us: When it was revoked.
        previous_until_us: Until when the secret before the last rotation is valid as well.
        signing_mode: Whether its requests are signed.
        signing_scheme: How.
        signing: How, with the secrets encrypted; None if they never were.
        pepper_id: With which pepper its hash was made.
    """

    id: str
    tenant: str
    label: str
    rights: Rights
    parent_id: str | None
    created_at_us: int
    created_by: str
    updated_at_us: int
    revoked_at_us: int | None = None
    previous_until_us: int | None = None
    signing_mode: SigningMode = "off"
    signing_scheme: SigningScheme = "standard"
    signing: str | None = field(default=None, repr=False)
    pepper_id: str = ""

    def why_invalid(self, now_us: int) -> Literal["revoked", "expired"] | None:
        """Return why this key by itself is not valid; its makers may have ended, too."""
        if self.revoked_at_us is not None:
            return "revoked"
        end = self.rights.expires_at_us
        return "expired" if end is not None and end <= now_us else None


def read_record(row: Mapping[str, object]) -> KeyRecord:
    """Return the key that a row of the table ``keys`` holds.

    Raises:
        UnreadableKeyError: If it holds none.
    """
    try:
        signing = orjson.loads(cast("str", row["signing"])) if row["signing"] is not None else {}
        if not TENANT.fullmatch(str(row["tenant"])):
            raise ValueError("it belongs to nobody")
        return KeyRecord(
            id=str(row["id"]),
            tenant=str(row["tenant"]),
            label=str(row["label"]),
            rights=_read_rights(row),
            parent_id=cast("str | None", row["parent_id"]),
            created_at_us=cast("int", row["created_at_us"]),
            created_by=str(row["created_by"]),
            updated_at_us=cast("int", row["updated_at_us"]),
            revoked_at_us=cast("int | None", row["revoked_at_us"]),
            previous_until_us=cast("int | None", row["previous_until_us"]),
            signing_mode=signing.get("mode", "off"),
            signing_scheme=signing.get("scheme", "standard"),
            signing=cast("str | None", row["signing"]),
            pepper_id=str(row["secret_hash"]).partition(":")[0],
        )
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise UnreadableKeyError(f"the key {str(row.get('id'))[:16]!r} cannot be read") from exc


def write_rights(rights: Rights) -> dict[str, object]:
    """Return the columns that say what a key may do."""
    caps = rights.caps
    return {
        "scopes": _dump(sorted(rights.scopes)),
        "actions": _dump(list(rights.actions)),
        "models": _dump(list(rights.models)),
        "connections": _dump(list(rights.connections)),
        "caps": _dump(
            {
                "max_output_tokens": caps.max_output_tokens,
                "max_choices": caps.max_choices,
                "max_stream_s": caps.max_stream_s,
            }
        ),
        "networks": _dump(list(rights.networks)),
        "limits": _dump([str(limit) for limit in rights.limits]),
        "expires_at_us": rights.expires_at_us,
    }


def rights_of_chain(chain: Sequence[KeyRecord]) -> Rights:
    """Return what a key may do under all keys that it descends from.

    Args:
        chain: The key first, then its maker, and so on.
    """
    return reduce(narrow, (record.rights for record in chain))


def principal_of(chain: Sequence[KeyRecord], rights: Rights) -> Principal:
    """Return the caller that a key stands for."""
    return Principal(
        key_id=chain[0].id,
        tenant=chain[0].tenant,
        scopes=rights.scopes,
        label=chain[0].label,
        actions=rights.actions,
        models=rights.models,
        connections=rights.connections,
        caps=rights.caps,
        limits=tuple(KeyLimits(key_id=record.id, limits=record.rights.limits) for record in chain),
    )


def status_of(chain: Sequence[KeyRecord], now_us: int) -> Status:
    """Return whether a key is valid, and if not, why.

    Args:
        chain: The key first, then its maker, and so on; empty if one of them is missing or damaged.
        now_us: What time it is.
    """
    if not chain:
        return "orphaned"
    own = chain[0].why_invalid(now_us)
    if own is not None:
        return own
    reasons = {maker.why_invalid(now_us) for maker in chain[1:]}
    if "revoked" in reasons:
        return "revoked with its maker"
    return "expired with its maker" if "expired" in reasons else "active"


def describe(record: KeyRecord, *, now_us: int, chain: Sequence[KeyRecord]) -> JsonObject:
    """Return a key as programs read it.

    Args:
        record: The key.
        now_us: What time it is.
        chain: The key first, then its maker, and so on; empty if one of them is missing or damaged.
    """
    effective = None
    if chain:
        limits = [str(limit) for one in chain for limit in one.rights.limits]
        effective = {**_show_rights(rights_of_chain(chain)), "limits": limits}
    status = status_of(chain, now_us)
    if status == "orphaned":
        status = record.why_invalid(now_us) or status
    return {
        "id": record.id,
        "tenant": record.tenant,
        "label": record.label,
        "status": status,
        "parent_id": record.parent_id,
        **_show_rights(record.rights),
        "effective": effective,
        "signing": {"mode": record.signing_mode, "scheme": record.signing_scheme},
        "created_at": show_time(record.created_at_us),
        "created_by": record.created_by,
        "updated_at": show_time(record.updated_at_us),
        "revoked_at": show_time(record.revoked_at_us),
        "previous_secret_until": show_time(record.previous_until_us),
    }


def has_ended(described: JsonObject) -> bool:
    """Tell whether a key, as `describe` returns it, was ended by itself or with its maker."""
    return described["status"] not in ("active", "orphaned")


def _show_rights(rights: Rights) -> JsonObject:
    return {
        "scopes": sorted(rights.scopes),
        "actions": list(rights.actions),
        "models": list(rights.models),
        "connections": list(rights.connections),
        "caps": {
            "max_output_tokens": rights.caps.max_output_tokens,
            "max_choices": rights.caps.max_choices,
            "max_stream_s": rights.caps.max_stream_s,
        },
        "networks": list(rights.networks),
        "limits": [str(limit) for limit in rights.limits],
        "expires_at": show_time(rights.expires_at_us),
    }


def show_time(at_us: int | None) -> str | None:
    """Return a time as RFC 3339 in UTC, to the second."""
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us // MICROSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_rights(row: Mapping[str, object]) -> Rights:
    caps = cast("dict[str, int | None]", orjson.loads(cast("str", row["caps"])))
    networks = _texts(row["networks"])
    for text in networks:
        network_of(text)
    return Rights(
        scopes=frozenset(_texts(row["scopes"])),
        actions=_patterns(row["actions"]),
        models=_patterns(row["models"]),
        connections=_texts(row["connections"]),
        caps=Caps(
            max_output_tokens=caps["max_output_tokens"],
            max_choices=caps["max_choices"],
            max_stream_s=caps["max_stream_s"],
        ),
        networks=networks,
        expires_at_us=cast("int | None", row["expires_at_us"]),
        limits=tuple(parse_limit(text) for text in _texts(row["limits"])),
    )


def _patterns(value: object) -> tuple[str, ...]:
    found = _texts(value)
    return ANYTHING if found == ANYTHING else found  # the pipeline recognises it by identity, which is quick


def _texts(value: object) -> tuple[str, ...]:
    found = orjson.loads(cast("str", value))
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise TypeError("a list of texts was expected")
    return tuple(found)


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()
