"""The audit log: who changed what, from where. It only grows; each entry holds the hash of the one before.

What the chain shows: an entry that was changed, removed, put in or moved, and entries cut off at the end.
What it cannot show: that somebody who may write to the database made the chain and the note of its end anew,
or that an event was never written. Keep the end that `AuditLog.verify` returns elsewhere to see the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hookline.store.audit_events import AuditEntry, AuditEvent, make_event
from hookline.store.audit_queue import AuditQueue

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hookline.action import JsonObject
    from hookline.store.audit_rows import AuditHead, AuditReport
    from hookline.store.database import Database

CLOSE_TIMEOUT_S = 5.0


class AuditLog:
    """Writes and reads the audit log. Safe to use from any number of threads and processes.

    Args:
        database: Where it is kept.
        now_s: Seconds since 1970.
    """

    def __init__(self, database: Database, *, now_s: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now_s = now_s
        self._queue = AuditQueue(self._write)

    @property
    def dropped(self) -> int:
        """How many events of `append_later` were lost since the start."""
        return self._queue.dropped

    def append(
        self, *, actor: str, action: str, target: str, tenant: str, client: str, details: JsonObject
    ) -> AuditEntry:
        """Write an event, and return it when it is kept.

        Args:
            actor: Who: a key id, or ``cli:`` and the name of a user of the machine.
            action: What, such as ``key.create``.
            target: To which thing.
            tenant: Whose thing that is.
            client: Network address that it came from; empty for commands.
            details: More, as JSON; never a secret.

        Raises:
            TypeError: If the details hold a secret, or anything that is not JSON.
            ValueError: If they are longer than 16 KiB.
            StoreUnavailableError: If it could not be kept.
        """
        event = self._event(actor, action, target, tenant, client, details)
        return self._write([event])[0]

    def append_to(
        self,
        connection: Connection,
        *,
        actor: str,
        action: str,
        target: str,
        tenant: str,
        client: str,
        details: JsonObject,
    ) -> AuditEntry:
        """Write an event in a block of ``database.begin()``, so that it and the change are kept together.

        Do it last in the block: until the block ends no other process can append.

        Args:
            connection: Of the block.
            actor: As for `append`, and so are the others.
            action: What was done.
            target: To which thing.
            tenant: Whose thing that is.
            client: Network address that it came from.
            details: More, as JSON.
        """
        from hookline.store import audit_rows

        event = self._event(actor, action, target, tenant, client, details)
        return audit_rows.append(connection, [event])[0]

    def append_later(
        self, *, actor: str, action: str, target: str, tenant: str, client: str, details: JsonObject
    ) -> None:
        """Write an event soon, without waiting for the store; for what happens on the request path.

        Up to 10,000 events wait while the store is down; further ones are dropped, counted and logged.

        Args:
            actor: As for `append`, and so are the others.
            action: What was done.
            target: To which thing.
            tenant: Whose thing that is.
            client: Network address that it came from.
            details: More, as JSON.

        Raises:
            TypeError: If the details hold a secret, or anything that is not JSON.
            ValueError: If they are longer than 16 KiB.
        """
        self._queue.put(self._event(actor, action, target, tenant, client, details))

    def entries(
        self,
        *,
        since_us: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        tenant: str | None = None,
        limit: int = 100,
    ) -> list[AuditEntry]:
        """Return the newest entries that fit, newest first.

        Args:
            since_us: From this moment on, in microseconds since 1970.
            actor: Of this actor.
            action: Of this action; a final ``*`` stands for any rest, as in ``key.*``.
            tenant: Of this tenant.
            limit: At most so many.

        Raises:
            StoreUnavailableError: If they cannot be read.
        """
        from hookline.store import audit_rows

        with self._database.connect() as connection:
            return audit_rows.read_entries(
                connection, since_us=since_us, actor=actor, action=action, tenant=tenant, limit=limit
            )

    def verify(self, *, noted: AuditHead | None = None) -> AuditReport:
        """Look through the whole log for entries that were changed, removed, put in or moved.

        Args:
            noted: An end of the log that was kept elsewhere; without it, entries are missed at the end only
                if the note of it in the database was left as it is.

        Raises:
            StoreUnavailableError: If it cannot be read.
        """
        from hookline.store import audit_rows

        return audit_rows.verify(self._database, noted=noted)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write what waits, for at most so many seconds, and take no more events of `append_later`."""
        self._queue.close(timeout_s)

    def _write(self, events: Sequence[AuditEvent]) -> list[AuditEntry]:
        from hookline.store import audit_rows

        with self._database.begin() as connection:
            return audit_rows.append(connection, events)

    def _event(
        self, actor: str, action: str, target: str, tenant: str, client: str, details: JsonObject
    ) -> AuditEvent:
        return make_event(
            at_us=int(self._now_s() * 1e6),
            actor=actor,
            action=action,
            target=target,
            tenant=tenant,
            client=client,
            details=details,
        )
