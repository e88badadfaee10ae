"""Which store a gateway counts in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline_limits.composed_store import ComposedStore
from hookline_limits.memory_store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.clock import Clock
    from hookline_limits.options import LimitsOptions
    from hookline_limits.sqlite_store import SqliteStore
    from hookline_limits.store import Store

FILE = "limits.sqlite3"

_MANY_WORKERS = (
    "plugins.limits: several workers cannot count in the memory of each; set `state_dir` for a file that "
    "they share, or `redis_url`."
)


def make_store(options: LimitsOptions, *, state_dir: Path | None, workers: int, clock: Clock) -> Store:
    """Return the store that the options ask for; nothing is opened before it is used.

    Args:
        options: What is set.
        state_dir: Folder for what is kept, if there is one.
        workers: Processes that answer requests.
        clock: What time it is.

    Raises:
        ConfigurationError: If there can be no such store.
    """
    kind = options.store
    if kind == "redis" or (kind == "auto" and options.redis_url is not None):
        if options.redis_url is None:
            raise ConfigurationError(
                'plugins.limits: `store = "redis"` needs `redis_url`, such as redis://127.0.0.1:6379/0.'
            )
        from hookline_limits.redis_store import RedisStore

        return RedisStore(options.redis_url.get_secret_value(), clock, lease_s=options.lease_s)
    if kind == "memory" or (kind == "auto" and state_dir is None):
        if workers > 1:
            raise ConfigurationError(_MANY_WORKERS)
        return MemoryStore(clock)
    if state_dir is None:
        raise ConfigurationError('plugins.limits: `store = "sqlite"` needs a `state_dir` for its file.')
    from hookline_limits.sqlite_store import SqliteStore

    file = SqliteStore(state_dir / FILE, clock, lease_s=options.lease_s, checks_unused=kind == "sqlite")
    return ComposedStore(MemoryStore(clock), file) if kind == "auto" and workers == 1 else file


def open_file(options: LimitsOptions, *, state_dir: Path | None, clock: Clock) -> SqliteStore | None:
    """Return the file of the state folder in which other processes may count; None if there is none."""
    if state_dir is None or not (state_dir / FILE).exists():
        return None
    from hookline_limits.sqlite_store import SqliteStore

    return SqliteStore(state_dir / FILE, clock, lease_s=options.lease_s)
