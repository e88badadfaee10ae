"""Where keys are made and changed, for the command line and for the admin API alike.

Every change is one transaction together with its event in the audit log. Whoever acts with a key sees the
keys of its tenant and changes those that descend from it; of itself it may only change the secret, or revoke
it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError, PermissionDeniedError
from hookline_auth.key_format import KeyText, is_key_id, new_id, new_secret
from hookline_auth.key_records import (
    MAX_DEPTH,
    MICROSECONDS,
    KeyRecord,
    UnreadableKeyError,
    read_record,
    rights_of_chain,
    write_rights,
)
from hookline_auth.key_rules import (
    check_alive,
    check_rights,
    check_signing,
    damaged,
    ended,
    no_such_key,
)
from hookline_auth.pepper import PepperMissingError
from hookline_auth.rights import Rights
from hookline_auth.signing_desk import sign_anew
from hookline_auth.wanted import refuse

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hookline.action import JsonObject
    from hookline.clock import Clock
    from hookline.store.audit import AuditLog
    from hookline.store.database import Database
    from hookline_auth.pepper import Pepper, PepperSource
    from hookline_auth.wanted import KeyChange, NewKey

DEFAULT_TENANT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who changes keys.

    Attributes:
        name: For the audit log.
        client: Network address; empty for the command line.
        key_id: The key that acts; None for whoever runs the gateway, who may do all.
        tenant: Whose keys it sees; None for all.
    """

    name: str
    client: str = ""
    key_id: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A key that was made or changed, with the secrets that are shown this once.

    Attributes:
        record: The key.
        key: All of it, if it is new.
        signing_secret: What requests are signed with, if that is new.
    """

    record: KeyRecord
    key: KeyText | None = None
    signing_secret: str | None = field(default=None, repr=False)


class KeyDesk:
    """Makes and changes keys.

    Args:
        database: Where they are stored.
        audit: Where it is noted.
        pepper: Finds the pepper.
        clock: What time it is.
        scopes: Returns the scopes that there are.
        on_change: Called after every change, so that what is remembered of keys is forgotten.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        pepper: PepperSource,
        clock: Clock,
        *,
        scopes: Callable[[], Collection[str]],
        on_change: Callable[[], None],
    ) -> None:
        self._database = database
        self._audit = audit
        self._pepper = pepper
        self._clock = clock
        self._scopes = scopes
        self._on_change = on_change

    def create(
        self,
        wanted: NewKey,
        actor: Actor,
        *,
        tenant: str | None = None,
        maker_id: str | None = None,
        new_pepper: bool = False,
    ) -> Made:
        """Make a key.

        Args:
            wanted: What it is to be.
            actor: Who makes it.
            tenant: Whose it will be; by default the maker's, or ``default`` for a key that no other makes.
            maker_id: The key whose child it will be; whoever acts with a key makes children of that.
            new_pepper: Whether it may be the first one of another pepper than that of all keys there are.

        Raises:
            PepperMissingError: If it would be that.
            InvalidInputError: If something is wrong with what is wanted.
            PermissionDeniedError: If it would hold more than its maker.
            NotFoundError: If there is no such maker.
        """
        from hookline_auth.key_store import insert_key

        wanted.check_scopes(self._scopes())
        pepper = self._pepper.get(may_replace=new_pepper)
        key = KeyText(id=new_id(), secret=new_secret())
        now_us = self._now_us()
        maker_id = actor.key_id or maker_id
        with self._database.begin() as connection:
            if not new_pepper:
                _check_pepper(connection, pepper)
            chain = self._chain_of_maker(connection, maker_id, actor, now_us) if maker_id else []
            maker = rights_of_chain(chain) if chain else None
            if chain and tenant and tenant != chain[0].tenant:
                refuse("tenant", f"The key {maker_id} belongs to another tenant, and so do its children.")
            rights = wanted.rights_within(maker, now_us=now_us)
            check_rights(rights, maker, now_us)
            check_signing(chain, wanted.signing.mode if wanted.signing is not None else "off")
            stored, shown = None, None
            if wanted.signing is not None:
                stored, shown = sign_anew(pepper, wanted.signing, None, key.id, grace_s=0, now_us=now_us)
            values: dict[str, object] = {
                "id": key.id,
                "tenant": chain[0].tenant if chain else tenant or DEFAULT_TENANT,
                "label": wanted.label,
                "secret_hash": pepper.hash(key.secret),
                "parent_id": maker_id,
                **write_rights(rights),
                "previous_hash": None,
                "previous_until_us": None,
                "signing": stored,
                "created_at_us": now_us,
                "created_by": actor.name,
                "updated_at_us": now_us,
                "revoked_at_us": None,
            }
            insert_key(connection, values)
            record = read_record(values)
            self._note(connection, "key.create", record, actor, _facts(record))
        self._on_change()
        return Made(record=record, key=key, signing_secret=shown)

    def rotate(self, key_id: str, actor: Actor, *, grace_s: int) -> Made:
        """Give a key a new secret; the old one stays valid for a while.

        Raises:
            NotFoundError: If the actor sees no such key.
            PermissionDeniedError: If it is not the actor's to change.
            InvalidInputError: If it has ended.
            PepperMissingError: If all keys were made with another pepper.
        """
        key = KeyText(id=key_id, secret=new_secret())
        pepper = self._pepper.get()
        now_us = self._now_us()
        with self._database.begin() as connection:
            record, values = self._find(connection, key_id, actor, with_itself=True)
            _check_pepper(connection, pepper)
            check_alive(record, now_us)
            changes: dict[str, object] = {
                "secret_hash": pepper.hash(key.secret),
                "previous_hash": values["secret_hash"] if grace_s else None,
                "previous_until_us": now_us + grace_s * MICROSECONDS if grace_s else None,
            }
            record = self._write(connection, values, changes, now_us)
            self._note(connection, "key.rotate", record, actor, {"grace_s": grace_s})
        self._on_change()
        return Made(record=record, key=key)

    def revoke(self, key_id: str, actor: Actor) -> KeyRecord:
        """End a key, and all that descend from it, for good. Doing it twice changes nothing.

        Raises:
            NotFoundError: If the actor sees no such key.
            PermissionDeniedError: If it is not the actor's to change.
        """
        now_us = self._now_us()
        with self._database.begin() as connection:
            record, values = self._find(connection, key_id, actor, with_itself=True)
            if record.revoked_at_us is None:
                changes: dict[str, object] = {"revoked_at_us": now_us, "previous_hash": None}
                changes["previous_until_us"] = None
                record = self._write(connection, values, changes, now_us)
                self._note(connection, "key.revoke", record, actor, {})
        self._on_change()
        return record

    def change(self, key_id: str, wanted: KeyChange, actor: Actor, *, grace_s: int = 0) -> Made:
        """Change what a key is called, may do, or how its requests are signed.

        Args:
            key_id: Which.
            wanted: What is to be different.
            actor: Who wants it.
            grace_s: For how long an old secret of signed requests stays valid beside a new one.

        Raises:
            NotFoundError: If the actor sees no such key.
            PermissionDeniedError: If it is not the actor's to change, or would hold more than its maker.
            InvalidInputError: If something is wrong with what is wanted, or the key was revoked.
        """
        wanted.check_scopes(self._scopes())
        pepper = None if wanted.signing is None else self._pepper.get()
        now_us = self._now_us()
        with self._database.begin() as connection:
            record, values = self._find(connection, key_id, actor, with_itself=False)
            if record.revoked_at_us is not None:
                raise ended(record, "revoked")
            makers = _read_chain(connection, key_id)[1:]
            maker = rights_of_chain(makers) if makers else None
            rights = wanted.changed(record.rights, maker or Rights(), now_us=now_us)
            check_rights(rights, maker, now_us if "expires_at" in wanted.model_fields_set else None)
            changes: dict[str, object] = write_rights(rights)
            if "label" in wanted.model_fields_set:
                changes["label"] = wanted.label
            shown = None
            if wanted.signing is not None and pepper is not None:
                _check_pepper(connection, pepper)
                check_signing(makers, wanted.signing.mode)
                changes["signing"], shown = sign_anew(
                    pepper, wanted.signing, record.signing, key_id, grace_s=grace_s, now_us=now_us
                )
            record = self._write(connection, values, changes, now_us)
            fields: JsonObject = {"changed": sorted(wanted.model_fields_set), **_facts(record)}
            self._note(connection, "key.change", record, actor, fields)
        self._on_change()
        return Made(record=record, signing_secret=shown)

    # ------------------------------------------------------------ parts

    def _chain_of_maker(
        self, connection: Connection, maker_id: str, actor: Actor, now_us: int
    ) -> list[KeyRecord]:
        from hookline_auth.key_store import chain_within

        try:
            chain = chain_within(connection, maker_id)
        except UnreadableKeyError:
            chain = []
        if not chain or actor.tenant not in (None, chain[0].tenant):
            raise no_such_key(maker_id)
        for maker in chain:
            check_alive(maker, now_us)
        if len(chain) >= MAX_DEPTH:
            raise InvalidInputError(
                f"The key {maker_id} descends from {len(chain) - 1} others, and its children would be too "
                f"deep: at most {MAX_DEPTH} stand in one line.",
                hint="Make the key with one of those that this one descends from.",
            )
        return chain

    def _find(
        self, connection: Connection, key_id: str, actor: Actor, *, with_itself: bool
    ) -> tuple[KeyRecord, dict[str, object]]:
        """Return a key that an actor may change, and its row."""
        from hookline_auth.key_store import stored_values

        values = stored_values(connection, key_id) if is_key_id(key_id) else None
        if values is None or actor.tenant not in (None, values["tenant"]):
            raise no_such_key(key_id)
        try:
            record = read_record(values)
        except UnreadableKeyError as exc:
            raise damaged(key_id) from exc
        if actor.key_id is not None:
            ids = [found.id for found in _read_chain(connection, key_id)]
            mine = ids if with_itself else ids[1:]
            if actor.key_id not in mine:
                raise PermissionDeniedError(
                    f"The key {key_id} was not made by yours, nor by one that yours made.",
                    hint="Keys change keys that descend from them; whoever runs this gateway can change all.",
                )
        return record, values

    def _write(
        self, connection: Connection, values: dict[str, object], changes: dict[str, object], now_us: int
    ) -> KeyRecord:
        from hookline_auth.key_store import change_key

        changes = {**changes, "updated_at_us": now_us}
        change_key(connection, str(values["id"]), changes)
        return read_record({**values, **changes})

    def _note(
        self, connection: Connection, action: str, record: KeyRecord, actor: Actor, details: JsonObject
    ) -> None:
        self._audit.append_to(
            connection,
            actor=actor.name,
            action=action,
            target=record.id,
            tenant=record.tenant,
            client=actor.client,
            details=details,
        )

    def _now_us(self) -> int:
        return int(self._clock.now().timestamp() * MICROSECONDS)


def operator() -> Actor:
    """Return whoever types commands, by the name that the system knows and not the shell."""
    try:
        import os
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # no POSIX system, or a user without a name
        import getpass

        name = getpass.getuser()
    return Actor(name=f"cli:{name}")


def _check_pepper(connection: Connection, pepper: Pepper) -> None:
    """Refuse to make what the gateway, which has another pepper, would not take."""
    from hookline_auth.key_store import is_pepper_foreign

    if is_pepper_foreign(connection, pepper.id):
        raise PepperMissingError


def _read_chain(connection: Connection, key_id: str) -> list[KeyRecord]:
    from hookline_auth.key_store import chain_within

    try:
        return chain_within(connection, key_id)
    except UnreadableKeyError as exc:
        raise damaged(key_id) from exc


def _facts(record: KeyRecord) -> JsonObject:
    """Return what the audit log keeps of a key: all that it may do, and nothing that opens a door."""
    from hookline_auth.key_records import describe

    kept = describe(record, now_us=record.updated_at_us, chain=(record,))
    return {
        name: kept[name]
        for name in (
            "label",
            "parent_id",
            "scopes",
            "actions",
            "models",
            "connections",
            "caps",
            "networks",
            "limits",
            "expires_at",
            "signing",
        )
    }
