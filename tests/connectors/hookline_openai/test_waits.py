from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline_openai.waits import MAX_WAIT_S, parse_duration, retry_after_s

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
LIMIT = "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 14567, Requested 24754."


def at(**delta: float) -> str:
    return format_datetime(NOW + timedelta(**delta), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "message", "expected"),
    [
        ({}, "", None),
        ({"retry-after": "20"}, "", 20),
        ({"retry-after": " 20 "}, "", 20),
        ({"retry-after": "1.5"}, "", 1.5),
        ({"retry-after-ms": "250", "retry-after": "20"}, "", 0.25),
        ({"retry-after-ms": "soon", "retry-after": "20"}, "", 20),
        ({"retry-after-ms": "-5", "retry-after": "20"}, "", 20),
        ({"retry-after": at(seconds=90)}, "", 90),
        ({"retry-after": at(seconds=-90)}, "", None),
        ({"retry-after": "Sun, 22 Nov 2026 12:01:00 -0000"}, "", 60),
        ({"retry-after": "0"}, "", None),
        ({"retry-after": "-1"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "1e3"}, "", None),
        ({"retry-after": "5abc"}, "", None),
        ({"retry-after": "\u0665"}, "", None),
        ({"retry-after": "9" * 60}, "", None),
        ({"retry-after": "9" * 5000}, "", None),
        ({"retry-after": str(int(MAX_WAIT_S) + 1)}, "", None),
        ({"retry-after": at(days=800)}, "", None),
        ({"retry-after": "soon"}, f"{LIMIT} Please try again in 18.642s. Visit https://…", 18.642),
        ({}, "Please try again in 174ms.", 0.174),
        ({}, "Please try again in 6m0s.", 360),
        ({}, "please Try Again In 1h2m3.5s", 3723.5),
        ({}, "Please try again in 20 seconds.", None),
        ({}, "Please try again in 5 minutes", None),
        ({}, "Please try again in 5mins", None),
        ({}, LIMIT, None),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-reset-requests": "1s"}, "", None),
    ],
)
def test_wait_is_read_from_the_first_source_that_names_one(
    headers: dict[str, str], message: str, expected: float | None
) -> None:
    wait = retry_after_s(headers.items(), message, now=NOW)
    assert wait == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("8ms", 0.008),
        ("120ms", 0.12),
        ("8.64s", 8.64),
        ("1h2m3.5s", 3723.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("5.s", 5),
        ("3us", 3e-6),
        ("3µs", 3e-6),
        ("3ns", 3e-9),
        ("0s", 0),
        ("", None),
        ("5", None),
        ("s", None),
        (".s", None),
        ("-5s", None),
        ("5 s", None),
        ("5x", None),
        ("5s ", None),
        ("9" * 400 + "s", None),
    ],
)
def test_duration_is_read_as_go_writes_it(text: str, expected: float | None) -> None:
    assert parse_duration(text) == (None if expected is None else pytest.approx(expected))


HEADER = st.one_of(
    st.text(), st.floats().map(str), st.integers().map(str), st.datetimes().map(format_datetime)
)


@given(
    headers=st.lists(st.tuples(st.sampled_from(["retry-after", "retry-after-ms", "x-other"]), HEADER)),
    message=st.one_of(st.text(), HEADER.map(lambda text: f"try again in {text}s")),
)
def test_no_header_or_message_raises_or_gives_an_unusable_wait(
    headers: list[tuple[str, str]], message: str
) -> None:
    wait = retry_after_s(headers, message, now=NOW)
    assert wait is None or 0 < wait <= MAX_WAIT_S


@given(st.text(alphabet="0123456789.hmsuµn -+e"))
def test_no_text_makes_the_duration_parser_raise(text: str) -> None:
    seconds = parse_duration(text)
    assert seconds is None or 0 <= seconds < float("inf")
