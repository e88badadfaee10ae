"""The ledger of one gateway: takes rows on the request path, and writes and removes them off it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hookline_ledger.rows import UsageRow, make_row
from hookline_ledger.writer import LedgerWriter

if TYPE_CHECKING:
    from hookline import Call
    from hookline.gateway import Gateway
    from hookline.options import LayeredOptions
    from hookline.usage import Usage
    from hookline_ledger.options import LedgerOptions
    from hookline_ledger.retention import Retention


class DatabaseRows:
    """The rows in the gateway's database; SQLAlchemy is imported by the first use.

    Args:
        gateway: Whose database it is.
        options: How long rows are kept.
    """

    def __init__(self, gateway: Gateway, options: LedgerOptions) -> None:
        self._gateway = gateway
        self._options = options
        self._retention: Retention | None = None

    def insert(self, rows: Sequence[UsageRow]) -> None:
        """Write rows in one transaction; those that are there already are left alone."""
        from hookline_ledger.inserts import insert_rows

        insert_rows(self._gateway.database, rows)

    def tend(self) -> float:
        """Remove a small part of what is too old or too much; return the seconds until the next."""
        if self._retention is None:
            from hookline_ledger.retention import Purger, Retention

            self._retention = Retention(
                Purger(self._gateway.database),
                max_age_days=self._options.max_age_days,
                max_rows=self._options.max_rows,
                now=self._gateway.clock.now,
            )
        return self._retention.tend()


class Ledger:
    """Takes a row of every call.

    Args:
        gateway: Whose calls.
        options: What is set.
    """

    def __init__(self, gateway: Gateway, options: LayeredOptions[LedgerOptions]) -> None:
        base = options.base
        self._options = options
        self._shutdown_s = base.shutdown_s
        self.writer = LedgerWriter(DatabaseRows(gateway, base), max_waiting=base.max_waiting)

    def record(self, call: Call, usage: Usage | None) -> None:
        """Take the row of a call that is over; never waits."""
        if self._options.for_call(call).enabled:
            self.writer.put(make_row(call, usage))

    def check(self) -> str | None:
        """Return why rows cannot be written at present; None if they can."""
        return self.writer.outage

    def close(self) -> None:
        """Write what waits, within the time that is set for it."""
        self.writer.close(self._shutdown_s)
