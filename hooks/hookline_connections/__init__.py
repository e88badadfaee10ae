"""Upstream accounts that are stored, encrypted: chosen per call, with others to go on with when one fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    import click

    from hookline import Call, Connection, Secret
    from hookline.attempt import Attempt, RetryDecision
    from hookline.gateway import Gateway
    from hookline.routes import RouteRegistry
    from hookline_connections.office import Office


class ConnectionsPlugin:
    """Holds what one gateway knows of its stored connections.

    Args:
        random: Returns a number from 0 up to, but not including, 1.
    """

    options = "hookline_connections.options:ConnectionsOptions"
    variables = ("HOOKLINE_CONNECTIONS_KEY",)

    def __init__(self, *, random: Callable[[], float] = random.random) -> None:
        self._random = random
        self._office: Office

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Get ready; the database is not opened before the first call."""
        from hookline_connections.name_options import make_source
        from hookline_connections.office import Office

        self._office = Office(gateway, random=self._random)
        gateway.add_account_check(self._office.has_account)
        gateway.add_source(make_source(self._office))

    @hookimpl
    def hookline_catalog_changed(self, gateway: Gateway) -> None:
        """Make the stored connections anew for the connectors that there are now."""
        self._office.follow()

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add the addresses below ``/connections``."""
        from hookline_connections.views import Views

        Views(self._office).add_to(routes)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline connections``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "connections",
                "hookline_connections.commands:connections",
                short_help="Keep upstream accounts, with their credentials encrypted.",
            )
        )

    @hookimpl
    def hookline_choose_connections(self, call: Call) -> Sequence[Connection] | None:
        """Say which accounts a call may use; None where nothing is stored and there is nothing to choose."""
        return self._office.choose(call)

    @hookimpl(tryfirst=True)
    def hookline_resolve_credential(self, call: Call, connection: Connection) -> Secret | None:
        """Open the credential of a stored connection."""
        return self._office.open(call, connection)

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Go on with another connection when one failed before it did anything."""
        return self._office.fall_back(call, attempt)
