"""The page about state names the tables and the waits that there are."""

from __future__ import annotations

import re
from pathlib import Path

from hookline.store import audit_queue, bounds, revisions
from hookline.store.tables import METADATA

PAGE = (Path(__file__).parents[3] / "docs/how-to/keep-state.md").read_text("utf-8")


def rows_after(heading: str) -> list[list[str]]:
    """Return the cells of the table in a section, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_table_is_explained() -> None:
    shown = [name.strip("`") for name, _ in rows_after("What is in the database")]

    assert sorted(shown) == sorted([*METADATA.tables, revisions.TABLE])


def test_the_waits_are_those_of_the_program() -> None:
    shown = [float(re.fullmatch(r"(\S+) s", wait)[1]) for _, wait in rows_after("When the database is away")]  # type: ignore[index]

    assert shown == [
        bounds.CONNECT_TIMEOUT_S,
        bounds.POOL_WAIT_S,
        bounds.LOCK_WAIT_S,
        bounds.STATEMENT_TIMEOUT_S,
        bounds.STATEMENT_TIMEOUT_S + bounds.PATIENCE_S,
    ]
    assert f"one of the {bounds.POOL_SIZE} connections" in PAGE
    assert f"fail at once for {bounds.REST_S:.0f} s" in PAGE
    assert f"{audit_queue.MAX_WAITING:,} of them wait" in PAGE
