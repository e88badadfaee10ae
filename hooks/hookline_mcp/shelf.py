"""The tools of one gateway, written once: finding one, and the pages that a caller may see."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from typing import TYPE_CHECKING

import orjson

from hookline_mcp.protocol import INVALID_PARAMS, ProtocolError
from hookline_mcp.tools import make_tools, source_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.action import Action
    from hookline.principal import Principal
    from hookline_mcp.tools import Tool

_log = logging.getLogger("hookline.mcp")
_MAX_CURSOR_LENGTH = 200


class Shelf:
    """The tools of a catalog.

    Args:
        actions: The actions.
        page_size: Most tools on one page.
    """

    def __init__(self, actions: Iterable[Action], *, page_size: int) -> None:
        tools = make_tools(source_of(action) for action in actions)
        self._page_size = page_size
        self._texts = {tool.action_id: text for tool in tools if (text := _written(tool)) is not None}
        self._tools = [tool for tool in tools if tool.action_id in self._texts]
        self._by_name = {tool.action_id: tool for tool in self._tools}
        self._by_name.update((tool.name, tool) for tool in self._tools)
        twins = [tool.action_id for tool in self._tools if tool.name == tool.action_id and "." in tool.name]
        if twins:
            _log.warning("these actions keep their ids as names of tools: %s", ", ".join(twins))

    def find(self, name: str, principal: Principal) -> Tool | None:
        """Return a tool by its name or its action's id; None if there is none for this caller."""
        tool = self._by_name.get(name)
        return tool if tool is not None and principal.may_run(tool.action_id) else None

    def page(self, principal: Principal, cursor: object) -> tuple[list[orjson.Fragment], str | None]:
        """Return a page of what a caller may call, in the order of ids, and the cursor of the next page.

        Args:
            principal: Who asks.
            cursor: Where the page begins, as an earlier page said; None for the first.

        Raises:
            ProtocolError: If the cursor is none of ours.
        """
        after = "" if cursor is None else _read_cursor(cursor)
        seen = [tool for tool in self._tools if tool.action_id > after and principal.may_run(tool.action_id)]
        page = seen[: self._page_size]
        more = len(seen) > len(page)
        texts = [orjson.Fragment(self._texts[tool.action_id]) for tool in page]
        return texts, _write_cursor(page[-1].action_id) if more else None


def _written(tool: Tool) -> bytes | None:
    """Return the text of a tool; None if it has none: one such tool must not take all others away."""
    try:
        return orjson.dumps(tool.document)
    except TypeError:  # whole numbers of more than 64 bits are JSON, too
        pass
    try:
        return json.dumps(tool.document, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        _log.warning("the action %s is no tool: its schema cannot be written as JSON", tool.action_id)
        return None


def _write_cursor(action_id: str) -> str:
    """Return a cursor that stays right when tools come and go: it names the last one that was seen."""
    return base64.urlsafe_b64encode(f"after:{action_id}".encode()).decode().rstrip("=")


def _read_cursor(cursor: object) -> str:
    if isinstance(cursor, str) and cursor.isascii() and 0 < len(cursor) <= _MAX_CURSOR_LENGTH:
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            text = ""
        kind, _, action_id = text.partition(":")
        if kind == "after" and _write_cursor(action_id) == cursor:
            return action_id
    raise ProtocolError(
        INVALID_PARAMS, "`cursor` is none that this server gave out; ask for the list without it."
    )
