"""International bank account numbers, found by country, length and check digits."""

from __future__ import annotations

import re

# Source: SWIFT's IBAN registry (ISO 13616), the length for each country.
_LENGTHS = {
    length: frozenset(countries.split())
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
}
_LENGTH_OF = {country: length for length, countries in _LENGTHS.items() for country in countries}

_START = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}")
_SEPARATORS = " -\u00a0"


def find_ibans(text: str) -> list[tuple[int, int]]:
    """Return where account numbers stand in a text, written together or in groups."""
    found = []
    for match in _START.finditer(text):
        length = _LENGTH_OF.get(match.group()[:2].upper())
        end = None if length is None else _end_of(text, match.start(), length)
        if end is not None and _is_valid(text[match.start() : end]):
            found.append((match.start(), end))
    return found


def _end_of(text: str, start: int, length: int) -> int | None:
    """Return where a number of that many letters and digits ends; single separators may stand between."""
    at, count = start, 0
    while count < length:
        if at < len(text) and text[at] in _SEPARATORS and text[at - 1] not in _SEPARATORS:
            at += 1
        if at >= len(text) or not (text[at].isascii() and text[at].isalnum()):
            return None
        at, count = at + 1, count + 1
    is_longer = at < len(text) and text[at].isalnum()
    return None if is_longer else at


def _is_valid(text: str) -> bool:
    """Tell whether the check digits are right; ISO 7064, MOD 97-10."""
    plain = "".join(char for char in text if char not in _SEPARATORS).upper()
    digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return int(digits) % 97 == 1
