"""What counts as personal data, and what only looks like it."""

from __future__ import annotations

import time

import pytest
from hookline_redact.finding import Finder
from hookline_redact.placeholders import KINDS

FINDER = Finder(kinds=KINDS, names=["Ada Lovelace", "Ada", "O'Neil"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada.lovelace+x@mail.example.com, 'bob@example.org'.", ["email", "email"]),
        ("a@b, @who, user@localhost, x@y.z, x@1.2.3", []),
        ("+49 30 1234567 or (030) 123-4567 or 555-123-4567", ["phone", "phone", "phone"]),
        ("2024-01-15 10:30, 01.02.2024, 0.12345678, 1234567890, 12:30:15, 10 000 000", []),
        ("DE89 3704 0044 0532 0130 00 please, GB82WEST12345698765432.", ["iban", "iban"]),
        ("DE88 3704 0044 0532 0130 00, XX82WEST12345698765432", []),
        ("4111 1111 1111 1111 and 5500-0055-5555-5559", ["card", "card"]),
        ("4111 1111 1111 1112, 0000000000000000", []),
        ("10.20.30.40, 2001:db8::8a2e:370:7334, fe80::1", ["ip", "ip", "ip"]),
        ("127.0.0.1, ::1, 1.2.3, 300.1.1.1, std::vector, 10:30:15", []),
        ("Ada Lovelace met ada and O'Neil", ["name", "name", "name"]),
        ("Adam Lovelace, Canada", []),
    ],
)
def test_what_is_found_in_a_text(text: str, expected: list[str]) -> None:
    assert [found.kind for found in FINDER.find(text)] == expected


def test_the_longest_name_is_taken_whole() -> None:
    found = FINDER.find("Ada Lovelace")

    assert [(one.start, one.end) for one in found] == [(0, 12)]


@pytest.mark.parametrize(
    "unit", ["a@", "1 ", "DE89 ", "a.", "@", "::", "(", "1.1.", "+1-", "4 ", "ada ", "[EMAIL_", "b.a@b."]
)
def test_a_long_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    def seconds(count: int) -> float:
        text = unit * count
        began = time.process_time()
        FINDER.find(text)
        return time.process_time() - began

    short = max(seconds(4_000), 0.002)

    assert seconds(64_000) < 16 * short * 6
