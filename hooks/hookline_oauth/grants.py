"""Refresh tokens that took the place of stored ones: kept sealed, and used by one process at a time.

A service that hands out a new refresh token with every access token takes each of them once. So whoever
renews holds a lease, and the others take what it got. Imports SQLAlchemy: import it late.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import insert, select, update

from hookline.errors import StoreUnavailableError, StreamInterruptedError, UpstreamTimeoutError
from hookline.store.database import ConflictError
from hookline.store.seals import SealError
from hookline.store.tables import OAUTH_GRANTS

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import RowMapping

    from hookline import Connection
    from hookline.call import Cancellation
    from hookline.clock import Clock
    from hookline.store.database import Database
    from hookline.store.seals import Seals
    from hookline_oauth.asking import Grant
    from hookline_oauth.client import Client

_LOOK_EVERY_S = 0.1
_ROW = OAUTH_GRANTS.c
_LABEL = "oauth_grants.sealed"
_log = logging.getLogger("hookline.oauth")


@dataclass(kw_only=True, slots=True)
class Held:
    """The right to renew one connection's token.

    Attributes:
        refresh_token: The newest one.
        access_token: One that another process got and that still holds; None if one is to be fetched.
        left_s: For how long it is used.
        kept: What is to be kept; None if nothing was fetched.
    """

    refresh_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    left_s: float = 0.0
    kept: tuple[Grant, float] | None = field(default=None, repr=False)

    def keep(self, grant: Grant, *, lifetime_s: float) -> None:
        """Keep what a token service handed out.

        Args:
            grant: What it handed out.
            lifetime_s: For how long the access token is used.
        """
        self.kept = (grant, lifetime_s)


class GrantBook:
    """Keeps grants.

    Args:
        database: Where.
        seals: Seals them.
        clock: What time it is.
        lease_s: Longest time that one process renews; afterwards another may.
    """

    def __init__(self, database: Database, seals: Seals, clock: Clock, *, lease_s: float) -> None:
        self._database = database
        self._seals = seals
        self._clock = clock
        self._lease_us = int(lease_s * 1_000_000)
        self._owner = secrets.token_hex(8)
        self._unsaved: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._told: set[tuple[str, str, str]] = set()

    @contextmanager
    def hold(
        self, connection: Connection, client: Client, *, refused: str | None, cancellation: Cancellation
    ) -> Iterator[Held]:
        """Give the right to renew, as soon as nobody else has it; what is kept is written at the end.

        Args:
            connection: The account.
            client: What its stored credential says.
            refused: An access token that is not to be used any more.
            cancellation: Ends the wait for one's turn, and nothing else.

        Raises:
            StoreUnavailableError: If the grants cannot be read or written.
            UpstreamTimeoutError: If others hold it for longer than two of them may.
        """
        key = (connection.tenant or "", connection.name, connection.connector)
        version = self._claim(key, client, cancellation)
        try:
            held = self._held(key, client, refused=refused)
            yield held
        except BaseException:
            self._release(key, version)
            raise
        self._save(key, version, client, held)

    def _claim(self, key: tuple[str, str, str], client: Client, cancellation: Cancellation) -> int:
        """Wait for the lease, and return the version of the row that it holds."""
        ends_at = self._clock.monotonic() + 2 * self._lease_us / 1_000_000
        while True:
            row = self._read(key)
            now_us = self._now_us()
            if row is None:
                if self._insert(key, client, now_us):
                    return 1
                continue
            if row["lease_until_us"] <= now_us:
                if self._take(key, row["version"], now_us):
                    return int(row["version"]) + 1
                continue
            if self._clock.monotonic() >= ends_at:
                raise UpstreamTimeoutError(
                    f"Other processes take too long to renew the token of the connection {key[1]!r}.",
                    code="token_service_timeout",
                    hint="Try again in a moment.",
                    reached_upstream=False,
                )
            if not self._clock.wait(_LOOK_EVERY_S, cancellation):
                raise StreamInterruptedError(
                    "The gateway was closed while the call waited for an access token.",
                    reached_upstream=False,
                )

    def _held(self, key: tuple[str, str, str], client: Client, *, refused: str | None) -> Held:
        stored = client.refresh_token or ""
        unsaved = self._unsaved.get(key)
        if unsaved is not None and unsaved[0] == client.source:
            return Held(refresh_token=unsaved[1])
        row = self._read(key)
        if row is None or row["source"] != client.source or row["sealed"] is None:
            return Held(refresh_token=stored)
        kept = self._open(key, row)
        if kept is None:
            return Held(refresh_token=stored)
        held = Held(refresh_token=str(kept.get("refresh_token") or stored))
        left_s = (float(str(kept.get("until_us", 0))) - self._now_us()) / 1_000_000
        token = kept.get("access_token")
        if isinstance(token, str) and left_s > 0 and token != refused:
            held.access_token, held.left_s = token, left_s
        return held

    def _save(self, key: tuple[str, str, str], version: int, client: Client, held: Held) -> None:
        if held.kept is None:
            self._release(key, version)
            return
        grant, lifetime_s = held.kept
        newest = grant.refresh_token or held.refresh_token
        now_us = self._now_us()
        text = orjson.dumps(
            {
                "refresh_token": newest,
                "access_token": grant.access_token,
                "until_us": now_us + int(lifetime_s * 1_000_000),
            }
        )
        if grant.refresh_token is not None and not self._outlives(key):
            _log.warning(
                "the token service of the connection %r hands out new refresh tokens, which are lost when "
                "this process ends: set HOOKLINE_STATE_DIR or HOOKLINE_DATABASE_URL",
                key[1],
            )
        try:
            sealed = self._seals.seal(text, _LABEL, *key)
            with self._database.begin() as connection:
                done = connection.execute(
                    update(OAUTH_GRANTS)
                    .where(*_is(key), _ROW.version == version)
                    .values(source=client.source, sealed=sealed, lease_until_us=0, updated_at_us=now_us)
                )
                problem = None if done.rowcount == 1 else "another process renews it by now"
        except (StoreUnavailableError, SealError) as exc:
            problem = exc.message
        if problem is not None:
            # The old one may be worth nothing any more: go on with the new one, and write it the next time.
            self._unsaved[key] = (client.source, newest)
            _log.error("the new refresh token of the connection %r cannot be kept: %s", key[1], problem)
            return
        self._unsaved.pop(key, None)

    def _outlives(self, key: tuple[str, str, str]) -> bool:
        """Tell whether what is kept outlives this process, or somebody was told already that it does not."""
        if self._database.dialect == "postgresql" or self._database.path is not None or key in self._told:
            return True
        self._told.add(key)
        return False

    def _open(self, key: tuple[str, str, str], row: RowMapping) -> dict[str, object] | None:
        try:
            found = orjson.loads(self._seals.unseal(row["sealed"], _LABEL, *key))
        except (SealError, orjson.JSONDecodeError) as exc:
            _log.error(
                "the refresh token of the connection %r cannot be opened, so the stored one is used: %s",
                key[1],
                exc,
            )
            return None
        return found if isinstance(found, dict) else None

    # ------------------------------------------------------------ rows

    def _read(self, key: tuple[str, str, str]) -> RowMapping | None:
        with self._database.connect() as connection:
            return connection.execute(select(OAUTH_GRANTS).where(*_is(key))).mappings().first()

    def _insert(self, key: tuple[str, str, str], client: Client, now_us: int) -> bool:
        tenant, name, connector = key
        values = {
            "tenant": tenant,
            "connection": name,
            "connector": connector,
            "source": client.source,
            "version": 1,
            "owner": self._owner,
            "lease_until_us": now_us + self._lease_us,
            "updated_at_us": now_us,
            "sealed": None,
        }
        try:
            with self._database.begin() as connection:
                connection.execute(insert(OAUTH_GRANTS).values(**values))
        except ConflictError:
            return False  # another process was faster
        return True

    def _take(self, key: tuple[str, str, str], version: int, now_us: int) -> bool:
        with self._database.begin() as connection:
            done = connection.execute(
                update(OAUTH_GRANTS)
                .where(*_is(key), _ROW.version == version)
                .values(
                    version=version + 1,
                    owner=self._owner,
                    lease_until_us=now_us + self._lease_us,
                )
            )
            return done.rowcount == 1

    def _release(self, key: tuple[str, str, str], version: int) -> None:
        try:
            with self._database.begin() as connection:
                connection.execute(
                    update(OAUTH_GRANTS).where(*_is(key), _ROW.version == version).values(lease_until_us=0)
                )
        except StoreUnavailableError:
            pass  # the lease ends by itself

    def _now_us(self) -> int:
        return int(self._clock.now().timestamp() * 1_000_000)


def _is(key: tuple[str, str, str]) -> tuple[ColumnElement[bool], ...]:
    tenant, name, connector = key
    return (_ROW.tenant == tenant, _ROW.connection == name, _ROW.connector == connector)
