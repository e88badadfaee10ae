"""Placeholders: what stands in a request in place of personal data, and what each of them stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal, get_args

Kind = Literal["email", "phone", "iban", "card", "ip", "name"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_LABELS = "|".join(kind.upper() for kind in KINDS)
SHAPE = re.compile(rf"\[(?:{_LABELS})_[1-9][0-9]{{0,6}}\]", re.IGNORECASE)
"""What a placeholder looks like; models sometimes write it in lower case."""

_STARTS = frozenset(f"[{kind.upper()}_"[:length] for kind in KINDS for length in range(1, len(kind) + 3))
_NUMBERED = re.compile(rf"\[(?:{_LABELS})_[1-9][0-9]{{0,6}}\Z")
MAX_LENGTH = max(len(f"[{kind}_]") for kind in KINDS) + 7


class TooManyValuesError(Exception):
    """A call holds more different values than it may hide."""


class Placeholders:
    """The values that one call hides. It shows none of them by itself.

    The same value has the same placeholder throughout the call: ``[EMAIL_1]`` for the first address,
    ``[EMAIL_2]`` for the next one.

    Args:
        taken: Texts of that shape that stand in the request anyway; they are not used again.
        max_values: Most different values.
    """

    def __init__(self, *, taken: Iterable[str] = (), max_values: int = 10_000) -> None:
        self._taken = frozenset(text.upper() for text in taken)
        self._max_values = max_values
        self._by_value: dict[tuple[Kind, str], str] = {}
        self._values: dict[str, str] = {}
        self._next: Counter[Kind] = Counter()
        self._starts: set[str] = set()

    def __repr__(self) -> str:
        return f"Placeholders({', '.join(f'{kind}={count}' for kind, count in self.counts().items())})"

    def __len__(self) -> int:
        return len(self._values)

    def counts(self) -> dict[str, int]:
        """Return how many different values there are of each kind."""
        return dict(sorted(Counter(str(kind) for kind, _ in self._by_value).items()))

    def put(self, kind: Kind, value: str) -> str:
        """Return the placeholder of a value.

        Raises:
            TooManyValuesError: If there are too many.
        """
        known = self._by_value.get((kind, value))
        if known is not None:
            return known
        if len(self._values) >= self._max_values:
            raise TooManyValuesError
        while True:
            self._next[kind] += 1
            placeholder = f"[{kind.upper()}_{self._next[kind]}]"
            if placeholder not in self._taken:
                break
        self._by_value[kind, value] = placeholder
        self._values[placeholder] = value
        self._starts.update(placeholder[:length] for length in range(1, len(placeholder)))
        return placeholder

    def find(self, placeholder: str) -> str | None:
        """Return what a placeholder stands for, in whatever case it is written; None if for nothing."""
        return self._values.get(placeholder.upper())

    def is_taken(self, placeholder: str) -> bool:
        """Tell whether a text of that shape stood in the request anyway."""
        return placeholder.upper() in self._taken

    def may_begin(self, text: str) -> bool:
        """Tell whether a text is the beginning of one of the placeholders."""
        return len(text) < MAX_LENGTH and text.upper() in self._starts


def may_begin_any(text: str) -> bool:
    """Tell whether a text is the beginning of anything that looks like a placeholder."""
    return len(text) < MAX_LENGTH and (text.upper() in _STARTS or _NUMBERED.match(text.upper()) is not None)
