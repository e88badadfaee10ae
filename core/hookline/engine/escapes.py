r"""Finding a text however JSON, an address or HTML writes it, in bytes that are not parsed.

``/`` is ``\/``, ``\u002f``, ``%2F``, ``%2f`` or ``&#x2F;``, and may stand in JSON within JSON. All of these
are read as what they mean, in the text that is looked for as well as in the one that is looked through.
Backslashes that are left count as nothing: JSON within JSON doubles them each time it is written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

# An ampersand is written so itself by encoders that make JSON fit for HTML.
_AMPERSAND = rb"(?:&|\\+u0026)"
_ESCAPE = re.compile(
    rb"(?P<entity>" + _AMPERSAND + rb"(?:"
    rb"#(?P<number>[0-9]{1,7})|#[xX](?P<hex>[0-9a-fA-F]{1,6})|(?P<name>amp|lt|gt|quot|apos));)"
    rb"|\\+u(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\+u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\+u(?P<unit>[0-9a-fA-F]{4})"
    rb"|\\+(?P<char>[\"/'bfnrt])"
    rb"|(?P<backslashes>\\+)"
    rb"|%(?:25)*(?P<percent>[0-9a-fA-F]{2})"
)
_BEGUN = re.compile(
    rb"(?:" + _AMPERSAND + rb"(?:#[0-9]{0,7}|#[xX][0-9a-fA-F]{0,6}|[a-z]{0,4})"
    rb"|\\+(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\+(?:u[0-9a-fA-F]{0,3})?)?))?"
    rb"|%(?:25)*[0-9a-fA-F]?)\Z"
)
_LONGEST_BEGUN = 64
_PLAIN = re.compile(rb"[0-9A-Za-z]+")
_NAMES = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
_CHARS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_LAST_CHARACTER = 0x10FFFF


def has_escapes(content: bytes) -> bool:
    """Tell whether some bytes may mean something else than they are."""
    return b"\\" in content or b"%" in content or b"&" in content


def longest_plain_part(content: bytes) -> bytes:
    """Return the longest run of ASCII letters and digits, which no encoder writes in another way."""
    return max(_PLAIN.findall(content), key=len, default=b"")


def unescape(content: bytes) -> bytes:
    """Return what some bytes mean."""
    return _ESCAPE.sub(_meaning, content)


def replace_meant(content: bytes, wanted: re.Pattern[bytes], by: bytes) -> bytes:
    """Return some bytes with what means the wanted text replaced; all else stays as it is written.

    Args:
        content: What is looked through.
        wanted: Matches the text, unescaped.
        by: What takes its place.
    """
    meant = unescape(content)
    found = list(wanted.finditer(meant))
    if not found:
        return content
    places = _Places(content)
    parts, at = list[bytes](), 0
    for match in found:
        parts += (content[at : places.start_of(match.start())], by)
        at = places.end_of(match.end())
    parts.append(content[at:])
    return b"".join(parts)


def start_of_last(content: bytes, length: int) -> int:
    """Return where the part of some bytes begins that means their last ``length`` bytes."""
    return _Places(content).start_of(len(unescape(content)) - length) if length else len(content)


def length_of_begun(content: bytes) -> int:
    """Return how many of the last bytes may be an escape that goes on."""
    begun = _BEGUN.search(content[-_LONGEST_BEGUN:])
    return 0 if begun is None else len(begun.group())


class _Places:
    """Tells where in some bytes stands what is at a place of what they mean."""

    def __init__(self, content: bytes) -> None:
        self._meant: list[int] = []
        self._spans: list[tuple[int, int, int]] = []
        for start, end, meant_start, meant_end in _walk(content):
            self._meant.append(meant_start)
            self._spans.append((start, end, meant_end))

    def start_of(self, place: int) -> int:
        return self._find(place, is_end=False)

    def end_of(self, place: int) -> int:
        return self._find(place - 1, is_end=True) if place else 0

    def _find(self, place: int, *, is_end: bool) -> int:
        number = bisect_right(self._meant, place) - 1
        if number < 0:
            return place + is_end
        start, end, meant_end = self._spans[number]
        if place < meant_end:
            return end if is_end else start
        return end + place - meant_end + is_end


def _walk(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield where each escape begins and ends, in the bytes and in what they mean."""
    shorter_by = 0
    for match in _ESCAPE.finditer(content):
        start, end = match.span()
        meant_start = start - shorter_by
        meant_end = meant_start + len(_meaning(match))
        shorter_by = end - meant_end
        yield start, end, meant_start, meant_end


def _meaning(match: re.Match[bytes]) -> bytes:
    kind = match.lastgroup
    if kind == "percent":
        return bytes.fromhex(match["percent"].decode("ascii"))
    if kind == "pair":
        pair = match["pair"]
        return bytes.fromhex((pair[:4] + pair[-4:]).decode("ascii")).decode("utf-16-be").encode()
    if kind == "unit":
        return _encode(int(match["unit"], 16))
    if kind == "char":
        return _CHARS.get(match["char"], match["char"])
    if kind == "backslashes":
        return b""
    if match["name"]:
        return _NAMES[match["name"]]
    return _encode(int(match["number"]) if match["number"] else int(match["hex"], 16))


def _encode(character: int) -> bytes:
    return chr(min(character, _LAST_CHARACTER)).encode("utf-8", "surrogatepass")
