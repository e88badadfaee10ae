"""Personal data in a text: where it stands, and of which kind it is."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from hookline_redact.ibans import find_ibans
from hookline_redact.numbers import find_cards, find_ips, find_phones
from hookline_redact.plain_text import plain_text_of, unescaped

if TYPE_CHECKING:
    from hookline_redact.placeholders import Kind

Span = tuple[int, int]
_WORD = re.compile(r"\w+")
_HAS_LETTER_OR_DIGIT = re.compile(r"\w")

# Source: RFC 5321, section 4.5.3.1: the longest local part and domain; RFC 5322, `atext`.
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]")
_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_MAX_LOCAL_CHARS = 64
_QUOTES = ".'`*~|/=?!{&"


class Found(NamedTuple):
    """Something personal in a text.

    Attributes:
        start: Where it begins in the text.
        end: Where it ends in the text.
        kind: What it is.
        value: It, without JSON escapes.
    """

    start: int
    end: int
    kind: Kind
    value: str


class Finder:
    """Finds personal data. It may be asked from several threads, and takes time in proportion to the text.

    Args:
        kinds: What is looked for.
        names: Names to look for.
        keep: Values that are passed over, in any case.
    """

    def __init__(self, *, kinds: Iterable[Kind], names: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
        finders: dict[Kind, Callable[[str], list[Span]]] = {
            "email": find_emails,
            "iban": find_ibans,
            "card": find_cards,
            "ip": find_ips,
            "phone": find_phones,
            "name": NameList(names).find,
        }
        wanted = frozenset(kinds)
        self._finders = [(kind, find) for kind, find in finders.items() if kind in wanted]
        self._keep = frozenset(unicodedata.normalize("NFKC", text).casefold() for text in keep)

    def find(self, text: str) -> list[Found]:
        """Return what was found, from the beginning to the end and without overlaps.

        A text is looked through as it is and as people read it: `plain_text` says what that means.
        Where two overlap the one that begins first is taken, then the more certain one; before both, what
        was found in the text as it is read.
        """
        if not _HAS_LETTER_OR_DIGIT.search(text):
            return []
        as_sent = [
            Found(start, end, kind, text[start:end]) for start, end, kind in _apart(self._all_in(text))
        ]
        plain = plain_text_of(text)
        if plain is None:
            return as_sent
        as_read: list[Found] = []
        for start, end, kind in _apart(self._all_in(plain.text)):
            first, last = plain.starts[start], plain.ends[end - 1]
            if not as_read or first >= as_read[-1].end:
                as_read.append(Found(first, last, kind, unescaped(text[first:last])))
        return _joined(as_read, as_sent)

    def _all_in(self, text: str) -> Iterator[tuple[int, int, Kind]]:
        for kind, find in self._finders:
            for start, end in find(text):
                if text[start:end].casefold() not in self._keep:
                    yield start, end, kind


def _apart(found: Iterable[tuple[int, int, Kind]]) -> list[tuple[int, int, Kind]]:
    """Return what was found in order, without those that overlap one before them."""
    chosen: list[tuple[int, int, Kind]] = []
    for one in sorted(found, key=lambda one: one[0]):  # stable: the order of the finders decides the rest
        if not chosen or one[0] >= chosen[-1][1]:
            chosen.append(one)
    return chosen


def _joined(first: list[Found], second: list[Found]) -> list[Found]:
    """Return both in order, the second without those that overlap one of the first."""
    joined = list(first)
    at = 0
    for one in second:
        while at < len(first) and first[at].end <= one.start:
            at += 1
        if at == len(first) or first[at].start >= one.end:
            joined.append(one)
    return sorted(joined)


def find_emails(text: str) -> list[Span]:
    """Return where e-mail addresses stand."""
    found: list[Span] = []
    at = text.find("@")
    while at >= 0:
        start = at
        while start > 0 and at - start < _MAX_LOCAL_CHARS and _LOCAL.match(text[start - 1]):
            start -= 1
        while start < at and text[start] in _QUOTES:
            start += 1
        domain = _DOMAIN.match(text, at + 1)
        if start < at and text[at - 1] != "." and domain and _is_host(domain.group()):
            found.append((start, domain.end()))
        at = text.find("@", at + 1 if domain is None else domain.end())
    return found


def _is_host(domain: str) -> bool:
    last = domain.rpartition(".")[2]
    return len(last) >= 2 and not last.isdecimal() and ".-" not in domain and "-." not in domain


class NameList:
    """Names that are looked for as whole words, the longest first.

    Args:
        names: The names; each is one word or several.
    """

    def __init__(self, names: Iterable[str]) -> None:
        by_first: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
        for name in names:
            words = tuple(word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", name)))
            if words:
                by_first[words[0]].add(words)
        self._by_first = {
            first: sorted(entries, key=len, reverse=True) for first, entries in by_first.items()
        }

    def find(self, text: str) -> list[Span]:
        """Return where names of the list stand."""
        if not self._by_first:
            return []
        words = [(match.group().casefold(), match.start(), match.end()) for match in _WORD.finditer(text)]
        found: list[Span] = []
        position = 0
        while position < len(words):
            length = next(self._lengths_at(words, position, text), 0)
            if length:
                found.append((words[position][1], words[position + length - 1][2]))
            position += length or 1
        return found

    def _lengths_at(self, words: list[tuple[str, int, int]], at: int, text: str) -> Iterator[int]:
        for name in self._by_first.get(words[at][0], ()):
            run = words[at : at + len(name)]
            gaps = [text[left[2] : right[1]] for left, right in pairwise(run)]
            if tuple(word for word, _, _ in run) == name and all(len(gap) <= 2 for gap in gaps):
                yield len(name)
