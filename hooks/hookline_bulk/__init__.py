"""Many inputs at once: ``items`` on every action, and the rows of a file with ``hookline batch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl
from hookline.order import ITEMS

if TYPE_CHECKING:
    import click

    from hookline import Call, Order, Principal, Proceed, Reply
    from hookline.gateway import Gateway
    from hookline.usage import Usage
    from hookline_bulk.desk import BulkDesk


class BulkPlugin:
    """Runs the calls with several items of one gateway."""

    options = "hookline_bulk.options:BulkOptions"

    def __init__(self) -> None:
        self._desk: BulkDesk

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; no thread is started before the first call with items."""
        from hookline_bulk.desk import BulkDesk
        from hookline_bulk.options import BulkOptions

        self._desk = BulkDesk(gateway, gateway.options_of(BulkOptions))

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline batch``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "batch",
                "hookline_bulk.commands:batch",
                short_help="Run an action once for each row of a file.",
            )
        )

    @hookimpl(trylast=True)
    def hookline_run_order(self, principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
        """Run an order with ``items`` once for each of them; innermost, so that others see it as one."""
        if ITEMS not in order.fields or order.endpoint is not None:
            return None
        return self._desk.run(principal, order, proceed)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        """Note what the call of an item took."""
        usages = self._desk.usages
        if usages.watched:
            usages.note(call, usage)

    @hookimpl(trylast=True)
    def hookline_shutdown(self) -> None:
        """Begin no more items; before all others are closed, so that jobs with items end while they wait."""
        self._desk.close()
