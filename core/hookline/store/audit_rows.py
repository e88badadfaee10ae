"""Rows of the audit log: appending them as one chain, and finding where that was tampered with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from hookline.store.audit_events import FIRST_PREVIOUS_HASH, AuditEntry, AuditEvent, hash_of
from hookline.store.tables import AUDIT_EVENTS, STORE_STATE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from hookline.store.database import Database

HEAD = "audit_head"
CHUNK_ROWS = 5000
_LOCK = 0x686F6F6B_00000002
_MAX_PROBLEMS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditHead:
    """The end of the chain at some moment.

    Attributes:
        seq: Number of the last entry.
        hash: Its hash.
    """

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditProblem:
    """A place at which the chain is broken.

    Attributes:
        seq: Number of the entry.
        text: What is wrong with it.
    """

    seq: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditReport:
    """What looking through the whole chain found.

    Attributes:
        rows: How many entries there are.
        head: The last one; None if there is none. Keep it elsewhere to compare with it later.
        problems: Where the chain is broken, first ones first; empty if it is sound.
    """

    rows: int
    head: AuditHead | None
    problems: tuple[AuditProblem, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def append(connection: Connection, events: Sequence[AuditEvent]) -> list[AuditEntry]:
    """Add events to the end of the chain, in a transaction that writes.

    Only one transaction at a time gets this far: on SQLite the only writer, on PostgreSQL whoever holds a
    lock that ends with it.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    head = _end(connection)
    seq, previous_hash = (0, FIRST_PREVIOUS_HASH) if head is None else (head.seq, head.hash)
    entries = []
    for event in events:
        seq += 1
        hash = hash_of(seq, event, previous_hash)
        entries.append(AuditEntry(seq=seq, event=event, previous_hash=previous_hash, hash=hash))
        previous_hash = hash
    if entries:
        connection.execute(AUDIT_EVENTS.insert(), [_row_of(entry) for entry in entries])
        _note_head(connection, AuditHead(seq=seq, hash=previous_hash))
    return entries


def read_entries(
    connection: Connection,
    *,
    since_us: int | None,
    actor: str | None,
    action: str | None,
    tenant: str | None,
    limit: int,
) -> list[AuditEntry]:
    """Return the newest entries that fit, newest first."""
    from sqlalchemy import func

    columns = AUDIT_EVENTS.c
    query = AUDIT_EVENTS.select().order_by(columns.seq.desc()).limit(limit)
    if since_us is not None:
        query = query.where(columns.at_us >= since_us)
    for column, wanted in ((columns.actor, actor), (columns.tenant, tenant)):
        if wanted is not None:
            query = query.where(column == wanted)
    if action is not None and action.endswith("*"):
        start = action[:-1]
        query = query.where(func.substr(columns.action, 1, len(start)) == start)  # LIKE has wildcards
    elif action is not None:
        query = query.where(columns.action == action)
    return [_entry_of(row) for row in connection.execute(query)]


def verify(database: Database, *, noted: AuditHead | None = None) -> AuditReport:
    """Look through the whole chain, in short blocks, while others append to it.

    Args:
        database: Where it is.
        noted: An end of it that was kept elsewhere.
    """
    walk = _Walk(noted)
    while True:
        with database.connect() as connection:
            head = _read_head(connection)  # first: entries that come meanwhile are then no surprise
            chunk = _read_chunk(connection, after_seq=walk.seq)
        walk.take(chunk)
        if not chunk:
            return walk.finish(head)


