"""The browsable reference: every action with its form and samples, to read and to try out, at ``/docs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import RouteRegistry
    from hookline.gateway import Gateway


class DocsPlugin:
    """Adds the page and what it is made of."""

    options = "hookline_docs.options:DocsOptions"

    def __init__(self) -> None:
        self._can_run = True

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read whether the page may run actions."""
        from hookline_docs.options import DocsOptions

        self._can_run = gateway.options_of(DocsOptions).base.can_run

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add ``/docs`` and its assets."""
        from hookline_docs.views import add_routes

        add_routes(routes, can_run=self._can_run)
