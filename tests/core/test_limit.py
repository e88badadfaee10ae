"""Limits as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.limit import Limit, parse_limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("60 requests / minute", Limit(resource="requests", amount=60, window_s=60)),
        ("2 calls per second", Limit(resource="requests", amount=2, window_s=1)),
        (
            "100_000 tokens/hour per user",
            Limit(resource="tokens", amount=100_000, window_s=3600, subject="user"),
        ),
        ("1,000 tokens / 10m per flow", Limit(resource="tokens", amount=1000, window_s=600, subject="flow")),
        ("8 Concurrent", Limit(resource="concurrent", amount=8)),
        ("5 usd / day per tenant", Limit(resource="usd", amount=5 * 10**9, period="day", subject="tenant")),
        (
            "0.5 dollars per month warn 80%",
            Limit(resource="usd", amount=5 * 10**8, period="month", warn_at=0.8),
        ),
        ("10 requests / day", Limit(resource="requests", amount=10, period="day")),
        ("10 requests / 2 days", Limit(resource="requests", amount=10, window_s=172_800)),
        ("0 requests / minute", Limit(resource="requests", amount=0, window_s=60)),
    ],
)
def test_a_limit_is_read_and_can_be_written_again(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit
    assert parse_limit(str(limit)) == limit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write one like `60 requests / minute`"),
        ("many requests / minute", "is no limit"),
        ("-1 requests / minute", "is no limit"),
        ("5 requests", "Say in which time"),
        ("5 usd / hour", "Money is limited per day or month"),
        ("5 usd / 2 days", "Money is limited per day or month"),
        ("0.0000000001 usd / day", "finer than a billionth"),
        ("1.5 requests / minute", "is a whole number"),
        ("5 cats / minute", "'cats' cannot be limited"),
        ("5 concurrent / minute", "has no window"),
        ("5 requests / fortnight", "'fortnight' is no time"),
        ("5 requests / 0 minutes", "longer than zero"),
        ("5 requests / 900000 seconds", "at most 7 days"),
        ("5 requests / minute per cat", "no limits per 'cat'"),
        ("5 requests / minute warn 101%", "1 to 100 %"),
        ("9" * 300 + " requests / minute", "is no limit"),
        ("99999999999999999 requests / minute", "at most 1,000,000,000,000,000"),
        ("\u0661 requests / minute", "is no limit"),
    ],
)
def test_what_is_no_limit_is_told_in_words_that_help(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        parse_limit(text)

    assert len(str(caught.value)) < 400


@given(st.text(max_size=60))
def test_any_text_is_a_limit_or_refused(text: str) -> None:
    try:
        limit = parse_limit(text)
    except ValueError:
        return
    assert parse_limit(str(limit)) == limit
