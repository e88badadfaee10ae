"""How long an upstream may be silent: long before it begins to write, and less long afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline import UpstreamResponse


class Silence:
    """Stands before what bounds the silence of one answer, and never lets it be longer than agreed.

    Args:
        response: The answer, still unread.
    """

    def __init__(self, response: UpstreamResponse) -> None:
        self._bound = response.bound_silence
        self._longest_s = response.silence_s

    def __call__(self, seconds: float) -> None:
        """Bound the next reads; the gateway does that as the call's deadline comes near."""
        self._bound(min(seconds, self._longest_s))

    def tighten(self, longest_s: float) -> None:
        """Allow no longer silence from here on; it never becomes longer than it was."""
        self._longest_s = min(longest_s, self._longest_s)
        self._bound(self._longest_s)
