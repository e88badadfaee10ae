"""Writing rows into the database, each once. Imports SQLAlchemy, so it is imported late.

A batch goes as one JSON text that the database itself takes apart: a parameter for each value would cost more
of the interpreter's time than the call did that the row tells of.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def _sqlite_statement() -> str:
    values = ", ".join(f"json_extract(value, '$.{column.name}')" for column in _COLUMNS)
    # Without a condition `ON` would be read as one of a join.
    return f"{_BEGIN} SELECT {values} FROM json_each(?) WHERE true {_ONCE}"


def _postgresql_statement() -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not say what it returns
    fields = ", ".join(f'"{column.name}" {column.type.compile(dialect)}' for column in _COLUMNS)
    return f"{_BEGIN} SELECT {_NAMES} FROM json_to_recordset(%s) AS rows ({fields}) {_ONCE}"


_STATEMENTS = {"sqlite": _sqlite_statement(), "postgresql": _postgresql_statement()}


def insert_rows(database: Database, rows: Sequence[UsageRow]) -> None:
    """Write rows in one transaction; a call that has its row already is left as it is.

    Raises:
        StoreUnavailableError: If the database cannot be used now.
        StatementRefusedError: If a value does not fit its column.
    """
    values = orjson.dumps([values_of(row) for row in rows]).decode()
    with database.begin() as connection:
        connection.exec_driver_sql(_STATEMENTS[database.dialect], (values,))
