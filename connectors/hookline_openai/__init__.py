"""OpenAI behind Hookline: six actions, the OpenAI wire format, and errors that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connector import Connector
    from hookline.errors import HooklineError
    from hookline.routes import RouteRegistry


@hookimpl
def hookline_register_connectors() -> list[Connector]:
    """Add the connector ``openai``."""
    from hookline_openai.connector import connector

    return [connector]


@hookimpl
def hookline_register_routes(routes: RouteRegistry) -> None:
    """Add OpenAI's own addresses below ``/v1``."""
    from hookline_openai.wire import add_routes

    add_routes(routes)


@hookimpl
def hookline_map_error(call: Call, error: HooklineError) -> HooklineError | None:
    """Say in plain words why OpenAI refused."""
    from hookline_openai.errors import map_error

    return map_error(call, error)
