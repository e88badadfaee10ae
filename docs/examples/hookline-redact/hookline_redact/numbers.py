"""Telephone numbers, payment cards and IP addresses in a text."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

# Every pattern has a fixed longest match and one way to match it, so that none of them can run away.
_CARD = re.compile(r"(?<![0-9A-Za-z])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![0-9A-Za-z])")
_IPV4 = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{2,39}(?:\.[0-9]{1,3}){0,3}(?![0-9A-Za-z:]|\.[0-9])")
_PHONE = re.compile(r"(?<![0-9A-Za-z+])\+?\(?[0-9][0-9 ()./\u00a0-]{5,28}(?![0-9A-Za-z])")
_GROUP = re.compile(r"[0-9]+")
_DATE = re.compile(
    r"(?:[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./](?:[0-9]{4}|[0-9]{2}))(?![0-9])"
)
_TRAILING = " ()./\u00a0-"
_MAX_PHONE_DIGITS = 15
_MIN_PHONE_DIGITS = 7


def find_cards(text: str) -> list[tuple[int, int]]:
    """Return where card numbers stand: 13 to 19 digits whose check digit is right."""
    return [match.span() for match in _CARD.finditer(text) if _has_check_digit(match.group())]


def _has_check_digit(text: str) -> bool:
    """Tell whether the last digit fits; Luhn's formula, ISO/IEC 7812-1."""
    digits = [int(char) for char in reversed(text) if char.isdecimal()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[1::2]]
    total: int = sum(digits[::2]) + sum(doubled)
    return len(set(digits)) > 1 and total % 10 == 0


def find_ips(text: str) -> list[tuple[int, int]]:
    """Return where IP addresses stand, but for those that every machine has, such as ``127.0.0.1``."""
    found = [match.span() for match in _IPV4.finditer(text) if _is_ipv4(match.group())]
    found += [match.span() for match in _IPV6.finditer(text) if _is_ipv6(match.group())]
    return found


def _is_ipv4(text: str) -> bool:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _is_ipv6(text: str) -> bool:
    if text.count(":") < 2 or not any(char.isdecimal() for char in text):
        return False
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def find_phones(text: str) -> list[tuple[int, int]]:
    """Return where telephone numbers stand.

    A number begins with ``+`` or with 0, or is written in three groups or more, of nine digits or more; it
    has at most fifteen digits (ITU-T E.164). What reads as a date is none.
    """
    found = []
    for match in _PHONE.finditer(text):
        number = match.group().rstrip(_TRAILING)
        if number.count("(") > number.count(")") and match.group()[len(number) :].startswith(")"):
            number += ")"
        if _is_phone(number):
            found.append((match.start(), match.start() + len(number)))
    return found


def _is_phone(text: str) -> bool:
    groups = [match.group() for match in _GROUP.finditer(text)]
    count = sum(map(len, groups))
    if not _MIN_PHONE_DIGITS <= count <= _MAX_PHONE_DIGITS or _DATE.match(text):
        return False
    if text.startswith("+"):
        return groups[0][0] != "0"
    if text.lstrip("(").startswith("0"):
        return count >= (8 if len(groups) > 1 else 10) and not _is_decimal(text)
    return len(groups) >= 3 and count >= 9 and all(2 <= len(group) <= 5 for group in groups)


def _is_decimal(text: str) -> bool:
    """Tell whether a text reads as a number such as ``0.12345678``."""
    whole, point, rest = text.partition(".")
    return bool(point) and whole == "0" and rest.isdecimal()
