"""Keys in the database. Importing this loads SQLAlchemy, so it is imported where it is needed only."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from sqlalchemy import bindparam, delete, func, insert, literal, or_, select, update

from hookline.store.tables import KEYS, REPLAY_IDS
from hookline_auth.key_records import MAX_DEPTH, KeyRecord, UnreadableKeyError, read_record

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from hookline.store.database import Database

_log = logging.getLogger("hookline.auth")

_columns = KEYS.c
_NOBODY = f"{'0' * 16}:{'0' * 64}"

# The key itself or, where there is none of this id, the next one: so one entry of the index and one row are
# read in either case, and the time is the same. Whether it is the right one is looked at afterwards. Only
# beyond the last id there is nothing to read, which tells no more than that it is the last.
_NEAREST = select(_columns.id, _columns.secret_hash, _columns.previous_hash)
_NEAREST = _NEAREST.where(_columns.id >= bindparam("key_id")).order_by(_columns.id).limit(1)
_SIGNING = select(_columns.id, _columns.signing)
_SIGNING = _SIGNING.where(_columns.id >= bindparam("key_id")).order_by(_columns.id).limit(1)


def _make_chain_query() -> Select[tuple[object, ...]]:
    first = select(KEYS, literal(1).label("depth")).where(_columns.id == bindparam("key_id"))
    chain = first.cte("chain", recursive=True)
    makers = select(KEYS, chain.c.depth + 1).where(
        _columns.id == chain.c.parent_id, chain.c.depth <= MAX_DEPTH
    )
    chain = chain.union_all(makers)
    return cast("Select[tuple[object, ...]]", select(chain).order_by(chain.c.depth))


_CHAIN = _make_chain_query()


@dataclass(frozen=True, kw_only=True, slots=True)
class Hashes:
    """What a presented secret is compared with.

    Attributes:
        current: Hash of the secret; of one that nobody knows if there is no such key.
        previous: Hash of the one before; the current one again if there is none.
        is_known: Whether there is such a key.
    """

    current: str = field(repr=False)
    previous: str = field(repr=False)
    is_known: bool


class KeyStore:
    """Reads and writes keys.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def hashes(self, key_id: str) -> Hashes:
        """Return what to compare a secret with, by one query of the same form for every id."""
        with self._database.connect() as connection:
            found = connection.execute(_NEAREST, {"key_id": key_id}).first()
        id, current, previous = found or ("", _NOBODY, None)
        is_known = hmac.compare_digest(id, key_id)
        own = Hashes(current=current, previous=previous or current, is_known=True)
        nobody = Hashes(current=_NOBODY, previous=_NOBODY, is_known=False)
        return own if is_known else nobody

    def signing(self, key_id: str) -> str | None:
        """Return how requests of a key are signed, as it is stored; None if not, or if it is unknown."""
        with self._database.connect() as connection:
            found = connection.execute(_SIGNING, {"key_id": key_id}).first()
        id, signing = found or ("", None)
        return signing if hmac.compare_digest(id, key_id) else None

    def chain(self, key_id: str) -> list[KeyRecord]:
        """Return a key, its maker, the maker of that, and so on; empty if there is no such key.

        Raises:
            UnreadableKeyError: If one of them is missing, in another tenant, or cannot be read.
        """
        with self._database.connect() as connection:
            return chain_within(connection, key_id)

    def chains(self, records: Sequence[KeyRecord]) -> dict[str, list[KeyRecord]]:
        """Return each of some keys with all that it descends from, by id; an empty list if that is damaged.

        It takes a query for each generation, however many keys there are.
        """
        known = {record.id: record for record in records}
        gone: set[str] = set()
        with self._database.connect() as connection:
            for _ in range(MAX_DEPTH):
                missing = {one.parent_id for one in known.values() if one.parent_id} - known.keys() - gone
                if not missing:
                    break
                query = select(KEYS).where(_columns.id.in_(sorted(missing)))
                for row in connection.execute(query).mappings():
                    with suppress(UnreadableKeyError):
                        maker = read_record(cast("dict[str, object]", dict(row)))
                        known[maker.id] = maker
                gone |= missing - known.keys()
        return {record.id: _chain_among(known, record) for record in records}

    def find(self, key_id: str) -> KeyRecord | None:
        """Return a key.

        Raises:
            UnreadableKeyError: If it cannot be read.
        """
        with self._database.connect() as connection:
            row = connection.execute(select(KEYS).where(_columns.id == key_id)).mappings().one_or_none()
        return None if row is None else read_record(cast("dict[str, object]", dict(row)))

    def search(
        self,
        *,
        tenant: str | None = None,
        text: str = "",
        after: str = "",
        at_most: int = 1000,
        with_ended: bool = True,
        now_us: int = 0,
    ) -> list[KeyRecord]:
        """Return keys in the order of their ids; those that cannot be read are left out.

        Args:
            tenant: Of this one only.
            text: That have it in their label or id.
            after: Whose ids come after this one.
            at_most: This many.
            with_ended: Also those that were revoked or have expired.
            now_us: What time it is.
        """
        query = select(KEYS).where(_columns.id > after).order_by(_columns.id).limit(at_most)
        if tenant is not None:
            query = query.where(_columns.tenant == tenant)
        if text:
            query = query.where(
                or_(_columns.label.icontains(text, autoescape=True), _columns.id == text.removeprefix("hk_"))
            )
        if not with_ended:
            query = query.where(
                _columns.revoked_at_us.is_(None),
                or_(_columns.expires_at_us.is_(None), _columns.expires_at_us > now_us),
            )
        with self._database.connect() as connection:
            rows = connection.execute(query).mappings().all()
        found = []
        for row in rows:
            try:
                found.append(read_record(cast("dict[str, object]", dict(row))))
            except UnreadableKeyError as exc:
                _log.error("%s", exc)
        missing = at_most - len(found)
        if missing and len(rows) == at_most:
            found += self.search(
                tenant=tenant,
                text=text,
                after=rows[-1]["id"],
                at_most=missing,
                with_ended=with_ended,
                now_us=now_us,
            )
        return found

    def has_keys(self) -> bool:
        """Tell whether there is a key that was not revoked."""
        query = select(_columns.id).where(_columns.revoked_at_us.is_(None)).limit(1)
        with self._database.connect() as connection:
            return connection.execute(query).first() is not None

    def count_of_other_peppers(self, pepper_id: str) -> int:
        """Return how many keys were made with another pepper, so that they can never be valid here."""
        query = (
            select(func.count())
            .select_from(KEYS)
            .where(
                _columns.secret_hash.not_like(f"{pepper_id}:%"),  # hexadecimal digits need no escape
                _columns.revoked_at_us.is_(None),
            )
        )
        with self._database.connect() as connection:
            count: int = connection.execute(query).scalar_one()
        return count

    def remember(self, *, scope: str, id: str, expires_at_us: int) -> None:
        """Note the id of a signed request.

        Raises:
            ConflictError: If it was noted before.
        """
        with self._database.begin() as connection:
            connection.execute(insert(REPLAY_IDS).values(scope=scope, id=id, expires_at_us=expires_at_us))

    def renew(self, *, scope: str, id: str, now_us: int, expires_at_us: int) -> bool:
        """Note the id of a signed request once more if its time is over; return whether it was."""
        was_over = (REPLAY_IDS.c.scope == scope, REPLAY_IDS.c.id == id, REPLAY_IDS.c.expires_at_us <= now_us)
        with self._database.begin() as connection:
            noted = connection.execute(
                update(REPLAY_IDS).where(*was_over).values(expires_at_us=expires_at_us)
            )
            return noted.rowcount == 1

    def forget(self, *, scope: str, id: str) -> None:
        """Forget the id of a signed request, so that it may be sent again."""
        with self._database.begin() as connection:
            connection.execute(delete(REPLAY_IDS).where(REPLAY_IDS.c.scope == scope, REPLAY_IDS.c.id == id))

    def forget_old(self, now_us: int) -> None:
        """Forget the ids of requests that are too old to be taken anyway."""
        with self._database.begin() as connection:
            connection.execute(delete(REPLAY_IDS).where(REPLAY_IDS.c.expires_at_us < now_us))


