"""How many tokens a text takes: exactly, by the optional tokenizer, or by estimate.

The tokenizer is the package ``bpe-openai``, which ships its vocabularies. Its loading takes most of a second,
so that it is put off until a text has to be counted that may not fit.
"""

from __future__ import annotations

import logging
import threading
import unicodedata
import warnings
from functools import cache
from importlib import import_module
from typing import Literal, Protocol

from hookline_context.amounts import Amount, known
from hookline_context.estimate import AT_LEAST_SHARE, estimate_tokens

CountMode = Literal["auto", "estimate", "off"]

# Texts are counted in slices: the tokenizer takes at most 200,000 tokens at once, and while it counts, no
# other thread runs.
SLICE_LENGTH = 48_000
_SEARCH_LENGTH = 4_000
_ERROR_OF_A_CUT = 8

_ENCODINGS = frozenset({"cl100k_base", "o200k_base"})
_log = logging.getLogger("hookline.context")
_lock = threading.Lock()


class TextCounter(Protocol):
    """Counts texts in the way of one encoding."""

    @property
    def is_exact(self) -> bool:
        """Whether it knows the encoding, rather than guessing."""
        ...

    def count(self, text: str) -> Amount:
        """Return what a text takes; special tokens in it are ordinary text."""
        ...


class _Tokenizer(Protocol):
    def encode_ordinary(self, text: str) -> list[int]: ...


class ExactCounter:
    """Counts with a tokenizer.

    Args:
        tokenizer: Turns texts into tokens.
    """

    is_exact = True

    def __init__(self, tokenizer: _Tokenizer) -> None:
        self._tokenizer = tokenizer

    def count(self, text: str) -> Amount:
        """Return what a text takes."""
        encode = self._tokenizer.encode_ordinary
        if len(text) <= SLICE_LENGTH:
            return known(len(encode(text)))
        tokens = start = rough_cuts = 0
        while start < len(text):
            end, is_clean = _slice_end(text, start)
            tokens += len(encode(text[start:end]))
            rough_cuts += not is_clean
            start = end
        return Amount(tokens, max(0, tokens - rough_cuts * _ERROR_OF_A_CUT))


class EstimatingCounter:
    """Guesses.

    Args:
        encoding: Which encoding to guess for.
    """

    is_exact = False

    def __init__(self, encoding: str | None) -> None:
        self._encoding = encoding

    def count(self, text: str) -> Amount:
        """Return what a text may take."""
        tokens = estimate_tokens(text, encoding=self._encoding)
        return Amount(tokens, int(tokens * AT_LEAST_SHARE))


class ByteCounter:
    """Gives an upper bound: no token of these encodings is shorter than one byte of UTF-8."""

    is_exact = False

    def count(self, text: str) -> Amount:
        """Return the most that a text can take."""
        return Amount(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")), 0)


BYTES = ByteCounter()


def counter_for(encoding: str | None, mode: CountMode) -> TextCounter:
    """Return the best counter that there is.

    Args:
        encoding: Name of the model's encoding; None if it is not known.
        mode: ``estimate`` to leave the tokenizer alone.
    """
    if mode == "auto" and encoding in _ENCODINGS:
        tokenizer = _load(encoding)
        if tokenizer is not None:
            return ExactCounter(tokenizer)
    return EstimatingCounter(encoding)


def _load(encoding: str) -> _Tokenizer | None:
    with _lock:  # two threads that load at once would take twice the memory
        return _load_once(encoding)


@cache
def _load_once(encoding: str) -> _Tokenizer | None:
    # The package opens its files in a way that Python means to remove; where warnings are errors this would
    # keep it from loading.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"bpe_openai(\.|$)")
    try:
        module = import_module("bpe_openai")
        tokenizer: _Tokenizer = module.get_encoding(encoding)
    except ImportError:
        return None
    except Exception:  # whatever is wrong with it, an estimate is better than no answer
        _log.exception("the tokenizer cannot be loaded; tokens are estimated")
        return None
    return tokenizer


def _slice_end(text: str, start: int) -> tuple[int, bool]:
    """Return where to end a slice, and whether both sides are counted there as if they were in one piece.

    That is so before a single space, and before another single mark that stands between two letters: the
    tokenizer takes either together with what follows.
    """
    end = start + SLICE_LENGTH
    if end >= len(text):
        return len(text), True
    for at in range(end - 1, max(start, end - _SEARCH_LENGTH), -1):
        before, char, after = text[at - 1], text[at], text[at + 1]
        if char == " ":
            if not before.isspace() and not after.isspace():
                return at, True
        elif before.isalpha() and after.isalpha() and _is_plain_mark(char):
            return at, True
    return end, False


def _is_plain_mark(char: str) -> bool:
    return char not in "'\r\n" and unicodedata.category(char)[0] in "PSZ"
