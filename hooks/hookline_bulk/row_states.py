"""What is known of each row, in three bytes, so that millions of rows fit."""

from __future__ import annotations

from collections.abc import Iterator

UNTOUCHED, BEGUN, DONE, FAILED = range(4)
_MOST_TIMES = 255
_MORE = 4096


class RowStates:
    """The states of rows, by number from 1.

    A row is run once, or again if that was asked for: each time is an attempt, from 1. It is `BEGUN` as long
    as its last attempt was begun and has no result.
    """

    def __init__(self) -> None:
        self._outcomes = bytearray()
        self._finished = bytearray()
        self._begun = bytearray()

    def get(self, number: int) -> int:
        """Return the state of a row."""
        if number >= len(self._outcomes):
            return UNTOUCHED
        return BEGUN if self._begun[number] > self._finished[number] else self._outcomes[number]

    def next_attempt(self, number: int) -> int:
        """Return the number of a row's next attempt; one that has no result is made once more."""
        return min(self._finished[number] + 1, _MOST_TIMES) if number < len(self._finished) else 1

    def begin(self, number: int, attempt: int) -> None:
        """Note that an attempt is begun."""
        self._reach(number)
        self._begun[number] = attempt

    def free(self, number: int) -> None:
        """Note that the attempt that was begun was not made after all."""
        self._reach(number)
        self._begun[number] = self._finished[number]

    def finish(self, number: int, attempt: int, *, is_success: bool) -> None:
        """Note the result of an attempt."""
        self._reach(number)
        self._finished[number] = max(attempt, self._finished[number])
        self._outcomes[number] = DONE if is_success else FAILED

    def count(self, state: int) -> int:
        """Return how many rows are in a state other than untouched."""
        return sum(1 for _ in self.in_state(state))

    def in_state(self, state: int) -> Iterator[int]:
        """Yield the numbers of the rows in a state other than untouched."""
        return (number for number in range(1, len(self._outcomes)) if self.get(number) == state)

    def _reach(self, number: int) -> None:
        missing = number + 1 - len(self._outcomes)
        if missing > 0:
            for known in (self._outcomes, self._finished, self._begun):
                known.extend(bytes(max(missing, _MORE)))
