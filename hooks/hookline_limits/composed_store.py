"""Two stores as one: a quick one for what is soon forgotten, a lasting one for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_limits.store import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline_limits.rules import Counter, Rule, Take
    from hookline_limits.store import Hold, Store


class _Hold:
    """What was set aside in both."""

    __slots__ = ("_is_long", "_lasting", "_places", "_quick", "used")

    def __init__(self, quick: Hold, lasting: Hold, is_long: list[bool]) -> None:
        self._quick, self._lasting, self._is_long = quick, lasting, is_long
        seen = [0, 0]
        self._places: list[tuple[Hold, int]] = []
        for long in is_long:
            self._places.append((lasting if long else quick, seen[long]))
            seen[long] += 1
        self.used = [hold.used[index] for hold, index in self._places]

    def free_in_s(self, index: int) -> float | None:
        hold, at = self._places[index]
        return hold.free_in_s(at)

    def settle(self, actuals: Sequence[int]) -> None:
        pairs = list(zip(actuals, self._is_long, strict=True))
        try:
            self._quick.settle([actual for actual, long in pairs if not long])
        finally:
            self._lasting.settle([actual for actual, long in pairs if long])


class ComposedStore:
    """Counts what lasts over an hour in one store, and all else in another.

    Args:
        quick: Asked first; gives back what it set aside if the other refuses.
        lasting: Keeps what must survive a restart.
    """

    def __init__(self, quick: Store, lasting: Store) -> None:
        self._quick = quick
        self._lasting = lasting

    def take(self, takes: Sequence[Take]) -> Hold | Refusal:
        """Set all aside that is to be taken, or nothing of it."""
        is_long = [take.counter.rule.is_long for take in takes]
        if True not in is_long:
            return self._quick.take(takes)
        if False not in is_long:
            return self._lasting.take(takes)
        short = [take for take, long in zip(takes, is_long, strict=True) if not long]
        quick = self._quick.take(short)
        if isinstance(quick, Refusal):
            return quick
        try:
            lasting = self._lasting.take([take for take, long in zip(takes, is_long, strict=True) if long])
        except BaseException:  # whatever it is: the call does not run
            quick.settle([0] * len(short))
            raise
        if isinstance(lasting, Refusal):
            quick.settle([0] * len(short))
            return lasting
        return _Hold(quick, lasting, is_long)

    def shares(self, rule: Rule) -> bool:
        """Tell whether other processes see what is counted of a limit."""
        return (self._lasting if rule.is_long else self._quick).shares(rule)

    def look(self, counters: Sequence[Counter]) -> list[int]:
        """Return what is taken or set aside of each counter."""
        return [
            (self._lasting if counter.rule.is_long else self._quick).look([counter])[0]
            for counter in counters
        ]

    def check(self) -> str | None:
        """Return what is wrong with either."""
        return self._quick.check() or self._lasting.check()

    def close(self) -> None:
        """Close both."""
        self._quick.close()
        self._lasting.close()
