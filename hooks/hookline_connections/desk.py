"""Storing, changing and removing connections; each change stands in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookline.connection import check_base_url, origin_of
from hookline.errors import (
    ConfigurationError,
    NotFoundError,
    StoreUnavailableError,
)
from hookline_connections.describing import audit_details, describe
from hookline_connections.drafts import (
    Draft,
    check_draft,
    check_reference,
    check_secret,
    check_tenant_url,
    refused,
)
from hookline_connections.rows import ConnectionTable, StoredConnection
from hookline_connections.sealing import SealError, seal, unseal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hookline.action import JsonObject
    from hookline.gateway import Gateway
    from hookline.store.keyring import Keyring
    from hookline_connections.keys import ConnectionKeys
    from hookline_connections.rows import Note


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who changes something, for the audit log.

    Attributes:
        name: Public id of a key, or ``cli:`` and a user of the machine.
        client: Network address; empty on the command line.
    """

    name: str
    client: str = ""


class Desk:
    """Where connections are stored and changed.

    Args:
        gateway: Its database, audit log, connectors and clock.
        keys: The keys that seal credentials.
        changed: Called after each change.
    """

    def __init__(
        self, gateway: Gateway, keys: ConnectionKeys, *, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._gateway = gateway
        self._keys = keys
        self._changed = changed
        self.table = ConnectionTable(gateway.database)

    def add(
        self,
        draft: Draft,
        by: Actor,
        *,
        tenant_origins: tuple[str, ...] | None = None,
        most: int | None = None,
    ) -> StoredConnection:
        """Store a connection.

        Args:
            draft: What to store.
            by: Who wants it.
            tenant_origins: Where it may lead besides the connector's own address, if a tenant wants it; None
                if the operator does, who may send the gateway anywhere.
            most: Most connections that the tenant may have.

        Raises:
            InvalidInputError: If it cannot be stored; names the field.
        """
        row = check_draft(draft, self._gateway)
        if tenant_origins is not None:
            check_tenant_url(row, self._gateway, tenant_origins)
        now_us = self._now_us()
        row = replace(row, created_at_us=now_us, updated_at_us=now_us)
        row = self._sealed(row, draft.secret)
        try:
            is_new = self.table.add(row, self._note("connection.add", row, by, audit_details(row)), most=most)
        except OverflowError:
            raise refused(
                f"You have {most} connections, and may have no more.", code="too_many_connections"
            ) from None
        if not is_new:
            raise refused(
                f"There is a connection {row.name!r} already. Choose another name, replace the credential of "
                "the one that is there (`rotate`), or take it away (`remove`).",
                field="name",
                code="connection_exists",
                status=409,
                title="There is one of that name already",
                hint="`hookline connections list` and `GET /connections` show those that there are.",
            )
        self._changed()
        return row

    def find(self, tenant: str, name: str) -> StoredConnection:
        """Return a connection.

        Raises:
            NotFoundError: If the tenant has none of that name; others' are never told of.
        """
        row = self.table.find(tenant, name)
        if row is None:
            raise unknown_connection(name)
        return row

    def rotate(
        self,
        tenant: str,
        name: str,
        by: Actor,
        *,
        secret: str | None = None,
        credential_ref: str | None = None,
        base_url: str | None = None,
    ) -> StoredConnection:
        """Replace the credential of a connection, and the address it is for if one is given.

        Raises:
            NotFoundError: If there is none of that name.
            InvalidInputError: If the credential cannot be used.
        """
        before = self.find(tenant, name)
        if (secret is None) is (credential_ref is None):
            raise refused("Give a credential, or say where one is kept.", field="credential")
        if self._gateway.catalog.connectors[before.connector].credential is None:
            raise refused(f"Connector {before.connector!r} takes no credential.", field="credential")
        after = replace(before, credential_ref=credential_ref, rotated_at_us=self._later_than(before))
        if credential_ref is not None:
            check_reference(credential_ref)
        elif secret is not None:
            check_secret(secret)
        if base_url is not None:
            try:
                origin = origin_of(check_base_url(base_url, setting="base_url"))
            except ConfigurationError as exc:
                raise refused(exc.message, field="base_url") from None
            after = replace(after, base_url=base_url, allowed_origins=(origin,))
        after = replace(self._sealed(after, secret), updated_at_us=self._later_than(before))
        self._change(before, after, self._note("connection.rotate", after, by, audit_details(after)))
        return after

    def switch(self, tenant: str, name: str, by: Actor, *, is_disabled: bool) -> StoredConnection:
        """Let a connection take calls, or no more.

        Raises:
            NotFoundError: If there is none of that name.
        """
        before = self.find(tenant, name)
        after = replace(before, is_disabled=is_disabled, updated_at_us=self._later_than(before))
        action = "connection.disable" if is_disabled else "connection.enable"
        self._change(before, after, self._note(action, after, by, {}))
        return after

    def remove(self, tenant: str, name: str, by: Actor) -> None:
        """Forget a connection and its credential.

        Raises:
            NotFoundError: If there is none of that name.
        """
        row = self.find(tenant, name)
        if not self.table.remove(tenant, name, self._note("connection.remove", row, by, {})):
            raise unknown_connection(name)
        self._changed()

    def describe(self, row: StoredConnection) -> JsonObject:
        """Return what people may know of a connection: all but its credential."""
        return describe(row, self._gateway.catalog.connectors, self._keys)

    def reseal(self, keyring: Keyring, by: Actor) -> tuple[int, list[str]]:
        """Seal every credential anew that is not sealed with the newest key.

        Can be broken off and begun again at any time.

        Returns:
            How many were sealed anew, and why others could not be.
        """
        done, problems = 0, []
        for row in self.table.read():
            if row.sealed is None:
                continue
            try:
                if row.sealed[1:9].hex() == keyring.newest.id:
                    continue
                text = unseal(keyring, row.sealed, row.label)
            except SealError as exc:
                problems.append(f"{row.id}: {exc.message}")
                continue
            after = replace(row, sealed=seal(keyring, text, row.label), updated_at_us=self._later_than(row))
            note = self._note("connection.reseal", after, by, {"key_id": keyring.newest.id})
            if self.table.change(row, after, note):
                done += 1
            else:
                problems.append(f"{row.id}: it was changed meanwhile; run this again")
        return done, problems

    def note_key(self, action: str, key_id: str, by: Actor) -> None:
        """Write into the audit log what became of a key that seals credentials."""
        self._gateway.audit.append(
            actor=by.name, action=action, target=key_id, tenant="", client=by.client, details={}
        )

    def keyring(self) -> Keyring:
        """Return the keys, and make the first one only if there is nothing yet that another one sealed.

        A new key in the place of one that was lost would be lost in turn when that is put back.

        Raises:
            ConfigurationError: If stored credentials need a key that is not there, or the keys cannot be read
                or written.
        """
        found = self._keys.load()
        if found is None and any(row.sealed is not None for row in self.table.read()):
            found = self._keys.load()  # another process may have made it, and stored the first, a moment ago
            if found is None:
                raise self._keys.missing()
        return found or self._keys.ensure()

    def _sealed(self, row: StoredConnection, secret: str | None) -> StoredConnection:
        text = secret if row.credential_ref is None else row.credential_ref
        return row if text is None else replace(row, sealed=seal(self.keyring(), text, row.label))

    def _change(self, before: StoredConnection, after: StoredConnection, note: Note) -> None:
        if not self.table.change(before, after, note):
            raise StoreUnavailableError(
                f"The connection {before.name!r} was changed by somebody else at the same time; try again."
            )
        self._changed()

    def _note(self, action: str, row: StoredConnection, by: Actor, details: JsonObject) -> Note:
        """Return what writes a change into the audit log: it is kept together with it, or neither is."""

        def note(connection: Connection) -> None:
            self._gateway.audit.append_to(
                connection,
                actor=by.name,
                action=action,
                target=row.id,
                tenant=row.tenant,
                client=by.client,
                details=details,
            )

        return note

    def _later_than(self, row: StoredConnection) -> int:
        """Return the present, but later than the last change: whoever looks must see that there was one."""
        return max(self._now_us(), row.updated_at_us + 1)

    def _now_us(self) -> int:
        return int(self._gateway.clock.now().timestamp() * 1_000_000)


def unknown_connection(name: str) -> NotFoundError:
    """Return the error for a name that the asker has no connection of, whoever else may have one."""
    return NotFoundError(
        f"There is no connection {name[:80]!r}.",
        code="unknown_connection",
        hint="`GET /connections` and `hookline connections list` show those that there are.",
    )
