"""Faults that pass: how often a request has met one, so that the next one is answered properly."""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_REQUESTS = 1000


class FaultCounter:
    """Counts how often each request met its fault; one object may serve any number of threads.

    Only the last 1,000 requests are remembered; one that was forgotten meets its fault anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met: OrderedDict[str, int] = OrderedDict()

    def meets(self, request: str, *, times: int) -> bool:
        """Tell whether a request still meets its fault, and count it if so.

        Args:
            request: The same for each repetition of a request, and short.
            times: How often the fault is met in all.
        """
        with self._lock:
            met = self._met.pop(request, 0)
            self._met[request] = min(met + 1, times)
            if len(self._met) > MOST_REQUESTS:
                self._met.popitem(last=False)
            return met < times
