"""The rows of kept replies. Imports SQLAlchemy, so it is imported late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hookline.store.tables import KEPT_REPLIES

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from hookline.store.database import Database
    from hookline_idempotency.claims import Claim, Outcome

RUNNING = "running"

_TRIES = 5
_columns = KEPT_REPLIES.c
_SHOWN = (
    _columns.id,
    _columns.call_id,
    _columns.fingerprint,
    _columns.state,
    _columns.is_sent,
    _columns.lease_until_us,
    _columns.created_at_us,
    _columns.expires_at_us,
    _columns.reply,
)
_ADDED = (_columns.id,)  # whether a row was added; not every driver counts the rows of an insert
_INSERTS = {
    "sqlite": sqlite.insert(KEPT_REPLIES).on_conflict_do_nothing().returning(*_ADDED),
    "postgresql": postgresql.insert(KEPT_REPLIES).on_conflict_do_nothing().returning(*_ADDED),
}


class KeptRow(NamedTuple):
    """What is known of a key.

    Attributes:
        id: Digest of whose key it is.
        call_id: The call that runs or ran with it.
        fingerprint: Digest of what it asked for.
        state: ``running``, or how it ended: ``kept``, ``too_large`` or ``lost``.
        is_sent: Whether it may have reached the service.
        lease_until_us: Until when its process counts as alive; 0 once it is over.
        created_at_us: When it began.
        expires_at_us: When the key ends.
        reply: Sealed.
    """

    id: str
    call_id: str
    fingerprint: str
    state: str
    is_sent: bool
    lease_until_us: int
    created_at_us: int
    expires_at_us: int
    reply: bytes | None

    def is_free(self, now_us: int) -> bool:
        """Tell whether another call may run with the key: its time is over, or its first call never ran."""
        if self.lease_until_us > now_us:
            return False
        return self.expires_at_us <= now_us or (self.state == RUNNING and not self.is_sent)


class KeptReplies:
    """Reads and writes the rows.

    Every method raises `hookline.errors.StoreUnavailableError` if the database cannot be used now.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, id: str) -> KeptRow | None:
        """Return what is known of a key."""
        with self._database.connect() as connection:
            return _find(connection, id)

    def claim(self, values: dict[str, object], *, now_us: int) -> KeptRow | None:
        """Take a key, whoever else wants it at the same time: one gets it.

        Args:
            values: All columns of the row.
            now_us: What time it is, in microseconds since 1970.

        Returns:
            None if the key was taken; else the row that is in the way.
        """
        statement = _INSERTS[self._database.dialect]
        with self._database.begin() as connection:
            for _ in range(_TRIES):
                if connection.execute(statement, values).one_or_none() is not None:
                    return None
                found = _find(connection, str(values["id"]), is_locked=self._database.dialect == "postgresql")
                if found is None:  # it was freed a moment ago
                    continue
                if found.is_free(now_us):
                    connection.execute(update(KEPT_REPLIES).where(_columns.id == found.id).values(values))
                    return None
                return found
        return KeptRow(
            str(values["id"]), "", str(values["fingerprint"]), RUNNING, False, now_us, now_us, 0, None
        )

    def mark_sent(self, claim: Claim) -> bool:
        """Note that a call is about to reach the service; return False if it is no longer its turn."""
        return self._change(claim, {"is_sent": True})

    def end(self, claim: Claim, outcome: Outcome) -> bool:
        """Write how a call ended; return False if its key is another's by now."""
        if outcome.state is not None:
            ended: dict[str, object] = {"state": outcome.state, "reply": outcome.reply, "lease_until_us": 0}
            return self._change(claim, ended)
        own = delete(KEPT_REPLIES).where(_is_own(claim))
        with self._database.begin() as connection:
            return connection.execute(own).rowcount == 1

    def renew(self, claims: Iterable[Claim], *, lease_until_us: int) -> None:
        """Note that calls still run."""
        statement = (
            update(KEPT_REPLIES)
            .where(
                _columns.id == bindparam("row_id"),
                _columns.owner == bindparam("row_owner"),
                _columns.state == RUNNING,
            )
            .values(lease_until_us=lease_until_us)
        )
        rows = [{"row_id": claim.id, "row_owner": claim.owner} for claim in claims]
        with self._database.begin() as connection:
            connection.execute(statement, rows)

    def remove_old(self, now_us: int, *, limit: int) -> int:
        """Remove some of the rows whose time is over; return how many."""
        old = (
            select(_columns.id)
            .where(_columns.expires_at_us <= now_us, _columns.lease_until_us <= now_us)
            .order_by(_columns.expires_at_us)
            .limit(limit)
        )
        if self._database.dialect == "postgresql":
            old = old.with_for_update(skip_locked=True)
        with self._database.begin() as connection:
            return connection.execute(delete(KEPT_REPLIES).where(_columns.id.in_(old))).rowcount

    def _change(self, claim: Claim, values: dict[str, object]) -> bool:
        own = update(KEPT_REPLIES).where(_is_own(claim)).values(values)
        with self._database.begin() as connection:
            return connection.execute(own).rowcount == 1


def _is_own(claim: Claim) -> ColumnElement[bool]:
    return and_(_columns.id == claim.id, _columns.owner == claim.owner, _columns.state == RUNNING)


def _find(connection: Connection, id: str, *, is_locked: bool = False) -> KeptRow | None:
    query = select(*_SHOWN).where(_columns.id == id)
    row = connection.execute(query.with_for_update() if is_locked else query).one_or_none()
    return None if row is None else KeptRow(*row)
