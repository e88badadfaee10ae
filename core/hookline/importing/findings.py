"""What of a document could not be taken over: what, why, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Weight = Literal["left_out", "simplified", "note"]
"""``left_out``: an operation that became no action. ``simplified``: an action that says less than the
document. ``note``: something to know or to set."""

MAX_EXAMPLES = 100
"""Most places that are remembered for one kind of finding."""
_MAX_SHOWN = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """A kind of finding.

    Attributes:
        code: Machine-readable name.
        weight: How much it matters.
        why: Why it cannot be otherwise, in a sentence.
        do: What to do about it, in a sentence.
    """

    code: str
    weight: Weight
    why: str
    do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        reason: Why.
        place: Where in the document, such as ``GET /pets`` or ``#/components/schemas/Pet``.
        what: The thing itself, such as the name of a parameter; empty for the place as a whole.
    """

    reason: Reason
    place: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.what else self.place


class LeftOutError(Exception):
    """An operation, or a part of one, cannot be taken over.

    Args:
        reason: Why.
        what: The thing at fault.
    """

    def __init__(self, reason: Reason, what: str = "") -> None:
        super().__init__(reason.why)
        self.reason = reason
        self.what = what


class Findings:
    """Collects findings: of each kind their number, and the first places."""

    def __init__(self) -> None:
        self.counts: dict[Reason, int] = {}
        self._found: dict[Reason, list[Finding]] = {}
        self._seen: set[tuple[str, str, str]] = set()

    def add(self, reason: Reason, place: str, what: str = "") -> None:
        """Remember a finding; the same one counts once."""
        place, what = _shown(place), _shown(what)
        key = (reason.code, place, what)
        if key in self._seen:
            return
        self._seen.add(key)
        self.counts[reason] = self.counts.get(reason, 0) + 1
        found = self._found.setdefault(reason, [])
        if len(found) < MAX_EXAMPLES or reason.weight == "left_out":
            found.append(Finding(reason=reason, place=place, what=what))

    def of(self, reason: Reason) -> list[Finding]:
        """Return the first places of a kind; all of them where operations were left out."""
        return self._found.get(reason, [])

    def __iter__(self) -> Iterator[Reason]:
        """Yield the kinds that were found: those that weigh most first, then the most frequent."""
        weights: tuple[Weight, ...] = ("left_out", "simplified", "note")
        return iter(
            sorted(self.counts, key=lambda one: (weights.index(one.weight), -self.counts[one], one.code))
        )

    def count(self, weight: Weight) -> int:
        """Return how many findings weigh so."""
        return sum(number for reason, number in self.counts.items() if reason.weight == weight)


def _shown(text: str) -> str:
    """Return a text as it can be printed: nothing in it moves the cursor or changes colours."""
    text = text[:_MAX_SHOWN]
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
