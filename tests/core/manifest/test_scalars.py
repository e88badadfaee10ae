"""What an unquoted text of YAML stands for."""

from __future__ import annotations

import pytest

from hookline.manifest.scalars import read_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("TRUE", True),
        ("false", False),
        ("-0", ("integer", "-0")),
        ("12", ("integer", "12")),
        ("-1.50", ("float", "-1.50")),
        ("1e5", ("float", "1e5")),
        *((text, text) for text in ("tRUE", "no", "nullify", "-", "0755", "1.", "+1", "0x1f", "12:30")),
    ],
)
def test_only_words_and_numbers_of_json_are_no_texts(text: str, value: object) -> None:
    found = read_plain(text, read_integer=lambda one: ("integer", one), read_float=lambda one: ("float", one))

    assert found == value
    assert type(found) is type(value)
