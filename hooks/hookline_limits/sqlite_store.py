"""Counters in a file that several processes of one machine share."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError
from hookline_limits import sqlite_schema as sql
from hookline_limits.breaker import Breaker
from hookline_limits.keeper import Keeper
from hookline_limits.sqlite_file import PATIENCE_S, SqliteFile
from hookline_limits.store import Refusal, bounded
from hookline_limits.windows import SECOND_US, end_us_of, slot_at, utc_us, wait_us

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hookline.clock import Clock
    from hookline_limits.rules import Counter, Rule, Take
    from hookline_limits.store import Hold

_CLOCK_STEPS_US = 60 * SECOND_US  # a clock that was wrong for less does no harm to what is counted
_MOST_SWEEPS = 200


class _Hold:
    """What was set aside in the file."""

    __slots__ = ("_free_us", "_lock", "_store", "is_settled", "owner", "slots", "takes", "used")

    def __init__(self, store: SqliteStore, owner: str, takes: Sequence[Take], places: list[_Place]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.owner = owner
        self.takes = takes
        self.is_settled = False
        self.slots = [place.slot for place in places]
        self.used = [place.used + take.amount for place, take in zip(places, takes, strict=True)]
        self._free_us = [place.free_us() for place in places]

    def free_in_s(self, index: int) -> float | None:
        free_us = self._free_us[index]
        return None if free_us is None else free_us / SECOND_US

    def settle(self, actuals: Sequence[int]) -> None:
        with self._lock:
            if self.is_settled:
                return
            self.is_settled = True
        self._store.settle(self, bounded(actuals))


class _Place:
    """What is in the file of one counter."""

    __slots__ = ("amounts", "now_us", "rule", "slot", "used")

    def __init__(self, rule: Rule, now_us: int) -> None:
        self.rule = rule
        self.now_us = now_us
        self.slot = slot_at(rule.mode, rule.slot_us, now_us)
        self.amounts: list[tuple[int, int]] = []
        self.used = 0

    def free_us(self) -> int | None:
        slot = min((slot for slot, amount in self.amounts if amount), default=self.slot)
        end_us = end_us_of(self.rule.mode, self.rule.slot_us, slot)
        return None if end_us is None else max(0, end_us - self.now_us)


class SqliteStore:
    """Counts in one SQLite file; every step is one short transaction.

    What is set aside belongs to this process, which renews a lease. When the lease has run out, it no
    longer counts.

    Args:
        path: The file.
        clock: What time it is.
        lease_s: Seconds after which a process that gives no sign is taken for dead.
        patience_s: Longest wait for the file.
        checks_unused: Whether `check` looks at the file although nothing was ever counted in it.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        lease_s: float = 30.0,
        patience_s: float = PATIENCE_S,
        checks_unused: bool = True,
    ) -> None:
        self._clock = clock
        self._lease_us = int(lease_s * SECOND_US)
        self._breaker = Breaker(path.name, monotonic=clock.monotonic)
        self._file = SqliteFile(path, self._breaker, patience_s=patience_s)
        self._owner = ""
        self._is_unused = not checks_unused
        self._keeper = Keeper(self.tend, every_s=lease_s / 3)

    def take(self, takes: Sequence[Take]) -> Hold | Refusal:
        """Set all aside that is to be taken, or nothing of it."""
        self._is_unused = False
        self._keeper.start()
        with self._file.transaction() as connection:
            now_us = self._now_us()
            owner, alive = self._own(connection, now_us)
            places = [self._read(connection, take.counter, alive, now_us) for take in takes]
            refusal = _refusal(takes, places)
            if refusal is not None:
                return refusal
            for take, place in zip(takes, places, strict=True):
                if take.amount:
                    _add(connection, take.counter, place.slot, owner, take.amount)
        return _Hold(self, owner, takes, places)

    def settle(self, hold: _Hold, actuals: list[int]) -> None:
        """Write what a hold has come to, now or later."""
        estimates = [take.amount for take in hold.takes]
        self._keeper.do(lambda: self._settle(hold, actuals), instead=lambda: self._settle(hold, estimates))

    def shares(self, rule: Rule) -> bool:
        """Return True: the file is everybody's."""
        return True

    def look(self, counters: Sequence[Counter]) -> list[int]:
        """Return what is taken or set aside of each counter; does not make a file that is not there."""
        if not self._file.exists():
            return [0] * len(counters)
        with self._file.transaction() as connection:
            now_us = self._now_us()
            _, alive = self._own(connection, now_us)
            return [self._read(connection, counter, alive, now_us).used for counter in counters]

    def check(self) -> str | None:
        """Return what is wrong with the file; writes to it."""
        if self._is_unused:
            return None
        try:
            self.renew()
        except StoreUnavailableError:
            return self._breaker.problem
        return None

    def close(self) -> None:
        """Write what is left, and let go of what is still set aside."""
        self._keeper.close()
        if self._owner:
            with (
                contextlib.suppress(StoreUnavailableError),  # else the lease runs out by itself
                self._file.transaction() as connection,
            ):
                _bury(connection, self._owner)
        self._file.close()

    def renew(self) -> None:
        """Renew the lease, and clear away what processes left behind whose lease has run out."""
        with self._file.transaction() as connection:
            now_us = self._now_us()
            expires_us = now_us + self._lease_us
            connection.execute(sql.SHORTEN, (expires_us, expires_us))
            connection.execute(sql.RENEW_OWNER, (expires_us, self._owner))
            for (owner,) in connection.execute(sql.DEAD_OWNERS, (now_us,)).fetchall():
                _bury(connection, owner)

    def tend(self) -> None:
        """Renew the lease, and clear away what no longer counts."""
        self.renew()
        for _ in range(_MOST_SWEEPS):  # in small steps: others want to write, too
            with self._file.transaction() as connection:
                removed = connection.execute(sql.REMOVE_OLD, (self._now_us() - _CLOCK_STEPS_US,)).rowcount
            if removed <= 0:
                return

    def _now_us(self) -> int:
        return utc_us(self._clock.now())

    def _own(self, connection: sqlite3.Connection, now_us: int) -> tuple[str, set[str]]:
        """Return the name under which this process sets aside, and all whose lease has not run out.

        A lease that ran out unnoticed, because the clock leapt or the machine slept, is renewed. If others
        have cleared it away, the process takes a new name: what it had set aside is gone with the old one.
        """
        leases = dict(connection.execute(sql.OWNERS))
        if self._owner not in leases:
            self._owner = secrets.token_hex(8)
            connection.execute(sql.ADD_OWNER, (self._owner, now_us + self._lease_us))
        elif leases[self._owner] <= now_us:
            connection.execute(sql.RENEW_OWNER, (now_us + self._lease_us, self._owner))
        alive = {owner for owner, expires_us in leases.items() if expires_us > now_us}
        return self._owner, alive | {self._owner}

    def _read(self, connection: sqlite3.Connection, counter: Counter, alive: set[str], now_us: int) -> _Place:
        place = _Place(counter.rule, now_us)
        late = []
        for slot, owner, amount in connection.execute(
            sql.READ, (counter.name, place.slot - counter.rule.reach)
        ):
            if owner == sql.SETTLED:
                if slot > place.slot:
                    late.append((slot, amount))
                    slot = place.slot
            elif owner not in alive:
                continue
            place.used += amount
            place.amounts.append((slot, amount))
        for slot, amount in late:  # the clock was set back: what is from the future counts from now on
            connection.execute(sql.REMOVE, (counter.name, slot, sql.SETTLED))
            _add(connection, counter, place.slot, sql.SETTLED, amount)
        return place

    def _settle(self, hold: _Hold, actuals: list[int]) -> None:
        with self._file.transaction() as connection:
            now_us = self._now_us()
            for take, slot, actual in zip(hold.takes, hold.slots, actuals, strict=True):
                counter = take.counter
                key = (counter.name, slot, hold.owner)
                if take.amount:
                    connection.execute(sql.GIVE_BACK, (take.amount, *key))
                    connection.execute(sql.REMOVE_EMPTY, key)
                end_us = end_us_of(counter.rule.mode, counter.rule.slot_us, slot)
                if actual and end_us is not None and end_us > now_us:
                    _add(connection, counter, slot, sql.SETTLED, actual)


def _bury(connection: sqlite3.Connection, owner: str) -> None:
    connection.execute(sql.REMOVE_OF_OWNER, (owner,))
    connection.execute(sql.REMOVE_OWNER, (owner,))


def _add(connection: sqlite3.Connection, counter: Counter, slot: int, owner: str, amount: int) -> None:
    rule = counter.rule
    end_us = end_us_of(rule.mode, rule.slot_us, slot)
    connection.execute(sql.ADD, (counter.name, slot, owner, amount, end_us))


def _refusal(takes: Sequence[Take], places: list[_Place]) -> Refusal | None:
    found: Refusal | None = None
    for (counter, amount), place in zip(takes, places, strict=True):
        rule = counter.rule
        excess = place.used + amount - rule.amount
        if excess > 0:
            wait = wait_us(rule.mode, rule.slot_us, place.amounts, excess=excess, now_us=place.now_us)
            wait_s = None if wait is None else wait / SECOND_US
            if found is None or (wait_s or 0) > (found.wait_s or 0):
                found = Refusal(counter, place.used, wait_s)
    return found
