"""The table of connections, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from hookline.store.tables import CONNECTIONS
from hookline_connections.rows import ConnectionTable, StoredConnection, _values_of

if TYPE_CHECKING:
    from hookline.store.database import Database

ROW = StoredConnection(
    tenant="ada",
    name="main",
    connector="acme",
    base_url="https://a.example/v1",
    allowed_origins=("https://a.example:443", "https://b.example:443"),
    options={"region": "eu", "number": 3, "on": True, "none": None},
    credential_ref="file:/run/secrets/ä",
    sealed=bytes(range(256)),
    weight=1000,
    priority=7,
    models=("gpt-*", "ö"),
    created_at_us=1_800_000_000_000_000,
    updated_at_us=1_800_000_000_000_001,
    rotated_at_us=1_800_000_000_000_002,
    is_disabled=True,
)
PLAIN = StoredConnection(tenant="", name="plain", connector="acme", updated_at_us=1)


def nothing(connection: object) -> None:
    """Note nothing."""


@pytest.fixture
def table(database: Database) -> ConnectionTable:
    return ConnectionTable(database)


def test_a_row_comes_back_as_it_was(table: ConnectionTable) -> None:
    assert table.version() == (0, 0)
    assert table.add(ROW, nothing)
    assert table.add(PLAIN, nothing)

    assert table.find("ada", "main") == ROW
    assert table.find("", "plain") == PLAIN
    assert table.find("", "main") is None
    assert table.read() == [PLAIN, ROW]
    assert table.read("ada") == [ROW]
    assert table.version() == (2, ROW.updated_at_us + PLAIN.updated_at_us)


def test_a_name_is_there_once_per_tenant(table: ConnectionTable) -> None:
    assert table.add(ROW, nothing)
    assert not table.add(replace(ROW, connector="other"), nothing)
    assert table.add(replace(ROW, tenant="bob"), nothing)

    assert table.find("ada", "main") == ROW


def test_a_change_of_a_row_that_somebody_else_changed_is_refused(table: ConnectionTable) -> None:
    table.add(ROW, nothing)
    first = replace(ROW, weight=1, updated_at_us=ROW.updated_at_us + 1)
    assert table.change(ROW, first, nothing)

    assert not table.change(ROW, replace(ROW, weight=2), nothing)
    assert table.find("ada", "main") == first
    assert table.version() == (1, first.updated_at_us)


def test_a_row_of_a_machine_whose_clock_is_ahead_hides_no_change_of_others(table: ConnectionTable) -> None:
    day_us = 24 * 3600 * 1_000_000
    ahead = replace(ROW, tenant="zoe", updated_at_us=ROW.updated_at_us + day_us)
    table.add(ahead, nothing)
    table.add(ROW, nothing)
    seen = [table.version()]

    one_later = replace(ROW, is_disabled=False, updated_at_us=ROW.updated_at_us + 1)
    assert table.change(ROW, one_later, nothing)
    seen.append(table.version())
    assert table.change(ahead, replace(ahead, weight=2, updated_at_us=ahead.updated_at_us + 1), nothing)
    seen.append(table.version())
    assert table.change(one_later, replace(ROW, updated_at_us=ROW.updated_at_us + day_us), nothing)
    seen.append(table.version())
    assert table.remove(ROW.tenant, ROW.name, nothing)
    seen.append(table.version())
    another = replace(ROW, name="another", updated_at_us=ROW.updated_at_us + 7)
    assert table.add(another, nothing)
    seen.append(table.version())
    assert table.change(another, replace(another, weight=5, updated_at_us=another.updated_at_us + 1), nothing)
    seen.append(table.version())

    assert len(set(seen)) == len(seen)


def test_ten_thousand_rows_of_the_far_future_can_still_be_added_up(
    table: ConnectionTable, database: Database
) -> None:
    far_us = 2**62
    rows = [
        {**_values_of(PLAIN), "name": f"n{number}", "updated_at_us": far_us + number}
        for number in range(10_000)
    ]
    with database.begin() as connection:
        connection.execute(insert(CONNECTIONS), rows)

    assert table.version() == (10_000, 10_000 * far_us + 9_999 * 5_000)


def test_a_change_and_its_note_are_kept_together_or_not_at_all(table: ConnectionTable) -> None:
    """The audit log misses no change, and tells of none that was not made."""

    def fail(connection: object) -> None:
        raise RuntimeError("the note cannot be written")

    with pytest.raises(RuntimeError):
        table.add(ROW, fail)
    assert table.read() == []
    table.add(ROW, nothing)
    with pytest.raises(RuntimeError):
        table.change(ROW, replace(ROW, weight=2), fail)
    with pytest.raises(RuntimeError):
        table.remove("ada", "main", fail)
    assert table.read() == [ROW]


def test_a_row_is_removed_once_and_only_its_own(table: ConnectionTable) -> None:
    table.add(ROW, nothing)
    table.add(replace(ROW, tenant="bob"), nothing)

    assert table.remove("ada", "main", nothing)
    assert not table.remove("ada", "main", nothing)
    assert [row.tenant for row in table.read()] == ["bob"]


@pytest.mark.parametrize("name", ["x' OR '1'='1", "%", "_", '"; DROP TABLE connections; --', "a\\"])
def test_signs_that_mean_something_to_databases_mean_nothing_here(table: ConnectionTable, name: str) -> None:
    """S6."""
    table.add(ROW, nothing)

    assert table.find("ada", name) is None
    assert not table.remove(name, "main", nothing)
    assert table.read(name) == []
    assert table.read() == [ROW]


def test_no_more_rows_than_a_tenant_may_have(table: ConnectionTable) -> None:
    for number in range(3):
        assert table.add(replace(ROW, name=f"n{number}"), nothing, most=3)

    with pytest.raises(OverflowError):
        table.add(replace(ROW, name="n3"), nothing, most=3)
    assert table.add(replace(ROW, tenant="bob"), nothing, most=3)


def test_of_many_who_add_the_same_name_at_once_one_wins(table: ConnectionTable) -> None:
    barrier = threading.Barrier(12)
    outcomes: list[bool] = []

    def add(weight: int) -> None:
        barrier.wait(20)
        outcomes.append(table.add(replace(ROW, weight=weight), nothing))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == [False] * 11 + [True]
    assert len(table.read()) == 1
