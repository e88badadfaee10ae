"""Numbers of tokens, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """How many tokens something takes.

    Attributes:
        tokens: The number, or the best guess; a guess is rather too high than too low.
        at_least: It can hardly be less than this. The same number if it is known exactly.
    """

    tokens: int
    at_least: int

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.tokens + other.tokens, self.at_least + other.at_least)

    @property
    def is_estimate(self) -> bool:
        """Whether the number is a guess."""
        return self.tokens != self.at_least


NOTHING = Amount(0, 0)


def known(tokens: int) -> Amount:
    """Return an amount that is known exactly."""
    return Amount(tokens, tokens)


def guessed(tokens: int) -> Amount:
    """Return an amount of which nobody published how it is counted."""
    return Amount(tokens, 0)


def total_of(amounts: Iterable[Amount]) -> Amount:
    """Return all amounts together."""
    tokens = at_least = 0
    for amount in amounts:
        tokens += amount.tokens
        at_least += amount.at_least
    return Amount(tokens, at_least)
