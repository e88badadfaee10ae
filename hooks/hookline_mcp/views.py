"""``POST /mcp``: the protocol's Streamable HTTP transport, without sessions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hookline.call import Cancellation
from hookline.errors import HooklineError, PermissionDeniedError
from hookline.routes import Reply
from hookline_mcp.http_rules import check_notification, version_of
from hookline_mcp.messages import read_message
from hookline_mcp.options import McpOptions
from hookline_mcp.origins import OriginRule
from hookline_mcp.patience import Helpers, TooManyCallsError, run_patiently
from hookline_mcp.progress import Progress
from hookline_mcp.protocol import MODERN, ProtocolError
from hookline_mcp.rpc_format import RpcFormat, protocol_reply, refusal
from hookline_mcp.server import RUN_SCOPE, Caller, McpServer, ToolCall, response

if TYPE_CHECKING:
    from hookline import RouteRegistry, RouteRequest
    from hookline.gateway import Gateway
    from hookline_mcp.messages import Message

PATH = "/mcp"

_log = logging.getLogger("hookline.mcp")
_JSON = ("content-type", "application/json")
_OF_THE_REPLY = ("content-type", "content-length", "location", "www-authenticate", "cache-control")


def add_routes(routes: RouteRegistry, gateway: Gateway) -> None:
    """Add the endpoint.

    Its scope is that of the catalog, because a client that may not list tools cannot do anything else; what
    calls a tool needs ``actions:run`` besides.
    """
    routes.add("POST", PATH, Endpoint(gateway).answer, scope="catalog:read")
    routes.use_format(PATH, RpcFormat())


class Endpoint:
    """Answers what is posted.

    Args:
        gateway: What runs the actions.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._server = McpServer(gateway)
        self._helpers = Helpers(most=gateway.settings.server.threads)
        self._heartbeat_s = gateway.settings.limits.heartbeat_s
        self._origins = OriginRule(
            gateway.settings.server, gateway.options_of(McpOptions).base.allowed_origins
        )

    def answer(self, request: RouteRequest) -> Reply:
        """Answer ``POST /mcp``: one message, a request or a notification."""
        headers = request.inbound.headers
        if not self._origins.allows(headers.get("origin")):
            raise PermissionDeniedError(
                "Web pages of this origin may not call this gateway.",
                code="origin_not_allowed",
                hint="Whoever runs it can add the origin to `allowed_origins` of the plugin `mcp`.",
            )
        _check_accept(headers.get("accept"))
        message: Message | None = None
        version = MODERN
        try:
            message = read_message(request.json())
            if message.id is None:
                check_notification(headers)
                return Reply(status=202)
            version = version_of(message, headers)
            return self._answer(request, message, version)
        except ProtocolError as error:
            id = None if message is None else message.id
            return protocol_reply(error, id=id, is_modern=version == MODERN)

    def _answer(self, request: RouteRequest, message: Message, version: str) -> Reply:
        assert request.principal is not None  # the route has a scope
        caller = Caller(
            principal=request.principal,
            headers=request.inbound.public_headers(),
            query=request.inbound.query,
            client=request.inbound.client,
        )
        try:
            answer = self._server.answer(message, caller, version=version)
        except PermissionDeniedError as error:
            return _out_of_scope(error, message, call_id=request.call_id)
        if not isinstance(answer, ToolCall):
            headers = [_JSON, ("cache-control", "no-store")]
            return Reply(headers=headers, content=response(message.id, answer))
        return self._call(answer, message, request)

    def _call(self, call: ToolCall, message: Message, request: RouteRequest) -> Reply:
        cancellation = Cancellation()

        def work() -> Reply:
            try:
                reply, result = self._server.run(call, call_id=request.call_id, cancellation=cancellation)
                headers = [(name, value) for name, value in reply.headers if name not in _OF_THE_REPLY]
                headers = [_JSON, ("cache-control", "no-store"), *headers]
                return Reply(headers=headers, content=response(message.id, result))
            except Exception as exc:  # nobody above this thread could answer it
                return refusal(_unexpected(exc), call_id=request.call_id, id=message.id)

        if not _takes_events(request.inbound.headers.get("accept")):
            return work()
        # In the older revisions a client that leaves does not want its call to end.
        leave = cancellation.cancel if call.version == MODERN else None
        beat = Progress(message).beat
        try:
            return run_patiently(
                work, helpers=self._helpers, heartbeat_s=self._heartbeat_s, leave=leave, beat=beat
            )
        except TooManyCallsError as error:
            return refusal(error, call_id=request.call_id, id=message.id)


def _check_accept(accept: str | None) -> None:
    """Refuse a client that takes no JSON: most answers are nothing else."""
    if accept is None or _takes(accept, "application/json"):
        return
    raise HooklineError(
        "The answers of this address are JSON, which the header `Accept` leaves out.",
        status=406,
        code="not_acceptable",
        hint="Send `Accept: application/json, text/event-stream`.",
    )


def _takes_events(accept: str | None) -> bool:
    return accept is not None and "text/event-stream" in accept.lower()


def _takes(accept: str, media_type: str) -> bool:
    kind = media_type.partition("/")[0]
    ranges = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return not ranges.isdisjoint({media_type, f"{kind}/*", "*/*"})


def _out_of_scope(error: PermissionDeniedError, message: Message, *, call_id: str) -> Reply:
    reply = refusal(error, call_id=call_id, id=message.id)
    challenge = f'Bearer error="insufficient_scope", scope="{RUN_SCOPE}"'
    reply.headers.append(("www-authenticate", challenge))
    return reply


def _unexpected(exc: Exception) -> HooklineError:
    _log.error("a tool call failed", exc_info=exc)
    return HooklineError("The gateway failed to answer.", code="internal_error")
