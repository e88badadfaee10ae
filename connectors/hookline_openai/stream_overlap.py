"""Find what a model repeats when it goes on with a text that was cut.

A model that is asked to go on often begins with the last words it had written. They are taken out, but only
where it is plain that they are a repetition: a few letters that happen to fit must stay, and so must the
refrain of a song.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 4000
"""How much of the delivered text is compared, and so how much of the new one is ever held back."""

_FEWEST_LETTERS = 12
_FEWEST_LETTERS_UNSPACED = 8  # of a script that writes no spaces, where a letter says more
_FEWEST_LETTERS_OF_A_LINE = 60
_FEWEST_LETTERS_OF_A_WORD = 4
_FEWEST_WORDS = 3
_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"[^\W_]")
_LEAD_IN = re.compile(r"(?:\s|\.\.\.|…)*")
_MAYBE_LEAD_IN = re.compile(r"[\s.…]*")


class Overlap:
    """Takes the repetition out of the beginning of a continuation.

    What comes is held back only as long as it stands, word for word, in the text before; a continuation
    that says something new is passed on with its first letters.

    Args:
        before: The end of what was delivered.
    """

    def __init__(self, before: str) -> None:
        tail = before[-MOST_CHARACTERS:]
        self._before = tail.rstrip()
        self._gap = tail[len(self._before) :]
        self._held = ""
        self._is_over = not self._before

    def feed(self, text: str) -> str:
        """Return what can be passed on now that ``text`` came."""
        if self._is_over:
            return text
        self._held += text
        return "" if self._may_repeat() else self.flush()

    def flush(self) -> str:
        """Return what was held back, without its repetition; nothing more is held back from here on."""
        held, self._held, self._is_over = self._held, "", True
        begin = _without_lead_in(held)
        lead_in = held[: len(held) - len(begin)]
        length = _overlap_length(self._before, begin, between=self._gap + lead_in)
        return begin[length:].removeprefix(self._gap) if length else held

    def _may_repeat(self) -> bool:
        if len(self._held) > MOST_CHARACTERS:
            return False
        return _without_lead_in(self._held) in self._before or bool(_MAYBE_LEAD_IN.fullmatch(self._held))


def _without_lead_in(text: str) -> str:
    match = _LEAD_IN.match(text)
    return text[match.end() :] if match else text


def _overlap_length(before: str, after: str, *, between: str) -> int:
    """Return how many characters at the start of ``after`` only repeat the end of ``before``."""
    for length in range(min(len(before), len(after)), 0, -1):
        if before.endswith(after[:length]):
            is_plain = _is_repetition(before[:-length], after[:length], between=between)
            return length if is_plain else 0
    return 0


def _is_repetition(earlier: str, repeated: str, *, between: str) -> bool:
    """Tell a repetition from letters that happen to fit, and from a text that repeats itself on purpose."""
    if _are_one_word(earlier[-1:], repeated[:1]):
        return False  # it would begin in the middle of a word, as only chance does
    if not between and repeated.isalpha() and len(repeated) >= _FEWEST_LETTERS_OF_A_WORD:
        return (
            repeated not in (repeated + repeated)[1:-1]
        )  # glued to itself it is no word, unless it is a laugh
    is_spaced = repeated.isascii() or " " in repeated
    fewest = _FEWEST_LETTERS if is_spaced else _FEWEST_LETTERS_UNSPACED
    if len(_LETTER.findall(repeated)) < (_FEWEST_LETTERS_OF_A_LINE if "\n" in between else fewest):
        return False
    if is_spaced and len(set(_WORD.findall(repeated))) < _FEWEST_WORDS:
        return False
    return not earlier.rstrip().endswith(repeated.strip())


def _are_one_word(left: str, right: str) -> bool:
    return left.isascii() and left.isalnum() and right.isascii() and right.isalnum()
