"""What the calls of items took, as the core tells it to everybody who keeps books."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline import Call
    from hookline.usage import Usage


@dataclass(slots=True)
class Taken:
    """What one call took.

    Attributes:
        usages: Its own and those of the calls inside it; None stands for what nobody can tell.
        is_sent: Whether a service was asked.
    """

    usages: list[Usage | None] = field(default_factory=list)
    is_sent: bool = False


class Usages:
    """Sums up what watched calls take, with the calls inside them; all other calls are passed over.

    Attributes:
        watched: What they took so far, by id; for others to see whether there are any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.watched: dict[str, Taken] = {}

    def watch(self, call_id: str) -> None:
        """Take note of a call from now on."""
        with self._lock:
            self.watched[call_id] = Taken()

    def note(self, call: Call, usage: Usage | None) -> None:
        """Take note of what a call took, if it is watched or inside one that is."""
        is_free = usage is None and call.record.error_code is not None  # it failed, and nothing was charged
        if is_free and not call.record.attempts:
            return
        top = call
        while top.parent is not None:
            top = top.parent
        with self._lock:
            found = self.watched.get(top.id)
            if found is None:
                return
            found.is_sent = found.is_sent or call.record.attempts > 0
            if not is_free:
                found.usages.append(usage)

    def take(self, call_id: str) -> Taken:
        """Return what a call took, and forget it."""
        with self._lock:
            return self.watched.pop(call_id, None) or Taken()


class UsageSum:
    """What several calls took together."""

    def __init__(self) -> None:
        self.total: Usage | None = None
        self.is_complete = True

    def add(self, usages: list[Usage | None]) -> None:
        """Add what one of them took."""
        for usage in usages:
            if usage is None:
                self.is_complete = False
            else:
                self.total = usage if self.total is None else self.total + usage

    @property
    def cost_usd(self) -> float | None:
        """Cost in US dollars; None if a part of it is not known."""
        if not self.is_complete:
            return None
        return 0.0 if self.total is None else self.total.cost_usd

    def as_json(self) -> dict[str, object] | None:
        """Return the tokens as outputs tell them; None if none are known."""
        total = self.total
        if total is None:
            return None
        return {
            "input_tokens": total.input_tokens,
            "output_tokens": total.output_tokens,
            "total_tokens": total.tokens,
            "cached_tokens": total.cached_tokens,
            "reasoning_tokens": total.reasoning_tokens,
        }