def _chain_among(known: Mapping[str, KeyRecord], record: KeyRecord) -> list[KeyRecord]:
    chain = [record]
    while chain[-1].parent_id is not None:
        maker = known.get(chain[-1].parent_id)
        if maker is None or maker.tenant != record.tenant or len(chain) == MAX_DEPTH:
            return []
        chain.append(maker)
    return chain


def chain_within(connection: Connection, key_id: str) -> list[KeyRecord]:
    """Return a key and all that it descends from, as `KeyStore.chain` does, within a transaction."""
    rows: Sequence[object] = connection.execute(_CHAIN, {"key_id": key_id}).mappings().all()
    chain = [read_record(cast("dict[str, object]", row)) for row in rows]
    if not chain:
        return chain
    if chain[-1].parent_id is not None or len(chain) > MAX_DEPTH:
        raise UnreadableKeyError(f"a maker of the key {key_id!r} is missing, or there are too many")
    if any(record.tenant != chain[0].tenant for record in chain):
        raise UnreadableKeyError(f"a maker of the key {key_id!r} belongs to another tenant")
    return chain


def insert_key(connection: Connection, values: dict[str, object]) -> None:
    """Add a key."""
    connection.execute(insert(KEYS).values(values))


def change_key(connection: Connection, key_id: str, values: dict[str, object]) -> bool:
    """Change columns of a key, and tell whether there is one."""
    return connection.execute(update(KEYS).where(_columns.id == key_id).values(values)).rowcount == 1


def is_pepper_foreign(connection: Connection, pepper_id: str) -> bool:
    """Tell whether there are keys, and none was ever made with this pepper."""
    own = _columns.secret_hash.like(f"{pepper_id}:%")
    if connection.execute(select(_columns.id).where(own).limit(1)).first() is not None:
        return False
    living = select(_columns.id).where(_columns.revoked_at_us.is_(None)).limit(1)
    return connection.execute(living).first() is not None


def stored_values(connection: Connection, key_id: str) -> dict[str, object] | None:
    """Return the row of a key, hashes included; for changes only."""
    row = connection.execute(select(KEYS).where(_columns.id == key_id)).mappings().one_or_none()
    return None if row is None else cast("dict[str, object]", dict(row))
