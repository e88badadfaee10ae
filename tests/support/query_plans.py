"""How SQLite carries out the statements that some code runs: which of them read more than they need."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from hookline.store.database import Database


class Plans(list[str]):
    """The steps of all plans, one after another, as ``EXPLAIN QUERY PLAN`` tells them."""

    @property
    def scans(self) -> list[str]:
        """Steps that read a whole table, or sort all that they found; sorting what ties is none of them."""
        return [step for step in self if step.startswith("SCAN") or step == "USE TEMP B-TREE FOR ORDER BY"]


@contextmanager
def plans_of(database: Database) -> Iterator[Plans]:
    """Collect the plans of all statements that this thread runs meanwhile; they are complete afterwards."""
    seen: list[tuple[str, object]] = []
    plans = Plans()
    reader = threading.get_ident()

    def note(*arguments: object) -> None:
        if threading.get_ident() == reader:  # and not what another gateway does in the background
            seen.append((str(arguments[2]), arguments[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    with database.connect() as connection:
        for statement, values in seen:
            if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]  # as the driver got them
                plans.extend(str(row[3]) for row in found)
