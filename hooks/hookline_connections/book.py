"""What is known of the stored connections: read from the database now and then, off the path of calls."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from hookline.errors import HooklineError, StoreUnavailableError

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline_connections.choosing import Candidate
    from hookline_connections.rows import StoredConnection

_log = logging.getLogger("hookline.connections")

_PAUSE_S = 1.0
"""After a failure the database is left alone for so long."""

_FIRST_WAIT_S = 30.0
"""Longest wait for the first reading, which opens the database and may bring its tables up to date."""

_MAX_ROUNDS = 50
"""So many readings a call waits for while changes made here take their places."""

_WHOLE_S = 60.0
"""All rows are read again after so long, even if nothing seems to have changed."""


class ReadsRows(Protocol):
    """Where the rows are."""

    def version(self) -> tuple[int, int]:
        """Return what changes whenever a row does."""
        ...

    def read(self) -> list[StoredConnection]:
        """Return all rows."""
        ...


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All connections, as they were at one time.

    Attributes:
        own: Those that tenants have for themselves, by tenant and connector. A tenant that has only unusable
            ones is there too, with none.
        shared: The operator's, stored and from the settings, by connector.
        plain: Connectors for which nothing is stored, and the settings have one account for all models.
        rows: The rows.
    """

    own: Mapping[tuple[str, str], tuple[Candidate, ...]] = field(default_factory=dict)
    shared: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    rows: tuple[StoredConnection, ...] = ()

    @cached_property
    def _places(self) -> dict[str, dict[str, int]]:
        """Where the shared ones stand, by connector and name; there is one of each name."""
        return {
            connector: {one.connection.name: place for place, one in enumerate(group)}
            for connector, group in self.shared.items()
        }

    def shared_with(self, connector: str, names: tuple[str, ...]) -> tuple[Candidate, ...]:
        """Return the shared ones of a connector that have one of some names, or all if there are no names."""
        group = self.shared.get(connector, ())
        if not names:
            return group
        places = self._places.get(connector, {})
        return tuple(group[place] for place in sorted({places[name] for name in names if name in places}))


Build = Callable[[Iterable["StoredConnection"]], Snapshot]


class Book:
    """Holds the newest snapshot.

    It is renewed by a thread of its own once it is older than ``cache_s``, when a call asks for it; calls go
    on with the old one meanwhile, until that is twice as old. Then they wait for the new one. So a change is
    seen after ``2 * cache_s`` at the latest, and without a database there are answers for ``max_stale_s``.

    Args:
        table: Where the rows are.
        build: Makes a snapshot of rows.
        clock: What time it is.
        cache_s: How old a snapshot may be without being renewed.
        max_stale_s: How old it may be while it cannot be renewed.
        wait_s: Longest wait for a new one.
        start: Runs a function on another thread.
    """

    def __init__(
        self,
        table: ReadsRows,
        build: Build,
        *,
        clock: Clock,
        cache_s: float,
        max_stale_s: float,
        wait_s: float,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._table = table
        self._build = build
        self._clock = clock
        self._cache_s = cache_s
        self._max_stale_s = max(max_stale_s, 2 * cache_s)
        self._wait_s = wait_s
        self._start = start or _start_thread
        self._lock = threading.Lock()
        self._building = threading.Lock()  # held first where both are
        self._snapshot: Snapshot | None = None
        self._read_at_s = -math.inf
        self._whole_at_s = -math.inf
        self._version: tuple[int, int] | None = None
        self._running: threading.Event | None = None
        self._not_before_s = -math.inf
        self._problem: HooklineError | None = None

    @property
    def problem(self) -> str | None:
        """Why the last reading failed; None if it did not."""
        problem = self._problem
        return None if problem is None else problem.message

    def current(self) -> Snapshot:
        """Return what is known.

        Raises:
            StoreUnavailableError: If it is too old and cannot be renewed.
        """
        snapshot = self._snapshot
        now_s = self._clock.monotonic()
        if snapshot is not None and now_s - self._read_at_s <= self._cache_s:
            return snapshot
        return self._renewed(now_s)

    def expire(self) -> None:
        """Have the rows read again before the next call, because they were changed here."""
        with self._lock:
            self._read_at_s = self._whole_at_s = self._not_before_s = -math.inf
            self._running = None  # one that runs already may have read before the change

    def rebuild(self) -> None:
        """Make the snapshot anew of the rows that are known, because what it is built on changed.

        Calls go on with the old one until then, and the database is not asked.
        """
        try:
            with self._building:  # a reading that builds has ended, and one that begins sees the change
                snapshot = self._snapshot
                if snapshot is not None:
                    self._snapshot = self._build(snapshot.rows)
        except Exception:  # the next reading may go well
            _log.exception("the stored connections cannot be made anew")
            self.expire()

    def _renewed(self, now_s: float) -> Snapshot:
        for _ in range(_MAX_ROUNDS):  # a change made here can take the place of a reading that ran already
            running = self._begin(now_s)
            snapshot = self._snapshot
            if snapshot is not None and now_s - self._read_at_s <= 2 * self._cache_s:
                return snapshot
            is_done = running is not None and running.wait(
                self._wait_s if snapshot is not None else _FIRST_WAIT_S
            )
            snapshot = self._snapshot
            if snapshot is not None and now_s - self._read_at_s <= self._max_stale_s:
                return snapshot
            if not is_done:
                break
        raise StoreUnavailableError("The stored connections cannot be read at the moment.") from self._problem

    def _begin(self, now_s: float) -> threading.Event | None:
        """Start a reading unless one runs; None if the database is left alone for a moment."""
        with self._lock:
            if self._running is not None:
                return self._running
            if now_s < self._not_before_s:
                return None
            done = self._running = threading.Event()
        self._start(lambda: self._read(done))
        return done

    def _read(self, done: threading.Event) -> None:
        began_at_s = self._clock.monotonic()
        problem: HooklineError | None = None
        try:
            version = self._table.version()
            is_whole = self._snapshot is None or began_at_s - self._whole_at_s > _WHOLE_S
            if is_whole or version != self._version:
                rows = self._table.read()
                with self._building:
                    self._keep(done, self._build(rows), version, began_at_s)
        except HooklineError as exc:
            problem = exc
        except Exception as exc:  # this thread must end with an answer, whatever happens
            _log.exception("the stored connections cannot be read")
            problem = StoreUnavailableError(f"Reading them failed with {type(exc).__name__}.")
        with self._lock:
            if self._running is done:
                self._running = None
                if problem is None:
                    self._read_at_s = began_at_s
                else:
                    self._not_before_s = self._clock.monotonic() + _PAUSE_S
                if problem is not None and self._problem is None:
                    _log.warning("the stored connections cannot be read: %s", problem.message)
                self._problem = problem
        done.set()

    def _keep(
        self, done: threading.Event, snapshot: Snapshot, version: tuple[int, int], began_at_s: float
    ) -> None:
        """Use what was read, unless a change made here took its place."""
        with self._lock:
            if self._running is done:
                self._snapshot, self._version, self._whole_at_s = snapshot, version, began_at_s


def _start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="hookline-connections", daemon=True).start()
