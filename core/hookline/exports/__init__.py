"""Exports: the catalog in the forms that platforms import, from one description of each action.

This package is a plugin like any other: it adds its targets, routes and command by hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

    from hookline.exports.target import ExportTarget
    from hookline.gateway import Gateway
    from hookline.routes import RouteRegistry


class ExportsPlugin:
    """Adds the bundled targets, ``/openapi.json``, ``/exports`` and ``hookline export``."""

    options = "hookline.exports.options:ExportsOptions"

    def __init__(self) -> None:
        self._is_public = False

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read whether exports may be fetched without a key."""
        from hookline.exports.options import ExportsOptions

        self._is_public = gateway.options_of(ExportsOptions).base.public

    @hookimpl
    def hookline_register_exports(self) -> list[ExportTarget]:
        """Add the bundled targets."""
        from hookline.exports.bundled import TARGETS

        return list(TARGETS)

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add ``/openapi.json`` and ``/exports``."""
        from hookline.exports.shelf import Shelf
        from hookline.exports.views import ExportViews

        ExportViews(Shelf()).add_to(routes, is_public=self._is_public)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline export``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "export",
                "hookline.exports.command:command",
                short_help="Write the actions in the form that a platform imports.",
            )
        )
