"""Stored connections, and the table that holds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from sqlalchemy import delete, func, insert, select, update

from hookline.store.failures import ConflictError
from hookline.store.tables import CONNECTIONS
from hookline_connections.sealing import SealLabel

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, RowMapping

    from hookline.store.database import Database

Note = Callable[["Connection"], None]
"""Writes an event into the audit log, within the transaction of the change."""

_SECOND_US = 1_000_000

SHARED = ""
"""Tenant of the operator's connections, which all tenants may use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredConnection:
    """One row.

    Attributes:
        tenant: Whose it is; empty for the operator's.
        name: How people and keys name it; once per tenant.
        connector: Id of the connector whose actions use it.
        base_url: Where the service's API lives; None for the connector's own address.
        allowed_origins: Where its credential may be sent.
        options: The connector's own options.
        credential_ref: Where the credential is kept, if not here.
        sealed: The credential, or the reference to it, sealed for this row; None if it needs none.
        weight: Share of the calls among those of the same priority; 0 takes calls only when others failed.
        priority: The lowest is asked first.
        models: Patterns of the models that it serves.
        created_at_us: When it was added, in UTC microseconds.
        updated_at_us: When anything of it was changed.
        rotated_at_us: When its credential was replaced; None if it never was.
        is_disabled: Whether it takes no calls.
    """

    tenant: str
    name: str
    connector: str
    base_url: str | None = None
    allowed_origins: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    credential_ref: str | None = None
    sealed: bytes | None = field(default=None, repr=False)
    weight: int = 1
    priority: int = 0
    models: tuple[str, ...] = ("*",)
    created_at_us: int = 0
    updated_at_us: int = 0
    rotated_at_us: int | None = None
    is_disabled: bool = False

    @property
    def id(self) -> str:
        """The same as `hookline.connection.Connection.id`."""
        return f"{self.tenant}/{self.name}" if self.tenant else self.name

    @property
    def label(self) -> SealLabel:
        """What its credential is sealed for."""
        return SealLabel(
            tenant=self.tenant,
            name=self.name,
            connector=self.connector,
            origins=self.allowed_origins,
            kind="credential" if self.credential_ref is None else "reference",
        )


class ConnectionTable:
    """Reads and writes rows.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self) -> tuple[int, int]:
        """Return two numbers that change whenever a row does: how many there are, and the sum of their times.

        The latest time alone would not do: a row that a machine wrote whose clock is ahead would hide what
        others change after it.
        """
        changed = CONNECTIONS.c.updated_at_us
        with self._database.connect() as connection:
            count, seconds, rest_us = connection.execute(
                select(
                    func.count(),  # in two parts: the sum of some thousand times has more than 64 bits
                    func.coalesce(func.sum(changed // _SECOND_US), 0),
                    func.coalesce(func.sum(changed % _SECOND_US), 0),
                )
            ).one()
        return int(count), int(seconds) * _SECOND_US + int(rest_us)

    def read(self, tenant: str | None = None) -> list[StoredConnection]:
        """Return the rows of a tenant, or all of them, in the order of their names."""
        query = select(CONNECTIONS).order_by(CONNECTIONS.c.tenant, CONNECTIONS.c.name)
        if tenant is not None:
            query = query.where(CONNECTIONS.c.tenant == tenant)
        with self._database.connect() as connection:
            return [_row_of(row) for row in connection.execute(query).mappings()]

    def find(self, tenant: str, name: str) -> StoredConnection | None:
        """Return one row."""
        with self._database.connect() as connection:
            row = connection.execute(select(CONNECTIONS).where(_is(tenant, name))).mappings().first()
        return None if row is None else _row_of(row)

    def add(self, row: StoredConnection, note: Note, *, most: int | None = None) -> bool:
        """Add a row; False if there is one of that name.

        Args:
            row: The row.
            note: Writes the change into the audit log, in the same transaction.
            most: Most rows that its tenant may have afterwards.

        Raises:
            OverflowError: If the tenant would have more than that.
        """
        try:
            with self._database.begin() as connection:
                if most is not None:
                    of_tenant = select(func.count()).where(CONNECTIONS.c.tenant == row.tenant)
                    if connection.execute(of_tenant).scalar_one() >= most:
                        raise OverflowError
                connection.execute(insert(CONNECTIONS).values(_values_of(row)))
                note(connection)
        except ConflictError:
            return False
        return True

    def change(self, before: StoredConnection, after: StoredConnection, note: Note) -> bool:
        """Replace a row; False if somebody else changed it meanwhile."""
        unchanged = _is(before.tenant, before.name) & (CONNECTIONS.c.updated_at_us == before.updated_at_us)
        with self._database.begin() as connection:
            done = connection.execute(update(CONNECTIONS).where(unchanged).values(_values_of(after)))
            if done.rowcount != 1:
                return False
            note(connection)
        return True

    def remove(self, tenant: str, name: str, note: Note) -> bool:
        """Remove a row; False if there is none."""
        with self._database.begin() as connection:
            if connection.execute(delete(CONNECTIONS).where(_is(tenant, name))).rowcount != 1:
                return False
            note(connection)
        return True


def _is(tenant: str, name: str) -> ColumnElement[bool]:
    return (CONNECTIONS.c.tenant == tenant) & (CONNECTIONS.c.name == name)


def _row_of(row: RowMapping) -> StoredConnection:
    return StoredConnection(
        tenant=row["tenant"],
        name=row["name"],
        connector=row["connector"],
        base_url=row["base_url"],
        allowed_origins=_texts(row["allowed_origins"]),
        options=_options(row["options"]),
        credential_ref=row["credential_ref"],
        sealed=None if row["secret"] is None else bytes(row["secret"]),
        weight=row["weight"],
        priority=row["priority"],
        models=_texts(row["models"]),
        created_at_us=row["created_at_us"],
        updated_at_us=row["updated_at_us"],
        rotated_at_us=row["rotated_at_us"],
        is_disabled=bool(row["is_disabled"]),
    )


def _values_of(row: StoredConnection) -> dict[str, object]:
    return {
        "tenant": row.tenant,
        "name": row.name,
        "connector": row.connector,
        "base_url": row.base_url,
        "allowed_origins": json.dumps(row.allowed_origins),
        "options": json.dumps(dict(row.options)),
        "credential_ref": row.credential_ref,
        "secret": row.sealed,
        "weight": row.weight,
        "priority": row.priority,
        "models": json.dumps(row.models),
        "created_at_us": row.created_at_us,
        "updated_at_us": row.updated_at_us,
        "rotated_at_us": row.rotated_at_us,
        "is_disabled": row.is_disabled,
    }


def _texts(text: str) -> tuple[str, ...]:
    """Return a list of texts; nothing at all where something else was written, so that nothing fits."""
    try:
        found = json.loads(text)
    except ValueError:
        return ()
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _options(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}
