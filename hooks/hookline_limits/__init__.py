"""Limits and budgets: set aside before a call, settled after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    import click

    from hookline import Call, Reservation
    from hookline.gateway import Gateway
    from hookline.usage import Usage
    from hookline_limits.desk import Desk
    from hookline_limits.store import Store


class LimitsPlugin:
    """Counts for one gateway."""

    options = "hookline_limits.options:LimitsOptions"

    def __init__(self) -> None:
        self._desk: Desk
        self._store: Store

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Choose where to count; nothing is opened before it is used."""
        from hookline_limits.choosing import make_store
        from hookline_limits.desk import Desk
        from hookline_limits.options import LimitsOptions

        options = gateway.options_of(LimitsOptions)
        self._store = make_store(
            options.base,
            state_dir=gateway.state_dir,
            workers=gateway.settings.server.workers,
            clock=gateway.clock,
        )
        self._desk = Desk(options, self._store)
        gateway.add_readiness_check("limits", self._store.check)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline limits``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "limits",
                "hookline_limits.commands:limits",
                short_help="See limits and budgets, and what of them is used.",
            )
        )

    @hookimpl(trylast=True)
    def hookline_admit(self, call: Call, estimate: Usage) -> Reservation | None:
        """Set aside what the call may take; last, so that what others refuse takes nothing."""
        return self._desk.admit(call, estimate)

    @hookimpl
    def hookline_settle(self, call: Call, reservation: Reservation, usage: Usage | None) -> None:
        """Book what it really took."""
        self._desk.settle(call, reservation, usage)

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Write what is left to write."""
        self._store.close()
