"""How many retries a connection may make, so that retries never multiply an outage."""

from __future__ import annotations

import threading
from dataclasses import dataclass

QUIET_S = 60.0
"""An outage is over when for so long nobody wanted to retry."""

_ROUNDING = 1e-9  # five times a fifth is one retry, whatever floating point makes of it


@dataclass(kw_only=True, slots=True)
class _Bucket:
    retries: float
    wanted_at_s: float | None = None


class RetryBudgets:
    """One bucket of retries per connection, safe with threads; every step takes the same short time.

    A bucket begins with the reserve. Each call puts a share of a retry in, each retry takes one out. It
    never holds more than the reserve, so good times are not saved up: in an outage of N calls there are at
    most ``share * N + reserve`` retries. When nobody wanted a retry for `QUIET_S`, the reserve is there
    again: so a connection with few calls keeps its retries, and a long outage does not get new ones.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def add_call(self, connection: str, *, share: float, reserve: int) -> None:
        """Note that a call is about to be sent for the first time.

        Args:
            connection: Id of the connection.
            share: Retries that one call is good for.
            reserve: Most retries that the bucket holds; at least one, so that shares can add up to one.
        """
        most = reserve or 1
        full = self._buckets.get(connection)
        if full is not None and full.retries >= most:  # so it is in good times; no lock is needed to see it
            return
        with self._lock:
            bucket = self._bucket(connection, reserve)
            if bucket.retries < most:
                bucket.retries = min(bucket.retries + share, most)

    def take(self, connection: str, *, reserve: int, now_s: float) -> bool:
        """Take one retry, if there is one.

        Args:
            connection: Id of the connection.
            reserve: What the bucket holds after a quiet time.
            now_s: The present, by a monotonic clock.
        """
        with self._lock:
            bucket = self._bucket(connection, reserve)
            if bucket.wanted_at_s is None or now_s - bucket.wanted_at_s >= QUIET_S:
                bucket.retries = max(bucket.retries, reserve)
            bucket.wanted_at_s = now_s
            if bucket.retries < 1 - _ROUNDING:
                return False
            bucket.retries -= 1
            return True

    def _bucket(self, connection: str, reserve: int) -> _Bucket:
        bucket = self._buckets.get(connection)
        if bucket is None:
            bucket = self._buckets[connection] = _Bucket(retries=reserve)
        return bucket
