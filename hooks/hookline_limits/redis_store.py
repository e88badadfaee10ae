"""Counters in Redis, for any number of machines."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
from typing import TYPE_CHECKING, cast

from hookline.errors import ConfigurationError, StoreUnavailableError
from hookline_limits import redis_scripts
from hookline_limits.breaker import Breaker
from hookline_limits.keeper import Keeper
from hookline_limits.rules import Take
from hookline_limits.store import Refusal, bounded
from hookline_limits.windows import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.commands.core import Script

    from hookline.clock import Clock
    from hookline_limits.rules import Counter, Rule
    from hookline_limits.store import Hold

PATIENCE_S = 0.5
"""Longest wait for an answer of Redis, and for a connection to it."""

MOST_CONNECTIONS = 64
_PREFIX = "{hookline-limits}:"  # one hash tag: a cluster keeps all in one place, as a script needs it
_KEEP_MS = 2 * 86_400_000  # longer than any call may take
_INSTALL = "Limits in Redis need the library for it: `pip install 'hookline[redis]'`."


class _Hold:
    """What was set aside in Redis."""

    __slots__ = ("_free_us", "_lock", "_store", "id", "is_settled", "owner", "slots", "takes", "used")

    def __init__(
        self, store: RedisStore, owner: str, id: str, takes: Sequence[Take], numbers: list[int]
    ) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.owner = owner
        self.id = id
        self.takes = takes
        self.is_settled = False
        self.slots = numbers[0::3]
        self.used = numbers[1::3]
        self._free_us = numbers[2::3]

    def free_in_s(self, index: int) -> float | None:
        free_us = self._free_us[index]
        return None if free_us < 0 else free_us / SECOND_US

    def settle(self, actuals: Sequence[int]) -> None:
        with self._lock:
            if self.is_settled:
                return
            self.is_settled = True
        self._store.settle(self, bounded(actuals))


class RedisStore:
    """Counts in Redis by its own clock; every step is one script.

    What is set aside belongs to this process, which renews a lease. When the lease has run out, it no
    longer counts. An owner whose lease has run out once never comes back: the process takes a new name.

    Args:
        url: Where Redis is; may hold a password, and is not kept.
        clock: Measures how long to leave Redis alone after a failure.
        lease_s: Seconds after which a process that gives no sign is taken for dead.
        patience_s: Longest wait for an answer.

    Raises:
        ConfigurationError: If the library is missing or the address is none.
    """

    def __init__(
        self, url: str, clock: Clock, *, lease_s: float = 30.0, patience_s: float = PATIENCE_S
    ) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ConfigurationError(_INSTALL) from None
        try:
            pool = redis.BlockingConnectionPool.from_url(
                url,
                max_connections=MOST_CONNECTIONS,
                timeout=patience_s,
                socket_timeout=patience_s,
                socket_connect_timeout=patience_s,
                retry=Retry(NoBackoff(), 0),
                retry_on_error=[],
            )
        except ValueError:
            raise ConfigurationError(
                "plugins.limits: `redis_url` is no address of Redis; write redis://HOST:PORT/DATABASE."
            ) from None
        self._failures = (redis.RedisError, OSError)
        self._client = redis.Redis(connection_pool=pool)
        self._take = self._client.register_script(redis_scripts.TAKE)
        self._settle = self._client.register_script(redis_scripts.SETTLE)
        self._lease_ms = int(lease_s * 1000)
        self._breaker = Breaker("Redis", monotonic=clock.monotonic)
        self._lock = threading.Lock()
        self._owner = ""
        self._numbers = itertools.count()
        self._keeper = Keeper(self.renew, every_s=lease_s / 3)

    def take(self, takes: Sequence[Take]) -> Hold | Refusal:
        """Set all aside that is to be taken, or nothing of it."""
        self._keeper.start()
        owner = self._owner
        answer = None
        if owner:
            id = str(next(self._numbers))
            answer = self._try_to_take(owner, id, takes, begin=False)
        if answer is None:
            with self._lock:  # a new name, once for all who found that they need one
                if self._owner == owner:
                    fresh, id = secrets.token_hex(8), str(next(self._numbers))
                    answer = self._try_to_take(fresh, id, takes, begin=True)
                    self._owner = fresh
                owner = self._owner
        if answer is None:
            id = str(next(self._numbers))
            answer = self._try_to_take(owner, id, takes, begin=False)
        if answer is None or answer[0] == b"undone":
            raise self._breaker.error(1.0)
        if answer[0] == b"refused":
            _, index, used, wait_us = answer
            wait = int(wait_us)
            return Refusal(takes[int(index)].counter, int(used), None if wait < 0 else wait / SECOND_US)
        return _Hold(self, owner, id, takes, [int(number) for number in answer[1:]])

    def settle(self, hold: _Hold, actuals: list[int]) -> None:
        """Write what a hold has come to, now or later."""
        self._keeper.do(
            self._settlement(hold.owner, hold.id, hold.takes, actuals, hold.slots),
            instead=self._settlement(
                hold.owner, hold.id, hold.takes, [take.amount for take in hold.takes], hold.slots
            ),
        )

    def shares(self, rule: Rule) -> bool:
        """Return True: Redis is everybody's."""
        return True

    def look(self, counters: Sequence[Counter]) -> list[int]:
        """Return what is taken or set aside of each counter."""
        takes = [Take(counter, 0) for counter in counters]
        answer = self._run(self._take, *self._take_arguments("", "", takes, begin=False))
        return [int(number) for number in cast("list[bytes]", answer)[2::3]]

    def check(self) -> str | None:
        """Return what is wrong with Redis."""
        try:
            self.renew()
        except StoreUnavailableError:
            return self._breaker.problem
        return None

    def close(self) -> None:
        """Write what is left, and let go of what is still set aside."""
        self._keeper.close()
        if self._owner:
            with contextlib.suppress(StoreUnavailableError):  # else the lease runs out by itself
                self._ask(lambda: self._client.delete(self._owner_key(self._owner)))
        self._client.connection_pool.disconnect()

    def renew(self) -> None:
        """Renew the lease."""
        key = self._owner_key(self._owner)
        self._ask(lambda: self._client.pexpire(key, self._lease_ms))

    def _try_to_take(self, owner: str, id: str, takes: Sequence[Take], *, begin: bool) -> list[bytes] | None:
        """Return what Redis said, or None if the owner's lease has run out."""
        self._breaker.enter()
        keys, arguments = self._take_arguments(owner, id, takes, begin=begin)
        try:
            answer = cast("list[bytes]", self._ask_now(lambda: self._take(keys, arguments)))
        except StoreUnavailableError:
            # Nobody knows whether it was done, or will be: what is on its way may arrive after this.
            self._keeper.do_later(self._settlement(owner, id, takes, [0] * len(takes), [-1] * len(takes)))
            raise
        return None if answer[0] == b"lost" else answer

    def _take_arguments(
        self, owner: str, id: str, takes: Sequence[Take], *, begin: bool
    ) -> tuple[list[str], list[str | int]]:
        arguments: list[str | int] = [owner, int(begin), self._lease_ms, id, _KEEP_MS]
        for (rule, _, _), amount in takes:
            arguments += (rule.mode, rule.slot_us, rule.reach, amount, rule.amount)
        return self._keys(owner, takes), arguments

    def _settlement(
        self, owner: str, id: str, takes: Sequence[Take], actuals: list[int], slots: list[int]
    ) -> Callable[[], None]:
        keys = self._keys(owner, takes)
        arguments: list[str | int] = [owner, id]
        for (counter, amount), actual, slot in zip(takes, actuals, slots, strict=True):
            arguments += (counter.rule.mode, counter.rule.slot_us, amount, actual, slot)

        def settle() -> None:
            self._run(self._settle, keys, arguments)

        return settle

    def _keys(self, owner: str, takes: Sequence[Take]) -> list[str]:
        return [self._owner_key(owner), *(f"{_PREFIX}c:{take.counter.name}" for take in takes)]

    def _owner_key(self, owner: str) -> str:
        return f"{_PREFIX}o:{owner}"

    def _run(self, script: Script, keys: list[str], arguments: list[str | int]) -> object:
        return self._ask(lambda: script(keys, arguments))

    def _ask(self, question: Callable[[], object]) -> object:
        self._breaker.enter()
        return self._ask_now(question)

    def _ask_now(self, question: Callable[[], object]) -> object:
        try:
            answer = question()
        except self._failures as exc:
            raise self._breaker.fail(type(exc).__name__, more=str(exc)) from exc
        self._breaker.succeed()
        return answer
