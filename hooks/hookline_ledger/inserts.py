"""Writing rows into the database, each once. Imports SQLAlchemy, so it is imported late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

from hookline.store.tables import USAGE_ROWS
from hookline_ledger.rows import values_of

if TYPE_CHECKING:
    from hookline.store.database import Database
    from hookline_ledger.rows import UsageRow

_INSERTS = {
    "sqlite": sqlite.insert(USAGE_ROWS).on_conflict_do_nothing(index_elements=["call_id"]),
    "postgresql": postgresql.insert(USAGE_ROWS).on_conflict_do_nothing(index_elements=["call_id"]),
}


def insert_rows(database: Database, rows: Sequence[UsageRow]) -> None:
    """Write rows in one transaction; a call that has its row already is left as it is.

    Raises:
        StoreUnavailableError: If the database cannot be used now.
        StatementRefusedError: If a value does not fit its column.
    """
    values = [values_of(row) for row in rows]
    with database.begin() as connection:
        connection.execute(_INSERTS[database.dialect], values)
