"""Ids that nobody can foresee, in the order of time, so that an index that holds them grows at its end."""

from __future__ import annotations

import os
import time
from collections import deque

_TIME_DIGITS, _RANDOM_DIGITS = 10, 14
_AT_ONCE = 256

# Every question to the system hands the interpreter to another thread, so one is asked for many ids. Taking
# from a deque is one step, which is why there is no lock.
_ready: deque[str] = deque()


def new_id() -> str:
    """Return 24 hexadecimal digits: 10 of the time, in 256ths of a second, and 14 from `os.urandom`."""
    return f"{int(time.time() * 256):0{_TIME_DIGITS}x}{_random_digits()}"


def _random_digits() -> str:
    try:
        return _ready.pop()
    except IndexError:
        digits = os.urandom(_RANDOM_DIGITS * _AT_ONCE // 2).hex()
        _ready.extend(
            digits[at : at + _RANDOM_DIGITS] for at in range(_RANDOM_DIGITS, len(digits), _RANDOM_DIGITS)
        )
        return digits[:_RANDOM_DIGITS]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ready.clear)  # or two processes would hand out the same ones
