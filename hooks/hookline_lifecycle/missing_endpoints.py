"""Which servers have no completions of their own, as they said when they were asked."""

from __future__ import annotations

_KEPT_S = 3600.0
_MAX_ENTRIES = 1000
_MAX_NAME_LENGTH = 200


class MissingEndpoints:
    """Remembers for an hour, by connection and model. Bounded; safe to use from several threads."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[str, str], float] = {}

    def remember(self, connection: str, model: str, *, now_s: float) -> None:
        """Keep that a connection does not complete with a model."""
        if len(model) > _MAX_NAME_LENGTH:
            return
        if len(self._until_s) >= _MAX_ENTRIES:
            self._until_s = {}
        self._until_s[connection, model] = now_s + _KEPT_S

    def knows(self, connection: str, model: str, *, now_s: float) -> bool:
        """Tell whether a connection was found not to complete with a model, not long ago."""
        if not self._until_s:
            return False
        return now_s < self._until_s.get((connection, model), now_s)
