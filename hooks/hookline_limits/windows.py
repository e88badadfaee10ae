"""How time is cut into slots.

A window that slides is cut into ten slots. What was taken counts in the slot in which it was taken, for as
long as that slot touches the window that ends now: at least the window, at most a tenth longer. So no stretch
as long as the window ever holds more than the limit. A calendar day or month is one slot.

Times are whole microseconds since some beginning; for calendar periods since 1970 in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.limit import Limit

SLOTS = 10
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US

Mode = Literal["now", "window", "day", "month"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def mode_of(limit: Limit) -> Mode:
    """Return how the time of a limit is cut; ``now`` for what counts only while it lasts."""
    if limit.period is not None:
        return limit.period
    return "now" if limit.window_s is None else "window"


def slot_us_of(limit: Limit) -> int:
    """Return the length of a slot of a window that slides; 0 if it does not slide."""
    return 0 if limit.window_s is None else limit.window_s * SECOND_US // SLOTS


def reach_of(limit: Limit) -> int:
    """Return how many slots before the present one still touch the window."""
    return 0 if limit.window_s is None else SLOTS


def utc_us(at: datetime) -> int:
    """Return a date and time in microseconds."""
    return (at - _EPOCH) // _MICROSECOND


def slot_at(mode: Mode, slot_us: int, at_us: int) -> int:
    """Return the number of the slot in which a time lies; later slots have higher numbers."""
    if mode == "window":
        return at_us // slot_us
    if mode == "day":
        return at_us // DAY_US
    if mode == "month":
        at = _EPOCH + timedelta(microseconds=at_us)
        return at.year * 12 + at.month - 1
    return 0


def end_us_of(mode: Mode, slot_us: int, slot: int) -> int | None:
    """Return the time from which on a slot does not count any more; None if it counts for ever."""
    if mode == "window":
        return (slot + SLOTS + 1) * slot_us
    if mode == "day":
        return (slot + 1) * DAY_US
    if mode == "month":
        year, month = divmod(slot + 1, 12)
        return utc_us(datetime(year, month + 1, 1, tzinfo=UTC))
    return None


def wait_us(
    mode: Mode, slot_us: int, amounts: Iterable[tuple[int, int]], *, excess: int, now_us: int
) -> int | None:
    """Return how long it takes until so much of what was taken no longer counts.

    Args:
        mode: How time is cut.
        slot_us: Length of a slot of a window.
        amounts: Slots and what was taken in them, in any order.
        excess: How much has to go.
        now_us: The present.

    Returns:
        Microseconds, or None if that does not depend on time.
    """
    for slot, amount in sorted(amounts):
        excess -= amount
        if excess <= 0:
            end_us = end_us_of(mode, slot_us, slot)
            return None if end_us is None else max(0, end_us - now_us)
    return None
