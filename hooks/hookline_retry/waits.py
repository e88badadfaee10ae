"""How long to wait before the next attempt: as long as the service asks, else longer each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.errors import HooklineError

MAX_ASKED_WAIT_S = 7 * 24 * 3600.0
"""Anything longer is taken for a mistake."""

Random = Callable[[], float]
"""Returns a number from 0 up to, but not including, 1."""


def asked_wait_s(error: HooklineError) -> float | None:
    """Return the seconds that the service asked to wait, or None if it named none that can be used.

    Zero, negative, infinite and absurdly long waits cannot be used, nor what is not a number.
    """
    wait_s = error.retry_after_s
    return float(wait_s) if wait_s is not None and 0 < wait_s <= MAX_ASKED_WAIT_S else None


def backoff_s(
    number: int, *, first_wait_s: float, max_backoff_s: float, jitter: float, random: Random
) -> float:
    """Return the wait after so many attempts: twice as long each time, up to a bound, less some chance.

    Args:
        number: How many attempts there were, from 1.
        first_wait_s: The wait after the first.
        max_backoff_s: The longest wait.
        jitter: The largest share by which a wait is made shorter, so that callers do not come in step.
        random: Where the chance comes from.

    Source: with the defaults the same waits as the official OpenAI clients: 0.5, 1, 2, 4, 8, 8 s, each up to
    a quarter shorter.
    """
    longest_s = min(first_wait_s * 2.0 ** (number - 1), max_backoff_s)
    return longest_s * (1 - jitter * random())
