"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hookline_ledger.periods import is_whole_days, parse_span, parse_time, start_of_day

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("7d", datetime(2026, 11, 15, 12, 30, tzinfo=UTC)),
        ("24h", datetime(2026, 11, 21, 12, 30, tzinfo=UTC)),
        ("90m", datetime(2026, 11, 22, 11, 0, tzinfo=UTC)),
        (" 2w ", datetime(2026, 11, 8, 12, 30, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T06:00", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("2026-11-01 06:00:30", datetime(2026, 11, 1, 6, 0, 30, tzinfo=UTC)),
        ("2026-11-01T06:00Z", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("2026-11-01T06:00+02:00", datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ],
)
def test_a_time_that_people_write_is_understood(text: str, at: datetime) -> None:
    found = parse_time(text, now=NOW)
    assert found == at
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        *("", "7", "d", "0d", "-7d", "7 days", "7y", "999999w", "1234567d", "\N{ARABIC-INDIC DIGIT SEVEN}d"),
        *("2026-02-30", "2026-13-01", "26-11-01", "20261101", "2026-W01-1", "2026-11-01T25:00"),
        *("yesterday", "7d\n7d", "1' OR '1'='1", "x" * 500),
    ],
)
def test_anything_else_is_refused_with_the_ways_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; write `7d`, `24h`") as caught:
        parse_time(text, now=NOW)
    assert len(str(caught.value)) < 250


def test_a_length_of_time_alone() -> None:
    assert parse_span("30d") == timedelta(days=30)
    with pytest.raises(ValueError, match="no length of time"):
        parse_span("2026-11-01")


def test_only_days_and_weeks_are_whole_days() -> None:
    assert [is_whole_days(text) for text in ("7d", "2w", "24h", "30m", "2026-11-01")] == [
        *(True, True),
        *(False, False, False),
    ]
    assert start_of_day(NOW) == datetime(2026, 11, 22, tzinfo=UTC)
