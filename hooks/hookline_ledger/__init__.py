"""One row for every call: who called what, how much it took, what it cost and how long it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    import click

    from hookline import Call
    from hookline.gateway import Gateway
    from hookline.routes import RouteRegistry
    from hookline.usage import Usage
    from hookline_ledger.ledger import Ledger


class LedgerPlugin:
    """Keeps the books of one gateway."""

    options = "hookline_ledger.options:LedgerOptions"

    def __init__(self) -> None:
        self._ledger: Ledger

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; nothing is opened and no thread is started before the first row."""
        from hookline_ledger.ledger import Ledger
        from hookline_ledger.options import LedgerOptions

        self._ledger = Ledger(gateway, gateway.options_of(LedgerOptions))
        gateway.add_readiness_check("ledger", self._ledger.check)

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add ``GET /usage``."""
        from hookline_ledger.views import READ_SCOPE, UsageView

        routes.add("GET", "/usage", UsageView(self._ledger.writer), scope=READ_SCOPE)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline usage``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "usage",
                "hookline_ledger.commands:usage",
                short_help="Show how much was called, by whom, and at what cost.",
            )
        )

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        """Put the row of a call where the writer finds it."""
        self._ledger.record(call, usage)

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Write the rows that wait."""
        self._ledger.close()
