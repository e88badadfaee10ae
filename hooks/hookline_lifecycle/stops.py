"""Ending a text at a stop text, for models that cannot be told to."""

from __future__ import annotations


class StopCutter:
    """Passes a text on up to the stop text that is whole first, however the text is cut into pieces.

    Args:
        stops: Texts at which to stop; none means that all is passed on.

    Attributes:
        has_stopped: Whether a stop text was found.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.has_stopped = False
        self._stops = stops
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what can be passed on now; what may be the beginning of a stop text is held back."""
        if self.has_stopped or not self._stops:
            return "" if self.has_stopped else piece
        text = self._held + piece
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:  # the one that is whole first, so that it does not matter how the text was cut
            self.has_stopped = True
            self._held = ""
            return text[: min(found)[1]]
        kept = self._length_of_a_beginning(text)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def finish(self) -> str:
        """Return what was held back; to be called at the end of the text."""
        held, self._held = self._held, ""
        return held

    def _length_of_a_beginning(self, text: str) -> int:
        longest = min(len(text), max(map(len, self._stops)) - 1)
        for length in range(longest, 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
