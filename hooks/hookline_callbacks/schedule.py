"""When a delivery is tried again.

Source: Standard Webhooks specification, "Deliverability and reliability": the schedule, 410 and Retry-After.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SCHEDULE_S = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each attempt, after the one before it."""

GONE = 410
"""Status with which a receiver says that it wants no more of it."""

JITTER = 0.1
"""Share by which a wait is lengthened at most, so that what failed together does not come back together."""

_ASKS_TO_WAIT = frozenset({429, 502, 503, 504})
_MAX_RETRY_AFTER_S = 86_400.0


def wait_before(
    attempts: int, *, random: Callable[[], float], retry_after_s: float | None = None
) -> float | None:
    """Return the seconds to wait before the next attempt; None if there is none.

    Args:
        attempts: How many were made.
        random: Returns a number from 0 to 1.
        retry_after_s: What the receiver asked for; a shorter time than the schedule's changes nothing.
    """
    if attempts >= len(SCHEDULE_S):
        return None
    wait_s = SCHEDULE_S[attempts] * (1 + JITTER * random())
    return max(wait_s, min(retry_after_s or 0.0, _MAX_RETRY_AFTER_S))


def retry_after_of(status: int, text: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a receiver asked for with ``Retry-After``; None if it did not.

    Args:
        status: HTTP status; with some the header means something else.
        text: Its value: seconds or a date.
        now: The present.
    """
    if text is None or status not in _ASKS_TO_WAIT:
        return None
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
