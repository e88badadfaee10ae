"""What a platform cannot say, and how its users reach it all the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """One thing that an export had to simplify.

    Attributes:
        action: Id of the action.
        place: Where: a field of the input such as ``messages``, or of the output such as ``output.choices``;
            empty if it is the action as a whole.
        lost: What the platform cannot say.
        instead: How it can be reached all the same.
    """

    action: str
    place: str
    lost: str
    instead: str

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return dict(asdict(self))


class Losses:
    """Collects what an export loses, each thing once."""

    def __init__(self) -> None:
        self._found: dict[Loss, None] = {}

    def add(self, action: str, place: str, lost: str, instead: str) -> None:
        """Note one; the same again changes nothing."""
        self._found.setdefault(Loss(action=action, place=place, lost=lost, instead=instead))

    @property
    def found(self) -> tuple[Loss, ...]:
        """All of them, in the order they were noted."""
        return tuple(self._found)
