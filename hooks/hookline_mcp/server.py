"""Answering messages of either generation of the protocol, whatever they came over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hookline import __version__
from hookline.call import new_call_id
from hookline.engine.references import as_object
from hookline.errors import InvalidInputError, PermissionDeniedError
from hookline.order import ITEMS, Order
from hookline.problems import ProblemFormat
from hookline_mcp.options import McpOptions
from hookline_mcp.protocol import (
    INVALID_PARAMS,
    LEGACY,
    METHOD_NOT_FOUND,
    MODERN,
    SERVER_KEY,
    SUPPORTED,
    ProtocolError,
)
from hookline_mcp.results import result_of
from hookline_mcp.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.action import JsonObject
    from hookline.call import Cancellation
    from hookline.errors import HooklineError
    from hookline.gateway import Gateway
    from hookline.principal import Principal
    from hookline.routes import Reply
    from hookline_mcp.messages import Message
    from hookline_mcp.tools import Tool

RUN_SCOPE = "actions:run"

_SERVER: JsonObject = {"name": "hookline", "title": "Hookline", "version": __version__}
_INSTRUCTIONS = (
    "Each tool is one action of a service. When a call fails, its text says what is wrong, which field to "
    "correct, and whether to try again."
)
_NO_TOOLS = f" This key has no tools: it lacks the scope `{RUN_SCOPE}`."


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who sent a message, and how.

    Attributes:
        principal: Who.
        headers: Headers by lower-case name, without credentials.
        query: Query parameters.
        client: Network address.
    """

    principal: Principal
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    client: str = ""

    @property
    def may_call(self) -> bool:
        """Whether it may call tools at all."""
        return self.principal.has_scope(RUN_SCOPE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """A call of a tool that was found to be sound, and may begin.

    Attributes:
        tool: What is called.
        fields: The action's input.
        caller: By whom.
        version: Revision of the protocol.
    """

    tool: Tool
    fields: JsonObject = field(repr=False)
    caller: Caller
    version: str


class McpServer:
    """Answers messages for one gateway.

    Args:
        gateway: What runs the actions.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._options = gateway.options_of(McpOptions).base
        self._kept: tuple[int, Shelf | None] = (0, None)

    @property
    def _shelf(self) -> Shelf:
        """The tools of the catalog as it is now; written once for each version of it."""
        catalog = self._gateway.catalog
        version = catalog.version
        known, shelf = self._kept
        if shelf is None or known != version:
            shelf = Shelf(catalog, page_size=self._options.page_size)
            self._kept = version, shelf
        return shelf

    def answer(self, message: Message, caller: Caller, *, version: str) -> JsonObject | ToolCall:
        """Return the result of a request at once, or the call that it asks for.

        Args:
            message: A request.
            caller: Who sent it.
            version: Revision of the protocol that it speaks.

        Raises:
            ProtocolError: If it is answered with a JSON-RPC error.
            PermissionDeniedError: If it calls a tool, and its key may not.
        """
        method = message.method
        if method == "tools/call":
            return self._prepare(message, caller, version=version)
        if method == "tools/list":
            return self._list(message, caller, version=version)
        if method == "server/discover" and version == MODERN:
            return _modern(
                {
                    "supportedVersions": list(SUPPORTED),
                    "capabilities": {"tools": {}},
                    "instructions": _instructions(caller),
                    "ttlMs": self._options.cache_s * 1000,
                    "cacheScope": "private",
                }
            )
        if method == "initialize" and version != MODERN:
            return _initialize(message, caller)
        if method == "ping" and version != MODERN:
            return {}
        raise ProtocolError(METHOD_NOT_FOUND, f"There is no method {method[:80]!r} here.")

    def run(self, call: ToolCall, *, call_id: str, cancellation: Cancellation) -> tuple[Reply, JsonObject]:
        """Return the reply of the action, and the tool's result that it becomes.

        Args:
            call: What to run.
            call_id: Id of the call.
            cancellation: Ends it.
        """
        caller, tool = call.caller, call.tool
        order = Order(
            action_id=tool.action_id,
            fields=call.fields,
            headers=caller.headers,
            call_id=call_id,
            client=caller.client,
            query=caller.query,
            cancellation=cancellation,
        )
        reply = self._gateway.runner.run(caller.principal, order)
        fits = self._gateway.catalog.entry(tool.action_id).output.fits if tool.has_output_schema else None
        result = result_of(reply, fits=fits)
        return reply, _modern(result) if call.version == MODERN else result

    def _prepare(self, message: Message, caller: Caller, *, version: str) -> JsonObject | ToolCall:
        name, arguments = message.params.get("name"), message.params.get("arguments")
        if not isinstance(name, str):
            raise ProtocolError(INVALID_PARAMS, "`name` must be the name of a tool.")
        if arguments is None:  # how some clients write that there are none
            arguments = {}
        if not isinstance(arguments, dict):
            raise ProtocolError(INVALID_PARAMS, "`arguments` must be an object.")
        if not caller.may_call:
            raise PermissionDeniedError(
                f"This key lacks the scope `{RUN_SCOPE}`.", hint="Ask for a key that may run actions."
            )
        tool = self._shelf.find(name, caller.principal)
        if tool is None:
            raise ProtocolError(
                INVALID_PARAMS, f"Unknown tool: {name[:80]!r}. `tools/list` names those of this key."
            )
        action = self._gateway.catalog.find(tool.action_id)
        fields = arguments
        if ITEMS in fields and ITEMS not in as_object(action.input_schema.get("properties")):
            # Its output is a list of outputs, which does not fit the schema of the tool.
            hint = "Call the tool once for each input."
            refusal = InvalidInputError(f"`{ITEMS}` is no argument of a tool.", field=ITEMS, hint=hint)
            return self._refuse(refusal, version=version)
        if action.stream is not None:
            # An answer in pieces has no place in a result: it is put together.
            fields = {key: value for key, value in fields.items() if key not in ("stream", "stream_options")}
        return ToolCall(tool=tool, fields=fields, caller=caller, version=version)

    def _refuse(self, error: HooklineError, *, version: str) -> JsonObject:
        reply = ProblemFormat().error_reply(error, call_id=new_call_id())
        result = result_of(reply, fits=None)
        return _modern(result) if version == MODERN else result

    def _list(self, message: Message, caller: Caller, *, version: str) -> JsonObject:
        tools, cursor = self._shelf.page(caller.principal, message.params.get("cursor"))
        result: JsonObject = {"tools": tools if caller.may_call else []}
        if cursor is not None and caller.may_call:
            result["nextCursor"] = cursor
        if version == MODERN:
            result |= {"ttlMs": self._options.cache_s * 1000, "cacheScope": "private"}
            return _modern(result)
        return result


def response(id: object, result: JsonObject) -> bytes:
    """Return the message that answers a request with a result."""
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "result": result})


def _modern(result: JsonObject) -> JsonObject:
    meta = result.get("_meta")
    more = meta if isinstance(meta, dict) else {}
    return {"resultType": "complete", **result, "_meta": {SERVER_KEY: _SERVER, **more}}


def _initialize(message: Message, caller: Caller) -> JsonObject:
    asked = message.params.get("protocolVersion")
    if not isinstance(asked, str):
        raise ProtocolError(INVALID_PARAMS, "`protocolVersion` must be a string.")
    return {
        "protocolVersion": asked if asked in LEGACY else LEGACY[0],
        "capabilities": {"tools": {}},
        "serverInfo": _SERVER,
        "instructions": _instructions(caller),
    }


def _instructions(caller: Caller) -> str:
    return _INSTRUCTIONS if caller.may_call else _INSTRUCTIONS + _NO_TOOLS
