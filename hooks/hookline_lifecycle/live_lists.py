"""What upstreams themselves said about their models when somebody listed them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

FRESH_S = 86_400.0
"""For so long a list tells which models there are."""

_MAX_MODELS = 10_000
_MAX_CONNECTIONS = 100
_MAX_ID_LENGTH = 200

Said = date | Literal["served", "no_end"]
"""A model's shutdown date; ``no_end`` if none is announced, ``served`` if the list does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveList:
    """One upstream's models.

    Attributes:
        models: What was said of each, by id.
        is_whole: Whether a model that is missing here does not exist.
        expires_at_s: Value of ``clock.monotonic()`` from which on only announced dates still count.
    """

    models: Mapping[str, Said]
    is_whole: bool
    expires_at_s: float

    def find(self, model_id: str, *, now_s: float) -> Said | None:
        """Return what is still true of a model, or None."""
        said = self.models.get(model_id)
        return said if isinstance(said, date) or now_s < self.expires_at_s else None

    def lacks(self, model_id: str, *, now_s: float) -> bool:
        """Tell whether this upstream has no such model."""
        return self.is_whole and now_s < self.expires_at_s and model_id not in self.models


class LiveLists:
    """The last list of each connection. Bounded; safe to use from several threads.

    Attributes:
        known: The lists by the ids of their connections; to be read only.
    """

    def __init__(self) -> None:
        self.known: dict[str, LiveList] = {}

    def of(self, connection: str) -> LiveList | None:
        """Return the list of a connection by its id, or None."""
        return self.known.get(connection)

    def learn(self, connection: str, answer: object, *, now_s: float) -> None:
        """Keep what an upstream answered when it was asked for its models, or for one of them.

        Whatever is not what OpenAI describes is left out.

        Args:
            connection: Id of the connection.
            answer: The upstream's JSON.
            now_s: Value of ``clock.monotonic()``.
        """
        if not isinstance(answer, dict):
            return
        entries = answer.get("data")
        if isinstance(entries, list) and 0 < len(entries) <= _MAX_MODELS:
            found = [_read(entry) for entry in entries]
            models = {id: said for id, said in found if id}
            # A second page, or a row that cannot be read, may hold what seems to be missing.
            is_whole = answer.get("has_more") is not True and len(models) == len(entries)
            if models:
                self._keep(connection, models, is_whole=is_whole, expires_at_s=now_s + FRESH_S)
            return
        id, said = _read(answer)
        known = self.known.get(connection)
        if id and known is not None and len(known.models) < _MAX_MODELS:
            models = {**known.models, id: said}
            self._keep(connection, models, is_whole=known.is_whole, expires_at_s=known.expires_at_s)
        elif id and known is None:
            self._keep(connection, {id: said}, is_whole=False, expires_at_s=now_s + FRESH_S)

    def _keep(
        self, connection: str, models: Mapping[str, Said], *, is_whole: bool, expires_at_s: float
    ) -> None:
        if connection in self.known or len(self.known) < _MAX_CONNECTIONS:
            self.known[connection] = LiveList(models=models, is_whole=is_whole, expires_at_s=expires_at_s)


def _read(entry: object) -> tuple[str, Said]:
    """Return a model's id, empty if there is none, and what is said of it."""
    id = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(id, str) or len(id) > _MAX_ID_LENGTH:
        return "", "served"
    if "shutdown_date" not in entry:
        return id, "served"
    ends = entry["shutdown_date"]
    if ends is None:
        return id, "no_end"
    try:
        return id, date.fromisoformat(ends) if isinstance(ends, str) else "served"
    except ValueError:
        return id, "served"
