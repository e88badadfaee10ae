"""Events of the audit log, and the hash that ties each to the one before it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hookline.connection import Secret
from hookline.store.texts import storable

if TYPE_CHECKING:
    from hookline.action import JsonObject

FIRST_PREVIOUS_HASH = "0" * 64
"""What the first event holds as the hash of the one before it."""

MAX_TEXT_CHARS = 512
MAX_DETAILS_BYTES = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEvent:
    """Something that was done, before it has a place in the log.

    Attributes:
        at_us: When, in microseconds since 1970.
        actor: Who: a key id, or ``cli:`` and the name of a user of the machine.
        action: What, such as ``key.create``.
        target: To which thing.
        tenant: Whose thing that is.
        client: Network address that it came from; empty for commands.
        details: Canonical JSON of an object.
    """

    at_us: int
    actor: str
    action: str
    target: str
    tenant: str
    client: str
    details: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """An event in its place.

    Attributes:
        seq: Its number; the first is 1, and none is left out.
        event: What was done.
        previous_hash: Hash of the entry before.
        hash: Hash of this one, as by `hash_of`.
    """

    seq: int
    event: AuditEvent
    previous_hash: str
    hash: str

    def as_json(self) -> JsonObject:
        """Return it for programs; the time as in ISO 8601."""
        event = self.event
        return {
            "seq": self.seq,
            "at": datetime.fromtimestamp(event.at_us / 1e6, UTC).isoformat(timespec="milliseconds"),
            "actor": event.actor,
            "action": event.action,
            "target": event.target,
            "tenant": event.tenant,
            "client": event.client,
            "details": json.loads(event.details),
            "hash": self.hash,
        }


def hash_of(seq: int, event: AuditEvent, previous_hash: str) -> str:
    """Return the SHA-256, in hex, of an entry: of its canonical JSON, in which the previous hash stands.

    Source: The canonical form is a JSON list in ASCII without spaces, of seq, at_us, actor, action, target,
    tenant, client, details (as the text that is stored) and previous_hash.
    """
    members = [
        *(seq, event.at_us, event.actor, event.action, event.target),
        *(event.tenant, event.client, event.details, previous_hash),
    ]
    return hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).hexdigest()


def make_event(
    *,
    at_us: int,
    actor: str,
    action: str,
    target: str,
    tenant: str,
    client: str,
    details: Mapping[str, object],
) -> AuditEvent:
    """Return an event; what callers chose is cut to a size that can be kept.

    Raises:
        TypeError: If the details hold a secret, or anything that is not JSON.
        ValueError: If they are too large.
    """
    _check(details, "details")
    text = json.dumps(details, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_DETAILS_BYTES:
        raise ValueError(f"details of {action!r} are longer than {MAX_DETAILS_BYTES} bytes")
    return AuditEvent(
        at_us=at_us,
        actor=storable(actor, max_chars=MAX_TEXT_CHARS),
        action=storable(action, max_chars=MAX_TEXT_CHARS),
        target=storable(target, max_chars=MAX_TEXT_CHARS),
        tenant=storable(tenant, max_chars=MAX_TEXT_CHARS),
        client=storable(client, max_chars=MAX_TEXT_CHARS),
        details=text,
    )


def _check(value: object, where: str) -> None:
    """Refuse what must not, or cannot, be written down."""
    if isinstance(value, Secret) or hasattr(value, "get_secret_value"):
        raise TypeError(f"{where} is a secret, and secrets are not written into the audit log")
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str):
                raise TypeError(f"{where} has a name that is not a text")
            _check(part, f"{where}.{name}")
    elif isinstance(value, list | tuple):
        for position, part in enumerate(value):
            _check(part, f"{where}[{position}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{where} is not a number of JSON")
    elif not isinstance(value, str | int | float | None):
        raise TypeError(f"{where} is of type {type(value).__name__}, which is not JSON")
