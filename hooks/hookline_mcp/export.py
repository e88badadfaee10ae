"""The export ``mcp``: what ``tools/list`` answers, as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_mcp.tools import make_tools, source_of_blueprint

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint
    from hookline.exports.target import Files


def make(blueprint: Blueprint) -> Files:
    """Return ``mcp-tools.json``."""
    tools = make_tools(source_of_blueprint(action) for action in blueprint.actions)
    for tool in tools:
        for loss in tool.losses:
            blueprint.losses.add(tool.action_id, loss.place, loss.lost, loss.instead)
    return {"mcp-tools.json": {"tools": [tool.document for tool in tools]}}
