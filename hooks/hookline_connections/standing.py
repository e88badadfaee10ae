"""Which connections failed lately, so that others are asked first for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_REMEMBERED = 1000
MAX_AVOIDED_S = 3600.0
"""Nobody is avoided for longer at a time by what a service asks for."""

_ANY_MODEL = ""
_MOST_CHARACTERS = 200


class Standing:
    """Remembers failures in this process, safe with threads; every step takes the same short time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def avoid(self, id: str, seconds: float, *, model: str | None = None, now_s: float) -> None:
        """Let others go first for a while; a longer time that runs already stays as it is.

        Args:
            id: Id of the connection.
            seconds: For how long.
            model: Only for requests that name this model; services limit each by itself.
            now_s: The present, by a monotonic clock.
        """
        if seconds <= 0:
            return
        key = (id, (model or _ANY_MODEL)[:_MOST_CHARACTERS])
        with self._lock:
            until_s = max(now_s + seconds, self._until.pop(key, 0.0))
            self._until[key] = until_s
            if len(self._until) > MOST_REMEMBERED:
                self._until.popitem(last=False)

    def avoided_s(self, id: str, *, model: str | None, now_s: float) -> float:
        """Return for how many seconds others still go before a connection; 0 if it is in good standing."""
        if not self._until:  # without the lock: nearly always nothing has failed
            return 0.0
        with self._lock:
            found = [self._until.get((id, _ANY_MODEL), 0.0)]
            if model:
                found.append(self._until.get((id, model[:_MOST_CHARACTERS]), 0.0))
        return max(0.0, max(found) - now_s)

    def forget(self, id: str) -> None:
        """Give a connection that was changed a new chance."""
        with self._lock:
            for key in [key for key in self._until if key[0] == id]:
                del self._until[key]
