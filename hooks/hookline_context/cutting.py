"""Cut texts to a number of tokens: into parts of which nothing is lost, or down to their beginning or end."""

from __future__ import annotations

from collections.abc import Callable

from hookline_context.borders import character_border, first_border, last_border

Count = Callable[[str], int]

_CHARACTERS_PER_TOKEN = 4
_CLOSE_ENOUGH = 0.02
_MAX_STEPS = 60


def split_text(text: str, limit: int, count: Count) -> list[str]:
    """Return the parts of a text; put together they are the text again.

    Args:
        text: What to split.
        limit: Most tokens of a part; at least 16, so that any one character fits.
        count: Returns the tokens of a text.
    """
    parts: list[str] = []
    start = 0
    while start < len(text):
        end = _end_of_piece(text, start, limit, count)
        parts.append(text[start:end])
        start = end
    return parts


def keep_beginning(text: str, limit: int, count: Count) -> str:
    """Return as much of the beginning of a text as fits."""
    return text[: _end_of_piece(text, 0, limit, count)] if text else text


def keep_end(text: str, limit: int, count: Count) -> str:
    """Return as much of the end of a text as fits."""
    length = _fitting_length(lambda length: count(text[len(text) - length :]), len(text), limit)
    start = first_border(text, len(text) - length)
    while start < len(text) and count(text[start:]) > limit:
        start = first_border(text, start + 1)
    return text[start:]


def _end_of_piece(text: str, start: int, limit: int, count: Count) -> int:
    length = _fitting_length(lambda length: count(text[start : start + length]), len(text) - start, limit)
    if start + length == len(text):
        return len(text)
    end = last_border(text, start, start + length)
    while count(text[start:end]) > limit:  # a shorter text can have a token more
        end = character_border(text, start, end - 1)
    return end


def _fitting_length(count: Callable[[int], int], most: int, limit: int) -> int:
    """Return a length, nearly as great as possible, at which a piece of text fits; at least 1."""
    fits, too_long = min(most, max(1, limit // _CHARACTERS_PER_TOKEN)), most + 1
    length = min(most, limit * _CHARACTERS_PER_TOKEN)
    for _ in range(_MAX_STEPS):
        tokens = count(length)
        if tokens <= limit:
            fits = length
            if length == most or limit - tokens <= limit * _CLOSE_ENOUGH:
                return fits
        else:
            too_long = length
        if too_long - fits <= max(1, fits * _CLOSE_ENOUGH):
            return fits
        guess = int(length * limit / max(1, tokens))
        if guess >= most and too_long > most:
            length = most  # which was not tried yet
        else:
            length = guess if fits < guess < too_long else (fits + too_long) // 2
    return fits
