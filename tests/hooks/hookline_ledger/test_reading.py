"""What a question about usage reads: the rows that it is about, by an index, and each of them once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fake_clock import START
from hookline.errors import StoreUnavailableError
from hookline.problems import describe_error
from hookline.store.database import Database
from hookline.store.tables import USAGE_ROWS
from hookline_ledger.reports import answer
from hookline_ledger.rows import to_us
from hookline_ledger.totals import GROUPINGS, Grouping, Question
from query_plans import plans_of

DAY = timedelta(days=1)
INDICES: dict[str, tuple[dict[str, str], str]] = {
    "key": (
        {"tenant": "t0", "key_id": "k1"},
        "ix_usage_rows_key_id_at_us (key_id=? AND at_us>? AND at_us<?)",
    ),
    "tenant": ({"tenant": "t0"}, "ix_usage_rows_tenant_at_us (tenant=? AND at_us>? AND at_us<?)"),
    "all": ({}, "ix_usage_rows_at_us (at_us>? AND at_us<?)"),
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(None, state_dir=tmp_path)
    rows = [
        {
            "call_id": f"call_{number}", "at_us": to_us(START + number * DAY), "key_id": f"k{number % 2}",
            "tenant": "t0", "action": f"a{number % 3}", "door": "action", "model": f"m{number % 4}",
            "input_tokens": number, "cost_nano_usd": None if number % 5 == 0 else number,
            "is_estimated": False, "status": 400 if number % 7 == 0 else 200, "attempts": 1, "total_ms": 1,
            "is_stream": False, "is_internal": False,
        }
        for number in range(20)
    ]  # fmt: skip
    with database.begin() as connection:
        connection.execute(USAGE_ROWS.insert(), rows)
    yield database
    database.close()


def question(
    by: Grouping, *, tenant: str | None = None, key_id: str | None = None, max_groups: int = 1000
) -> Question:
    until = START + 30 * DAY
    return Question(by=by, since=START, until=until, tenant=tenant, key_id=key_id, max_groups=max_groups)


@pytest.mark.parametrize("whose", INDICES)
@pytest.mark.parametrize("by", GROUPINGS)
def test_rows_are_found_by_the_narrowest_index_and_read_once(
    database: Database, whose: str, by: Grouping
) -> None:
    fields, index = INDICES[whose]
    with plans_of(database) as plans:
        answer(database, question(by, tenant=fields.get("tenant"), key_id=fields.get("key_id")), timeout_s=5)
    assert [step for step in plans if "usage_rows" in step] == [f"SEARCH usage_rows USING INDEX {index}"]


@pytest.mark.parametrize("by", GROUPINGS)
def test_sums_of_all_are_the_same_whether_groups_are_left_out_or_not(
    database: Database, by: Grouping
) -> None:
    whole = answer(database, question(by), timeout_s=5)
    cut = answer(database, question(by, max_groups=1), timeout_s=5)
    assert whole.total == cut.total
    assert (whole.total.calls, whole.total.without_cost, whole.total.cost_nano_usd) == (20, 4, 160)


def test_sums_over_groups_without_any_known_cost_stay_unknown(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(USAGE_ROWS.update().values(cost_nano_usd=None))
    assert answer(database, question("model"), timeout_s=5).total.cost_nano_usd is None


def test_a_question_that_takes_too_long_is_told_how_to_ask_for_less(database: Database) -> None:
    names = ", ".join(column.name for column in USAGE_ROWS.columns if column.name not in ("id", "call_id"))
    with database.begin() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 500) "
            f"INSERT INTO usage_rows (call_id, {names}) "
            f"SELECT call_id || '_' || n, {names} FROM usage_rows, many"
        )
    with pytest.raises(StoreUnavailableError, match=r"could not be summed up within 0\.0001 s") as raised:
        answer(database, question("day"), timeout_s=0.0001)
    assert "shorter time" in raised.value.hint
    assert describe_error(raised.value, call_id="call_x")["retryable"] is False