class _Walk:
    """Goes along the chain and remembers what is wrong with it."""

    def __init__(self, noted: AuditHead | None) -> None:
        self.seq = 0
        self._hash = FIRST_PREVIOUS_HASH
        self._rows = 0
        self._noted = noted
        self._problems: list[AuditProblem] = []

    def take(self, entries: list[AuditEntry]) -> None:
        for entry in entries:
            if entry.seq != self.seq + 1:
                self._add(self.seq + 1, f"entries {self.seq + 1} to {entry.seq - 1} are missing")
            elif entry.previous_hash != self._hash:
                self._add(entry.seq, "does not follow the entry before it: one of both was changed")
            if entry.hash != hash_of(entry.seq, entry.event, entry.previous_hash):
                self._add(entry.seq, "was changed after it was written")
            if self._noted is not None and entry.seq == self._noted.seq and entry.hash != self._noted.hash:
                self._add(entry.seq, "is not the entry that was noted elsewhere")
            self.seq, self._hash, self._rows = entry.seq, entry.hash, self._rows + 1

    def finish(self, head: AuditHead | None) -> AuditReport:
        last = AuditHead(seq=self.seq, hash=self._hash) if self._rows else None
        if head is None and last is not None:
            self._add(self.seq, "is the last one, but the note of the last one is missing")
        elif head is not None and head.seq > self.seq:
            self._add(self.seq + 1, f"entries {self.seq + 1} to {head.seq} are missing at the end")
        elif head is not None and head != last:
            self._add(self.seq, f"is the last one, but entry {head.seq} was noted as the last one")
        if self._noted is not None and self._noted.seq > self.seq:
            self._add(self.seq + 1, f"entries {self.seq + 1} to {self._noted.seq} are missing at the end")
        return AuditReport(rows=self._rows, head=last, problems=tuple(self._problems[:_MAX_PROBLEMS]))

    def _add(self, seq: int, text: str) -> None:
        problem = AuditProblem(seq=seq, text=text)
        if len(self._problems) < _MAX_PROBLEMS and problem not in self._problems:
            self._problems.append(problem)


def _end(connection: Connection) -> AuditHead | None:
    """Return what the next entry follows.

    If entries at the end were removed that is the note, so that the hole stays where it is.
    """
    columns = AUDIT_EVENTS.c
    query = AUDIT_EVENTS.select().with_only_columns(columns.seq, columns.hash)
    row = connection.execute(query.order_by(columns.seq.desc()).limit(1)).first()
    last = None if row is None else AuditHead(seq=row.seq, hash=row.hash)
    head = _read_head(connection)
    return max((one for one in (last, head) if one is not None), key=lambda one: one.seq, default=None)


def _read_head(connection: Connection) -> AuditHead | None:
    query = STORE_STATE.select().where(STORE_STATE.c.name == HEAD)
    row = connection.execute(query).first()
    if row is None:
        return None
    try:
        found = json.loads(row.value)
        return AuditHead(seq=int(found["seq"]), hash=str(found["hash"]))
    except (ValueError, TypeError, KeyError):
        return AuditHead(seq=0, hash="")  # somebody wrote over it, which verifying then reports


def _note_head(connection: Connection, head: AuditHead) -> None:
    value = json.dumps({"seq": head.seq, "hash": head.hash})
    note = STORE_STATE.update().where(STORE_STATE.c.name == HEAD).values(value=value)
    if connection.execute(note).rowcount == 0:
        connection.execute(STORE_STATE.insert().values(name=HEAD, value=value))


def _read_chunk(connection: Connection, *, after_seq: int) -> list[AuditEntry]:
    columns = AUDIT_EVENTS.c
    query = AUDIT_EVENTS.select().where(columns.seq > after_seq).order_by(columns.seq).limit(CHUNK_ROWS)
    return [_entry_of(row) for row in connection.execute(query)]


def _row_of(entry: AuditEntry) -> dict[str, object]:
    event = entry.event
    return {
        "seq": entry.seq,
        "at_us": event.at_us,
        "actor": event.actor,
        "action": event.action,
        "target": event.target,
        "tenant": event.tenant,
        "client": event.client,
        "details": event.details,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def _entry_of(row: Row[tuple[object, ...]]) -> AuditEntry:
    event = AuditEvent(
        at_us=row.at_us,
        actor=row.actor,
        action=row.action,
        target=row.target,
        tenant=row.tenant,
        client=row.client,
        details=row.details,
    )
    return AuditEntry(seq=row.seq, event=event, previous_hash=row.previous_hash, hash=row.hash)
