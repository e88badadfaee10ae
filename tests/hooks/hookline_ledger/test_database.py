"""Rows in a real database: each is written once, summed up right, and goes when its time has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select

from fake_clock import START
from hookline.store.tables import USAGE_ROWS
from hookline.usage import Usage
from hookline_ledger.inserts import insert_rows
from hookline_ledger.reports import answer
from hookline_ledger.retention import Purger, Retention, remove_all
from hookline_ledger.rows import UsageRow, values_of
from hookline_ledger.totals import GROUPINGS, Question, Totals

if TYPE_CHECKING:
    from hookline.store.database import Database
    from hookline_ledger.totals import Grouping, Report

DAY = timedelta(days=1)


def row(number: int, **fields: Any) -> UsageRow:
    values: dict[str, Any] = {
        "call_id": f"call_{number}",
        "parent_id": None,
        "at": START,
        "key_id": "k1",
        "tenant": "acme",
        "end_user": None,
        "flow": None,
        "action": "openai.chat",
        "door": "action",
        "connection": "openai",
        "model": "gpt-5.4-mini",
        "usage": Usage(input_tokens=10, output_tokens=5, cost_nano_usd=1000),
        "status": 200,
        "error_code": None,
        "attempts": 1,
        "first_byte_s": 0.1,
        "total_s": 0.2,
        "is_stream": False,
        "is_internal": False,
        "took_nothing": False,
    }
    return UsageRow(**{**values, **fields})


def ask(database: Database, by: Grouping = "day", **fields: Any) -> Report:
    values: dict[str, Any] = {"since": START - 365 * DAY, "until": START + 365 * DAY}
    return answer(database, Question(by=by, **{**values, **fields}), timeout_s=30)


def names(report: Report) -> list[str | None]:
    return [group.name for group in report.groups]


def count(database: Database) -> int:
    with database.connect() as connection:
        return connection.execute(select(func.count()).select_from(USAGE_ROWS)).scalar_one()


def test_what_was_written_can_be_read(database: Database) -> None:
    rows = [row(number) for number in range(118)]
    insert_rows(database, rows)
    with database.connect() as connection:
        found = connection.execute(select(USAGE_ROWS).order_by(USAGE_ROWS.c.id)).mappings().all()
    assert [{name: kept[name] for name in kept if name != "id"} for kept in found] == [
        values_of(row) for row in rows
    ]


def test_a_call_has_one_row_however_often_it_is_written(database: Database) -> None:
    insert_rows(database, [row(1), row(2)])
    insert_rows(database, [row(2, status=500), row(3), row(3)])
    with database.connect() as connection:
        found = connection.execute(select(USAGE_ROWS.c.call_id, USAGE_ROWS.c.status)).all()
    assert sorted(map(tuple, found)) == [("call_1", 200), ("call_2", 200), ("call_3", 200)]


@pytest.mark.parametrize(
    "name",
    ["'; DROP TABLE usage_rows; --", "50%_\\", "a\x00b", "\x1b[31m", "half \ud800", "${x}", ":name", "?"],
)
def test_names_are_values_and_never_statements(database: Database, name: str) -> None:
    """S6: what a client chose is kept as it is, or made safe to show, and found again."""
    insert_rows(
        database,
        [
            row(1, end_user=name, flow=name, model=name, key_id=name, tenant=name),
            row(2, key_id="%", tenant="%"),
            row(3, key_id="_", tenant="_", end_user="x"),
        ],
    )
    kept = values_of(row(1, tenant=name, end_user=name))
    found = ask(database, "user", tenant=kept["tenant"], key_id=kept["tenant"])
    assert [(group.name, group.totals.calls) for group in found.groups] == [(kept["end_user"], 1)]
    assert ask(database, "user", tenant="%").total.calls == 1
    assert count(database) == 3


def test_groups_are_summed_up_and_the_dearest_comes_first(database: Database) -> None:
    insert_rows(
        database,
        [
            row(1, usage=Usage(input_tokens=1, output_tokens=2, cost_nano_usd=100)),
            row(2, usage=Usage(input_tokens=3, output_tokens=4, cost_nano_usd=50, cached_tokens=2)),
            row(3, model="big", usage=Usage(input_tokens=5, output_tokens=6, cost_nano_usd=9_000)),
            row(4, model=None, usage=None, took_nothing=True, status=402, error_code="budget_exhausted"),
        ],
    )
    report = ask(database, "model")
    assert {group.name: group.totals for group in report.groups} == {
        "big": Totals(calls=1, input_tokens=5, output_tokens=6, cost_nano_usd=9_000),
        "gpt-5.4-mini": Totals(calls=2, input_tokens=4, output_tokens=6, cost_nano_usd=150, cached_tokens=2),
        None: Totals(calls=1, errors=1),
    }
    assert names(report) == ["big", "gpt-5.4-mini", None]
    assert report.total == Totals(
        calls=4, errors=1, input_tokens=9, output_tokens=12, cached_tokens=2, cost_nano_usd=9_150
    )


def test_an_unknown_cost_is_counted_and_never_taken_for_nothing(database: Database) -> None:
    unknown = Usage(input_tokens=1, output_tokens=1, is_estimated=True)
    insert_rows(
        database, [row(1), row(2, usage=unknown), row(3, model="x", usage=unknown), row(4, usage=None)]
    )
    report = ask(database, "model")
    found = {group.name: group.totals for group in report.groups}
    assert (found["gpt-5.4-mini"].cost_nano_usd, found["gpt-5.4-mini"].without_cost) == (1000, 2)
    assert (found["x"].cost_nano_usd, found["x"].cost_usd, found["x"].without_cost) == (None, None, 1)
    assert (report.total.without_cost, report.total.estimated) == (3, 2)
    assert ask(database, "model", tenant="nobody").total == Totals(cost_nano_usd=0)


def test_calls_inside_calls_are_not_counted_as_calls_and_their_tokens_not_twice(database: Database) -> None:
    insert_rows(
        database,
        [
            row(1, usage=None, took_nothing=True),
            row(2, parent_id="call_1"),
            row(3, parent_id="call_1", status=500, error_code="x"),
        ],
    )
    assert ask(database).total == Totals(
        calls=1, inner_calls=2, errors=0, input_tokens=20, output_tokens=10, cost_nano_usd=2000
    )


def test_a_stream_that_broke_is_an_error_though_its_status_is_200(database: Database) -> None:
    insert_rows(database, [row(1, error_code="stream_interrupted"), row(2, status=404), row(3)])
    assert ask(database).total.errors == 2


def test_days_are_those_of_utc_and_stand_in_their_order(database: Database) -> None:
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    times = [midnight, midnight - tick, midnight + timedelta(hours=23), midnight + DAY]
    insert_rows(database, [row(number, at=at) for number, at in enumerate(times)])
    report = ask(database, "day")
    assert [(group.name, group.totals.calls) for group in report.groups] == [
        ("2026-11-21", 1),
        ("2026-11-22", 2),
        ("2026-11-23", 1),
    ]


def test_the_beginning_is_included_and_the_end_is_not(database: Database) -> None:
    insert_rows(database, [row(number, at=START + number * DAY) for number in range(5)])
    assert names(ask(database, since=START + DAY, until=START + 3 * DAY)) == ["2026-11-23", "2026-11-24"]


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_grouping_groups_by_what_it_says(database: Database, by: Grouping) -> None:
    insert_rows(
        database,
        [
            row(
                number,
                end_user=f"user{number % 2}",
                key_id=f"key{number % 2}",
                tenant=f"tenant{number % 2}",
                model=f"model{number % 2}",
                flow=f"flow{number % 2}",
                action=f"action{number % 2}",
                connection=f"connection{number % 2}",
                at=START + (number % 2) * DAY,
            )
            for number in range(6)
        ],
    )
    expected = ["2026-11-22", "2026-11-23"] if by == "day" else [f"{by}0", f"{by}1"]
    assert [(group.name, group.totals.calls) for group in ask(database, by).groups] == [
        (name, 3) for name in expected
    ]


def test_filters_hold_together(database: Database) -> None:
    insert_rows(
        database, [row(1), row(2, key_id="k2"), row(3, tenant="other"), row(4, tenant="other", key_id="k2")]
    )
    assert ask(database, tenant="acme").total.calls == 2
    assert ask(database, key_id="k2").total.calls == 2
    assert ask(database, tenant="acme", key_id="k2").total.calls == 1
    assert ask(database, tenant="acme", key_id="k3").total.calls == 0


def test_the_sum_counts_groups_that_are_left_out(database: Database) -> None:
    insert_rows(database, [row(number, end_user=f"u{number}") for number in range(7)])
    report = ask(database, "user", max_groups=5)
    assert (len(report.groups), report.is_truncated, report.total.calls) == (5, True, 7)
    report = ask(database, "user", max_groups=7)
    assert (len(report.groups), report.is_truncated) == (7, False)


def test_of_too_many_days_the_newest_are_kept(database: Database) -> None:
    insert_rows(database, [row(number, at=START + number * DAY) for number in range(4)])
    assert names(ask(database, max_groups=2)) == ["2026-11-24", "2026-11-25"]


def test_large_numbers_do_not_spoil_a_sum(database: Database) -> None:
    most = Usage(input_tokens=10**9, output_tokens=10**9, cost_nano_usd=10**13)
    insert_rows(database, [row(number, usage=most) for number in range(500)])
    total = ask(database).total
    assert (total.input_tokens, total.cost_nano_usd) == (500 * 10**9, 500 * 10**13)


# ------------------------------------------------------------ removing


def fill(database: Database, ages_days: list[int]) -> None:
    insert_rows(database, [row(number, at=START - age * DAY) for number, age in enumerate(ages_days)])


def kept(database: Database) -> list[str]:
    with database.connect() as connection:
        return list(connection.execute(select(USAGE_ROWS.c.call_id).order_by(USAGE_ROWS.c.id)).scalars())


def test_only_what_is_older_is_removed(database: Database) -> None:
    fill(database, [40, 31, 30, 29, 0])
    purger = Purger(database)
    assert purger.count_before(START - 30 * DAY) == 2
    assert list(remove_all(purger, START - 30 * DAY, sleep=lambda seconds: None)) == [2]
    assert kept(database) == ["call_2", "call_3", "call_4"]
    assert list(remove_all(purger, START - 30 * DAY)) == []


def test_what_is_beyond_the_number_goes_oldest_first(database: Database) -> None:
    fill(database, [0] * 10)
    retention = Retention(Purger(database), max_age_days=0, max_rows=4, now=lambda: START)
    assert retention.tend() < 60
    assert kept(database) == ["call_6", "call_7", "call_8", "call_9"]
    assert retention.tend() == 600


def test_age_and_number_hold_together(database: Database) -> None:
    fill(database, [100, 100, 5, 4, 3, 2])
    retention = Retention(Purger(database), max_age_days=90, max_rows=3, now=lambda: START)
    while retention.tend() < 600:
        pass
    assert kept(database) == ["call_3", "call_4", "call_5"]


def test_without_bounds_nothing_goes(database: Database) -> None:
    fill(database, [10_000, 5, 0])
    retention = Retention(Purger(database), max_age_days=0, max_rows=0, now=lambda: START)
    assert retention.tend() == 600
    assert len(kept(database)) == 3


def test_an_empty_table_is_left_alone(database: Database) -> None:
    retention = Retention(Purger(database), max_age_days=1, max_rows=1, now=lambda: START)
    assert retention.tend() == 600


@pytest.mark.parametrize(("batch_s", "sizes"), [(0.001, [500, 1000, 1500]), (0.2, [500, 250, 125])])
def test_batches_become_as_large_as_the_lock_may_last(
    database: Database, batch_s: float, sizes: list[int]
) -> None:
    at_us = values_of(row(0, at=START - DAY))["at_us"]
    with database.begin() as connection:
        connection.execute(
            insert(USAGE_ROWS), [{**values_of(row(number)), "at_us": at_us} for number in range(3000)]
        )
    purger = Purger(database, measure=_ticks(batch_s))
    removed = remove_all(purger, START, sleep=lambda seconds: None)
    assert [next(removed) for _ in sizes] == sizes


def _ticks(step_s: float) -> Callable[[], float]:
    now = [0.0]

    def measure() -> float:
        now[0] += step_s
        return now[0]

    return measure
