"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hookline.spans import read_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta()),
        ("", None),
        ("7", None),
        ("d", None),
        ("7 d", None),
        ("-7d", None),
        ("7D", None),
        ("1.5h", None),
        ("1000000s", None),
        ("\u0667d", None),
    ],
)
def test_a_span_is_a_whole_number_and_its_unit(text: str, span: timedelta | None) -> None:
    assert read_span(text) == span


def test_whoever_reads_a_span_may_bound_its_number() -> None:
    assert read_span("99999d", max_digits=5) is not None
    assert read_span("100000d", max_digits=5) is None
