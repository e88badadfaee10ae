"""A running text of a stream: how much of it was checked, and how far it may be let go."""

from __future__ import annotations

from hookline_moderation.words import word_start


class TextWindow:
    """Gathers one text, and forgets what no later check needs.

    Args:
        limit_chars: How many new characters make a check due.
        overlap_chars: How many earlier characters each check looks at again.
        is_one: Whether the text is to be checked in one, once it is there or long enough.

    Attributes:
        is_closed: Whether the text has come to its end.
    """

    __slots__ = (
        "_checked",
        "_earlier",
        "_end",
        "_is_one",
        "_limit_chars",
        "_new",
        "_overlap_chars",
        "_taken",
        "is_closed",
    )

    def __init__(self, *, limit_chars: int, overlap_chars: int, is_one: bool = False) -> None:
        self._limit_chars = limit_chars
        self._overlap_chars = overlap_chars
        self._is_one = is_one
        self._earlier = ""
        self._new: list[str] = []
        self._taken = 0
        self._checked = 0
        self._end = 0
        self.is_closed = False

    def add(self, text: str) -> int:
        """Add a piece and return where it ends."""
        self._new.append(text)
        self._end += len(text)
        self.is_closed = False
        return self._end

    @property
    def is_due(self) -> bool:
        """Whether enough has come together for a check."""
        return self._end - self._checked >= self._limit_chars

    @property
    def is_ripe(self) -> bool:
        """Whether it may take part in a check that another text made due."""
        return not self._is_one or self.is_closed or self.is_due

    @property
    def unchecked_chars(self) -> int:
        """How many characters no check has seen."""
        return self._end - self._checked

    @property
    def cleared(self) -> int:
        """Where the text ends that may be let go.

        What follows was not checked yet, or a harmful phrase may begin in it whose rest is still to come.
        """
        is_over = self.is_closed and self._checked == self._end
        return self._end if is_over else self._checked - self._overlap_chars

    def take(self, *, everything: bool) -> str:
        """Return what a check has to look at; `settle` then notes that it was checked.

        A word at the end that may go on is left for the next time, unless the text is closed.

        Args:
            everything: Whether to take that, too.
        """
        text = "".join((self._earlier, *self._new))
        end = len(text) if everything or self.is_closed else word_start(text, len(text))
        if end <= len(self._earlier):
            end = len(text)
        self._taken, self._earlier, self._new = end, text, []
        return text[:end]

    def settle(self) -> int:
        """Note that what was taken was checked; return how many characters of it were new."""
        text, end = self._earlier, self._taken
        new_chars = self.unchecked_chars - (len(text) - end)
        self._checked += new_chars
        start = word_start(text, max(0, end - self._overlap_chars))
        self._earlier, self._new = text[start:end], [text[end:]]
        return new_chars
