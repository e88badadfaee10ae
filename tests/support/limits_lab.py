"""Stores of limits over a clock that tests move: in memory, in SQLite, and in a real Redis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import redis

from fake_clock import START, FakeClock
from hookline.limit import parse_limit
from hookline_limits import redis_scripts
from hookline_limits.memory_store import MemoryStore
from hookline_limits.redis_store import RedisStore
from hookline_limits.rules import Take, make_rule
from hookline_limits.sqlite_store import SqliteStore
from hookline_limits.store import Refusal
from hookline_limits.windows import SECOND_US, utc_us

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import pytest

    from hookline_limits.rules import Counter
    from hookline_limits.store import Hold, Store

KINDS = ("memory", "sqlite", "redis")


# Takes from the time to live of every counter what has passed; a counter that has none never goes away.
_LAPSE = """
for _, key in ipairs(redis.call('KEYS', '{hookline-limits}:c:*')) do
  local left = redis.call('PTTL', key)
  if left < 0 then return redis.error_reply(key .. ' has no time to live') end
  if left <= tonumber(ARGV[1]) then redis.call('DEL', key)
  else redis.call('PEXPIRE', key, left - ARGV[1]) end
end
"""


class LabClock(FakeClock):
    """A clock whose time of day can be set, which does nothing to its monotonic side.

    Attributes:
        lapses: Whether what a store gives a time to live lapses by this clock, where that is its own doing.
    """

    def __init__(self, now: datetime = START) -> None:
        super().__init__(now)
        self.is_off = timedelta()
        self.lapses = False

    def now(self) -> datetime:
        return super().now() + self.is_off


class RedisClock(LabClock):
    """The same, and the time that Redis goes by."""

    def __init__(self, url: str, now: datetime = START) -> None:
        super().__init__(now)
        self._client = redis.Redis.from_url(url)
        self.tell()

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.tell()
        if self.lapses and seconds:
            self._client.eval(_LAPSE, 0, round(seconds * 1000))

    def tell(self) -> None:
        seconds, micro = divmod(utc_us(self.now()), SECOND_US)
        self._client.mset({"{hookline-limits}:s": seconds, "{hookline-limits}:us": micro})

    def close(self) -> None:
        self._client.close()


def follow_clock(patch: pytest.MonkeyPatch) -> None:
    """Make the scripts read the time that `RedisClock` tells in place of the server's own."""
    told = "{redis.call('GET', '{hookline-limits}:s'), redis.call('GET', '{hookline-limits}:us')}"
    for name in ("TAKE", "SETTLE"):
        script = getattr(redis_scripts, name)
        assert script.count("redis.call('TIME')") == 1
        patch.setattr(redis_scripts, name, script.replace("redis.call('TIME')", told))


@dataclass
class StoreLab:
    """One kind of store, and its clock."""

    kind: str
    clock: LabClock
    folder: Path
    url: str = ""
    lease_s: float = 3600.0

    def open(self) -> Store:
        """Return the store, as one more process would open it."""
        if self.kind == "memory":
            return MemoryStore(self.clock)
        if self.kind == "sqlite":
            return SqliteStore(self.folder / "limits.sqlite3", self.clock, lease_s=self.lease_s)
        return RedisStore(self.url, self.clock, lease_s=self.lease_s, patience_s=5.0)

    def set_clock_back(self, seconds: float) -> None:
        self.clock.is_off -= timedelta(seconds=seconds)
        if isinstance(self.clock, RedisClock):
            self.clock.tell()


def counter(text: str, holder: str = "k1", *, tenant: str = "t1") -> Counter:
    """Return the counter of a limit for a holder."""
    return make_rule(parse_limit(text), tenant=tenant).counter(holder)


def take(store: Store, *takes: tuple[Counter, int]) -> Hold | Refusal:
    """Take so much of each."""
    return store.take([Take(*one) for one in takes])


def must_take(store: Store, *takes: tuple[Counter, int]) -> Hold:
    """Take what there is room for."""
    answer = take(store, *takes)
    assert not isinstance(answer, Refusal), answer
    return answer


def must_refuse(store: Store, *takes: tuple[Counter, int]) -> Refusal:
    """Take what there is no room for."""
    answer = take(store, *takes)
    assert isinstance(answer, Refusal)
    return answer
