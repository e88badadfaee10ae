"""What every store of counters can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline_limits.rules import Counter, Rule, Take


MOST_AMOUNT = 2 * 10**17
"""The most that one call is booked with: more than any limit, and what databases can add up."""


def bounded(actuals: Sequence[int]) -> list[int]:
    """Return what was really taken, as far as it can be booked."""
    for actual in actuals:
        if not 0 <= actual <= MOST_AMOUNT:
            break
    else:
        return list(actuals)
    return [actual if 0 <= actual <= MOST_AMOUNT else min(max(actual, 0), MOST_AMOUNT) for actual in actuals]


class Refusal(NamedTuple):
    """Why nothing was set aside: of the limits that are in the way the one that stays longest.

    Attributes:
        counter: The limit and its holder.
        used: What of it is taken or set aside.
        wait_s: Seconds until it would let the same take pass; None if that does not depend on time.
    """

    counter: Counter
    used: int
    wait_s: float | None


class Hold(Protocol):
    """What was set aside."""

    @property
    def used(self) -> Sequence[int]:
        """For each take what of its limit is taken or set aside, this take included."""
        ...

    def free_in_s(self, index: int) -> float | None:
        """Return the seconds until some of what a take counts with is free again; None if never."""
        ...

    def settle(self, actuals: Sequence[int]) -> None:
        """Put what was really taken in the place of what was set aside. Never raises; again does nothing.

        Args:
            actuals: For each take, in their order; may be more than was set aside. More than `MOST_AMOUNT`
                counts as that, and less than nothing as nothing.
        """
        ...


class Store(Protocol):
    """Keeps counters; safe with threads."""

    def take(self, takes: Sequence[Take]) -> Hold | Refusal:
        """Set all aside that is to be taken, or nothing of it.

        Args:
            takes: At least one; each of another counter.

        Raises:
            StoreUnavailableError: If the store does not answer in time; nothing stays set aside.
        """
        ...

    def shares(self, rule: Rule) -> bool:
        """Tell whether other processes see what is counted of a limit."""
        ...

    def look(self, counters: Sequence[Counter]) -> list[int]:
        """Return what is taken or set aside of each counter.

        Raises:
            StoreUnavailableError: If the store does not answer in time.
        """
        ...

    def check(self) -> str | None:
        """Return what is wrong with the store; None if nothing is."""
        ...

    def close(self) -> None:
        """Write what is left to write, and let go of everything that is still set aside."""
        ...
