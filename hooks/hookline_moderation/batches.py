"""Texts cut and packed into as few requests as the bounds allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hookline_moderation.escapes import forms_of
from hookline_moderation.words import word_start

MAX_TEXTS_PER_REQUEST = 100

_BLOCK_CHARS = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Batches:
    """Lists of texts, one list per request.

    Attributes:
        requests: The lists.
        is_complete: Whether they hold everything.
    """

    requests: list[list[str]]
    is_complete: bool = True


def pack(texts: Iterable[str], *, max_chars: int, overlap_chars: int, max_requests: int) -> Batches:
    """Return texts in lists that hold no more than so many characters each.

    A longer text is cut into pieces that share ``overlap_chars`` with the one before. Where there are very
    many texts, short ones that follow each other are put together, line by line.

    Args:
        texts: What to check.
        max_chars: Most characters of one list.
        overlap_chars: Less than ``max_chars``.
        max_requests: Most lists.
    """
    forms = [form for text in texts for form in forms_of(text)]
    if len(forms) > MAX_TEXTS_PER_REQUEST:
        forms = list(_blocks(forms, min(_BLOCK_CHARS, max_chars)))
    requests: list[list[str]] = []
    size_chars = 0
    for piece in _pieces(forms, max_chars, overlap_chars):
        if not requests or len(requests[-1]) >= MAX_TEXTS_PER_REQUEST or size_chars + len(piece) > max_chars:
            if len(requests) == max_requests:
                return Batches(requests=requests, is_complete=False)
            requests.append([])
            size_chars = 0
        requests[-1].append(piece)
        size_chars += len(piece)
    return Batches(requests=requests)


def _pieces(texts: Iterable[str], max_chars: int, overlap_chars: int) -> Iterator[str]:
    for text in texts:
        if len(text) <= max_chars:
            yield text
            continue
        start = 0
        while True:
            yield text[start : start + max_chars]
            if start + max_chars >= len(text):
                break
            begin = start + max_chars - overlap_chars
            start = max(start + 1, word_start(text, begin))


def _blocks(texts: Iterable[str], block_chars: int) -> Iterator[str]:
    block: list[str] = []
    size_chars = 0
    for text in texts:
        if block and size_chars + len(text) > block_chars:
            yield "\n".join(block)
            block, size_chars = [], 0
        block.append(text)
        size_chars += len(text) + 1
    if block:
        yield "\n".join(block)
