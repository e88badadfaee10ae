"""The actions as tools of the Model Context Protocol: ``POST /mcp``, and ``hookline mcp`` over stdio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    import click

    from hookline import ExportTarget, RouteRegistry
    from hookline.gateway import Gateway


class McpPlugin:
    """Serves the actions of one gateway as tools."""

    options = "hookline_mcp.options:McpOptions"

    def __init__(self) -> None:
        self._gateway: Gateway | None = None

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Keep the gateway; nothing is made of its catalog before the first request."""
        self._gateway = gateway

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add ``POST /mcp``."""
        from hookline_mcp.views import add_routes

        if self._gateway is not None:
            add_routes(routes, self._gateway)

    @hookimpl
    def hookline_register_exports(self) -> list[ExportTarget]:
        """Add the export `mcp`."""
        from hookline import ExportTarget

        return [
            ExportTarget(
                name="mcp",
                title="MCP tools",
                summary="The actions as tools of the Model Context Protocol, as `tools/list` answers them.",
                next_step="Clients read the same from `/mcp`; those that start programs run `hookline mcp`.",
                file="mcp-tools.json",
                make="hookline_mcp.export:make",
            )
        ]

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline mcp``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "mcp",
                "hookline_mcp.commands:mcp",
                short_help="Serve the actions as MCP tools over stdio.",
            )
        )
