"""Signed requests that were seen: each is taken once, whichever process it comes to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline_auth.key_records import MICROSECONDS
from hookline_auth.refusals import RefusedError
from hookline_auth.signatures import TOLERANCE_S

if TYPE_CHECKING:
    from hookline_auth.key_store import KeyStore

_KEPT_US = (2 * TOLERANCE_S + 60) * MICROSECONDS
_MAX_REMEMBERED = 10_000
_SWEEP_US = 60 * MICROSECONDS


class Replays:
    """Knows the ids of signed requests for as long as their timestamps would be taken.

    Args:
        store: Returns where they are stored.
    """

    def __init__(self, store: Callable[[], KeyStore]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], int] = {}
        self._swept_at_us = 0

    def take(self, key_id: str, message_id: str, *, now_us: int) -> None:
        """Note a request.

        Raises:
            RefusedError: If it was noted before.
            StoreUnavailableError: If that cannot be found out; it is not taken then.
        """
        from hookline.store.failures import ConflictError

        if self._seen.get((key_id, message_id), 0) > now_us:
            raise RefusedError("replayed")
        store = self._store()
        try:
            store.remember(scope=key_id, id=message_id, expires_at_us=now_us + _KEPT_US)
        except ConflictError:
            if not store.renew(scope=key_id, id=message_id, now_us=now_us, expires_at_us=now_us + _KEPT_US):
                raise RefusedError("replayed") from None
        is_sweeper = False
        with self._lock:
            if len(self._seen) >= _MAX_REMEMBERED:
                self._seen = {key: end for key, end in self._seen.items() if end > now_us}
            if len(self._seen) < _MAX_REMEMBERED:
                self._seen[key_id, message_id] = now_us + _KEPT_US
            if now_us - self._swept_at_us > _SWEEP_US:
                self._swept_at_us, is_sweeper = now_us, True
        if is_sweeper:
            store.forget_old(now_us)

    def give_back(self, key_id: str, message_id: str) -> None:
        """Forget a request that was not carried out, so that its sender may send it again.

        Raises:
            StoreUnavailableError: If the store is not available; then it stays noted.
        """
        if (key_id, message_id) in self._seen:  # it was noted for a call of this process
            self._store().forget(scope=key_id, id=message_id)
            with self._lock:
                self._seen.pop((key_id, message_id), None)
