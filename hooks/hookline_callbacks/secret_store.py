"""The secrets that a tenant's deliveries are signed with: made on first use, sealed, renewed with a grace.

Imports SQLAlchemy: import it late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from hookline.errors import HooklineError
from hookline.store.database import ConflictError
from hookline.store.seals import SealError
from hookline.store.tables import CALLBACK_SECRETS
from hookline_callbacks.signing import new_secret

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hookline.store.database import Database
    from hookline.store.seals import Seals

MAX_SIGNATURES = 4
"""Most secrets of a tenant that sign at the same time; the oldest go first."""

_ROW = CALLBACK_SECRETS.c
_LABEL = "callback_secrets"
_FIRST = "1"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretRecord:
    """A secret as it is kept.

    Attributes:
        id: Its number, among those of its tenant.
        created_at_us: When it was made.
        retires_at_us: When it signs no more; None for the newest.
        sealed: The secret.
    """

    id: str
    created_at_us: int
    retires_at_us: int | None
    sealed: bytes = field(repr=False)


class SecretStore:
    """Keeps secrets.

    Args:
        database: Where.
        seals: Seals them.
    """

    def __init__(self, database: Database, seals: Seals) -> None:
        self._database = database
        self._seals = seals

    def signing(self, tenant: str, *, now_us: int) -> list[SecretRecord]:
        """Return those that sign now, newest first; makes the first one.

        Raises:
            SealError: If the first one cannot be sealed.
            StoreUnavailableError: If they cannot be read or written.
        """
        found = self.find(tenant, now_us=now_us)
        if found:
            return found
        values = self._make(tenant, _FIRST, now_us=now_us)
        try:
            with self._database.begin() as connection:
                connection.execute(insert(CALLBACK_SECRETS).values(**values))
        except ConflictError:
            pass  # another process was faster, and its secret is the one
        return self.find(tenant, now_us=now_us)

    def find(self, tenant: str, *, now_us: int) -> list[SecretRecord]:
        """Return those that sign now, newest first; none before the first use."""
        with self._database.connect() as connection:
            records = _of(connection, tenant)
        return [one for one in records if one.retires_at_us is None or one.retires_at_us > now_us][
            :MAX_SIGNATURES
        ]

    def reveal(self, tenant: str, record: SecretRecord) -> bytes:
        """Return the bytes of a secret.

        Raises:
            SealError: If it cannot be opened.
        """
        return self._seals.unseal(record.sealed, _LABEL, tenant, record.id)

    def rotate(
        self, tenant: str, *, grace_s: int, now_us: int, note: Callable[[Connection, str], object]
    ) -> SecretRecord:
        """Make a new secret; those that are there sign beside it for a while.

        Args:
            tenant: Whose.
            grace_s: For how many seconds.
            now_us: The present.
            note: Called in the same transaction, with the id of the new one.

        Raises:
            HooklineError: If somebody else does it at the same moment.
        """
        with self._database.connect() as connection:
            records = _of(connection, tenant)
        id = str(max((int(one.id) for one in records), default=0) + 1)
        values = self._make(tenant, id, now_us=now_us)
        mine = _ROW.tenant == tenant
        try:
            with self._database.begin() as connection:
                connection.execute(insert(CALLBACK_SECRETS).values(**values))
                connection.execute(
                    update(CALLBACK_SECRETS)
                    .where(mine, _ROW.id != id, _ROW.retires_at_us.is_(None))
                    .values(retires_at_us=now_us + grace_s * 1_000_000)
                )
                connection.execute(delete(CALLBACK_SECRETS).where(mine, _ROW.retires_at_us <= now_us))
                note(connection, id)
        except ConflictError as exc:
            raise HooklineError(
                "Somebody renews this secret at the same moment.",
                status=409,
                code="secret_changed",
                hint="Look at the secrets, then try again if it is still needed.",
            ) from exc
        return self.find(tenant, now_us=now_us)[0]

    def _make(self, tenant: str, id: str, *, now_us: int) -> dict[str, object]:
        sealed = self._seals.seal(new_secret(), _LABEL, tenant, id)
        return {"tenant": tenant, "id": id, "secret": sealed, "created_at_us": now_us, "retires_at_us": None}


def _of(connection: Connection, tenant: str) -> list[SecretRecord]:
    rows = connection.execute(select(CALLBACK_SECRETS).where(_ROW.tenant == tenant)).mappings()
    records = [
        SecretRecord(
            id=row["id"],
            created_at_us=row["created_at_us"],
            retires_at_us=row["retires_at_us"],
            sealed=bytes(row["secret"]),
        )
        for row in rows
    ]
    return sorted(records, key=lambda one: int(one.id), reverse=True)


def open_all(store: SecretStore, tenant: str, records: list[SecretRecord]) -> list[bytes]:
    """Return the secrets that can be opened, newest first.

    Raises:
        SealError: If none can.
    """
    opened: list[bytes] = []
    problem = SealError("there is no secret")
    for record in records:
        try:
            opened.append(store.reveal(tenant, record))
        except SealError as exc:
            problem = exc
    if not opened:
        raise problem
    return opened
