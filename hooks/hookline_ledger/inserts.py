"""Writing rows into the database, each once. Imports SQLAlchemy, so it is imported late.

PostgreSQL is sent a batch as one JSON text, which it takes apart itself. For SQLite, which runs in this
process, that is more work than all the rest, so it gets parameters: of many rows at once, because after each
statement the thread has to wait for the interpreter again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import orjson
from sqlalchemy.dialects import postgresql

from hookline.store.tables import USAGE_ROWS
from hookline_ledger.rows import values_of

if TYPE_CHECKING:
    from hookline.store.database import Database
    from hookline_ledger.rows import UsageRow

_COLUMNS = [column for column in USAGE_ROWS.columns if column.name != "id"]
_NAMES = ", ".join(f'"{column.name}"' for column in _COLUMNS)
_BEGIN = f"INSERT INTO {USAGE_ROWS.name} ({_NAMES})"
_ONCE = "ON CONFLICT (call_id) DO NOTHING"


_ROWS_AT_ONCE = (50, 10, 1)
"""Rows of one statement for SQLite. There are few kinds, so that each is prepared once."""


@cache
def _sqlite_statement(rows: int) -> str:
    row = f"({', '.join('?' * len(_COLUMNS))})"
    return f"{_BEGIN} VALUES {', '.join([row] * rows)} {_ONCE}"


@cache
def _postgresql_statement() -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not say what it returns
    fields = ", ".join(f'"{column.name}" {column.type.compile(dialect)}' for column in _COLUMNS)
    return f"{_BEGIN} SELECT {_NAMES} FROM json_to_recordset(%s) AS rows ({fields}) {_ONCE}"


def insert_rows(database: Database, rows: Sequence[UsageRow]) -> None:
    """Write rows in one transaction; a call that has its row already is left as it is.

    Raises:
        StoreUnavailableError: If the database cannot be used now.
        StatementRefusedError: If a value does not fit its column.
    """
    values = [values_of(row) for row in rows]
    with database.begin() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql(_postgresql_statement(), (orjson.dumps(values).decode(),))
            return
        for size in _ROWS_AT_ONCE:
            while len(values) >= size:
                part, values = values[:size], values[size:]
                parameters = tuple(chain.from_iterable(row.values() for row in part))
                connection.exec_driver_sql(_sqlite_statement(size), parameters)
