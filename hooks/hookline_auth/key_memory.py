"""Valid credentials that are remembered for a short time, and looked up once for all who ask meanwhile."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError
from hookline_auth.signatures import NOT_SIGNED, SigningRule

if TYPE_CHECKING:
    from hookline.principal import Principal

MAX_REMEMBERED = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A key that was found valid.

    Attributes:
        principal: Who calls with it.
        networks: Where from; empty for everywhere.
        rule: How its requests are signed.
        until: Value of ``clock.monotonic()`` from which it must be looked up again.
    """

    principal: Principal
    networks: tuple[str, ...] = ()
    rule: SigningRule = field(default=NOT_SIGNED, repr=False)
    until: float = 0.0


class _Search:
    """A look-up that runs, and what it found, or why the store could not be asked."""

    __slots__ = ("failure", "found", "is_over")

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.found: Holder | None = None
        self.failure: StoreUnavailableError | None = None


class Memory:
    """Remembers valid credentials by a digest of all of them; each step takes the same time, however many.

    Args:
        most: How many; the one that was looked up first goes for another.
    """

    def __init__(self, most: int = MAX_REMEMBERED) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._found: OrderedDict[bytes, Holder] = OrderedDict()
        self._searches: dict[tuple[bytes, int], _Search] = {}
        self.generation = 0

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._found)

    def get(self, digest: bytes, now: float) -> Holder | None:
        """Return a credential that is still remembered."""
        holder = self._found.get(digest)
        return holder if holder is not None and holder.until > now else None

    def find(
        self, digest: bytes, look_up: Callable[[], Holder], now: float, *, is_second: bool = False
    ) -> Holder:
        """Return a credential that is not remembered, and remember it.

        Of many threads that want the same at the same time one looks it up: a busy key that is forgotten
        every few seconds must not take all connections to the database. What fails, fails for that thread
        only; the others then look for themselves. If the store could not be asked, one of them tries again
        for all, and what comes of that holds for all.

        Args:
            digest: Of the whole credential.
            look_up: Returns the credential, or raises if it is not valid or that cannot be found out.
            now: Value of ``clock.monotonic()``.
            is_second: Whether the thread waited already for somebody who could not ask the store.
        """
        with self._lock:
            known = self.get(digest, now)
            if known is not None:  # since a moment ago
                return known
            generation = self.generation
            key = digest, generation  # who asks after a change never gets what was read before it
            search = self._searches.get(key)
            is_mine = search is None
            if search is None:
                search = self._searches[key] = _Search()
        if not is_mine:
            search.is_over.wait()
            if search.failure is not None:
                if is_second:
                    raise copy.copy(search.failure)
                return self.find(digest, look_up, now, is_second=True)
            return look_up() if search.found is None else search.found
        try:
            holder = look_up()
            if holder.until > now:  # else it is valid for this moment only
                search.found = holder
                self.put(digest, holder, generation, now)
            return holder
        except StoreUnavailableError as exc:
            search.failure = exc
            raise
        finally:
            with self._lock:
                del self._searches[key]
            search.is_over.set()

    def put(self, digest: bytes, holder: Holder, generation: int, now: float) -> None:
        """Remember a credential, unless everything was forgotten since ``generation``."""
        if holder.until <= now:
            return
        with self._lock:
            if generation != self.generation:
                return
            found = self._found
            found[digest] = holder
            found.move_to_end(digest)
            while len(found) > self._most or next(iter(found.values())).until <= now:
                found.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, also what is being looked up now."""
        with self._lock:
            self.generation += 1
            self._found = OrderedDict()
