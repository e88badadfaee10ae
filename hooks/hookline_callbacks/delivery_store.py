"""Rows of deliveries. Imports SQLAlchemy: import it late.

Several processes share the rows. One that carries a delivery has claimed it until a time that it writes into
the row; if it dies, the time passes and another takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import and_, delete, func, insert, not_, or_, select, update

from hookline.store.database import ConflictError
from hookline.store.tables import DELIVERIES
from hookline_callbacks.deliveries import MAX_HISTORY, Attempt, Delivery

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select

    from hookline.store.database import Database
    from hookline_callbacks.deliveries import State

_ROW = DELIVERIES.c
_TOLD = [column for column in _ROW if column.name not in ("url", "payload", "claimed_until_us")]
_LOOKED_AT = 8
_PURGED = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A delivery that one process carries.

    Attributes:
        delivery: The delivery.
        until_us: Until when; others leave it alone as long.
        url: Its address, sealed.
        payload: What is posted, sealed.
    """

    delivery: Delivery
    until_us: int
    url: bytes = field(repr=False)
    payload: bytes = field(repr=False)


class DeliveryStore:
    """Keeps deliveries.

    Args:
        database: Where.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, delivery: Delivery, *, url: bytes, payload: bytes, max_waiting: int) -> Delivery:
        """Take a delivery, or return the one that is there already.

        Args:
            delivery: The delivery.
            url: Its address, sealed.
            payload: What is posted, sealed.
            max_waiting: With so many of its tenant that wait it is kept as failed.
        """
        waiting = select(func.count()).where(_ROW.state == "waiting", _ROW.tenant == delivery.tenant)
        try:
            with self._database.begin() as connection:
                if connection.execute(waiting).scalar_one() >= max_waiting:
                    delivery = _too_many(delivery)
                connection.execute(
                    insert(DELIVERIES).values(
                        **_values_of(delivery), url=url, payload=payload, claimed_until_us=0
                    )
                )
        except ConflictError:
            return self.find(delivery.id) or delivery
        return delivery

    def claim(
        self,
        *,
        now_us: int,
        until_us: int,
        without_tenants: Collection[str] = (),
        without_receivers: Collection[tuple[str, str]] = (),
    ) -> Claim | None:
        """Return a delivery that is due, and keep others from it for a while; None if there is none.

        Args:
            now_us: The present.
            until_us: Until when others leave it alone.
            without_tenants: Tenants that have had their share for now.
            without_receivers: The same for receivers, each of one tenant.
        """
        due = and_(_ROW.state == "waiting", _ROW.next_at_us <= now_us, _ROW.claimed_until_us <= now_us)
        wanted = select(_ROW.id).where(due).order_by(_ROW.next_at_us, _ROW.id).limit(_LOOKED_AT)
        if without_tenants:
            wanted = wanted.where(_ROW.tenant.not_in(without_tenants))
        for tenant, receiver in without_receivers:
            wanted = wanted.where(not_(and_(_ROW.tenant == tenant, _ROW.url_shown == receiver)))
        with self._database.connect() as connection:  # without a lock: nearly always nothing is due
            ids = connection.execute(wanted).scalars().all()
        for id in ids:
            with self._database.begin() as connection:
                taken = update(DELIVERIES).where(_ROW.id == id, due).values(claimed_until_us=until_us)
                if connection.execute(taken).rowcount != 1:
                    continue  # another process was faster
                row = connection.execute(select(DELIVERIES).where(_ROW.id == id)).mappings().one()
            return Claim(
                delivery=_read(row), until_us=until_us, url=bytes(row["url"]), payload=bytes(row["payload"])
            )
        return None

    def note(self, claim: Claim, after: Delivery) -> bool:
        """Write down what became of a claim, and let go of it; False if it had passed to another process."""
        mine = and_(_ROW.id == claim.delivery.id, _ROW.claimed_until_us == claim.until_us)
        changed = update(DELIVERIES).where(mine).values(**_values_of(after), claimed_until_us=0)
        with self._database.begin() as connection:
            return connection.execute(changed).rowcount == 1

    def find(self, id: str) -> Delivery | None:
        """Return a delivery by its id."""
        with self._database.connect() as connection:
            row = connection.execute(select(*_TOLD).where(_ROW.id == id)).mappings().first()
        return None if row is None else _read(row)

    def search(
        self,
        *,
        tenant: str | None,
        key_id: str | None = None,
        job_id: str | None = None,
        state: State | None = None,
        before: tuple[int, str] | None = None,
        limit: int,
    ) -> list[Delivery]:
        """Return deliveries, newest first.

        Args:
            tenant: Of this tenant; None for all, which is for commands only.
            key_id: That this key asked for.
            job_id: Of this job.
            state: In this state.
            before: Time and id of the last one that was told.
            limit: At most so many.
        """
        wanted: Select[tuple[object, ...]] = select(*_TOLD)
        for column, value in (
            *((_ROW.tenant, tenant), (_ROW.key_id, key_id), (_ROW.job_id, job_id), (_ROW.state, state)),
        ):
            if value is not None:
                wanted = wanted.where(column == value)
        if before is not None:
            at_us, id = before
            wanted = wanted.where(
                or_(_ROW.created_at_us < at_us, and_(_ROW.created_at_us == at_us, _ROW.id < id))
            )
        wanted = wanted.order_by(_ROW.created_at_us.desc(), _ROW.id.desc()).limit(limit)
        with self._database.connect() as connection:
            return [_read(row) for row in connection.execute(wanted).mappings()]

    def send_again(
        self, id: str, *, now_us: int, expires_at_us: int, note: Callable[[Connection], object]
    ) -> Delivery | None:
        """Make a delivery due now, with the whole schedule before it; None if it is gone.

        Args:
            id: Which one.
            now_us: The present.
            expires_at_us: When it is removed.
            note: Called in the same transaction.
        """
        again = {"state": "waiting", "attempts": 0, "next_at_us": now_us, "ended_at_us": None}
        changed = update(DELIVERIES).where(_ROW.id == id).values(**again, expires_at_us=expires_at_us)
        with self._database.begin() as connection:
            if connection.execute(changed).rowcount != 1:
                return None
            row = connection.execute(select(*_TOLD).where(_ROW.id == id)).mappings().one()
            note(connection)
        return _read(row)

    def next_at_us(self, *, now_us: int) -> int | None:
        """Return when the next one is due that nobody carries; None if there is none."""
        mine = and_(_ROW.state == "waiting", _ROW.claimed_until_us <= now_us)
        first = select(_ROW.next_at_us).where(mine).order_by(_ROW.next_at_us).limit(1)
        with self._database.connect() as connection:
            return connection.execute(first).scalar_one_or_none()

    def purge(self, *, now_us: int) -> int:
        """Remove some of those whose time is over; return how many."""
        old = select(_ROW.id).where(_ROW.expires_at_us <= now_us, _ROW.state != "waiting")
        with self._database.connect() as connection:
            ids = connection.execute(old.limit(_PURGED)).scalars().all()
        if not ids:
            return 0
        still_old = and_(_ROW.id.in_(ids), _ROW.expires_at_us <= now_us, _ROW.state != "waiting")
        with self._database.begin() as connection:
            return connection.execute(delete(DELIVERIES).where(still_old)).rowcount


def _too_many(delivery: Delivery) -> Delivery:
    words = "too many deliveries of this tenant wait; send it again later"
    attempt = Attempt(at_us=delivery.created_at_us, status=None, took_ms=0, error=words)
    return replace(delivery, state="failed", ended_at_us=delivery.created_at_us, history=(attempt,))


def _values_of(delivery: Delivery) -> dict[str, object]:
    history = [attempt.as_row() for attempt in delivery.history[-MAX_HISTORY:]]
    return {
        "id": delivery.id,
        "job_id": delivery.job_id,
        "tenant": delivery.tenant,
        "key_id": delivery.key_id,
        "url_shown": delivery.receiver,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_at_us": delivery.next_at_us,
        "created_at_us": delivery.created_at_us,
        "ended_at_us": delivery.ended_at_us,
        "expires_at_us": delivery.expires_at_us,
        "history": orjson.dumps(history).decode(),
    }


def _read(row: RowMapping) -> Delivery:
    return Delivery(
        id=row["id"],
        job_id=row["job_id"],
        tenant=row["tenant"],
        key_id=row["key_id"],
        receiver=row["url_shown"],
        state=row["state"],
        attempts=row["attempts"],
        next_at_us=row["next_at_us"],
        created_at_us=row["created_at_us"],
        ended_at_us=row["ended_at_us"],
        expires_at_us=row["expires_at_us"],
        history=tuple(Attempt(**attempt) for attempt in orjson.loads(row["history"])),
    )
