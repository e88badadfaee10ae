"""Random ids, fetched from the system many at a time."""

from __future__ import annotations

import os
from collections import deque

_ID_BYTES = 12
_AT_ONCE = 256

# Every question to the system hands the interpreter to another thread, so one is asked for many ids. Taking
# from a deque is one step, which is why there is no lock.
_ready: deque[str] = deque()


def random_id() -> str:
    """Return 24 hexadecimal digits that nobody can foresee, from `os.urandom`."""
    try:
        return _ready.pop()
    except IndexError:
        size = 2 * _ID_BYTES
        digits = os.urandom(_ID_BYTES * _AT_ONCE).hex()
        _ready.extend(digits[at : at + size] for at in range(size, len(digits), size))
        return digits[:size]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ready.clear)  # or two processes would hand out the same ones
