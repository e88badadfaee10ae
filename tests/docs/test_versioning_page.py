"""The page of versions against the contract."""

from __future__ import annotations

from collections.abc import Callable

from hookline.api_version import API_VERSION, DEPRECATIONS

Rows = Callable[[str], list[list[str]]]


def test_the_table_of_what_is_going_to_go_is_that_of_the_code(rows_of: Rows) -> None:
    shown = [row for row in rows_of("docs/reference/versioning.md") if len(row) == 4]
    assert shown == [[f"`{one.name}`", one.since, one.removed_in, one.instead] for one in DEPRECATIONS]


def test_the_version_of_this_release_is_on_the_page(rows_of: Rows) -> None:
    shown = [row[0] for row in rows_of("docs/reference/versioning.md") if row[0][:1].isdecimal()]
    assert shown[-1] == API_VERSION
