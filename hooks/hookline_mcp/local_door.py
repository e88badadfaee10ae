"""Messages of a stream, answered by a gateway in this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import orjson

from hookline.call import new_call_id
from hookline.errors import PermissionDeniedError
from hookline_mcp.messages import check_metadata, no_version
from hookline_mcp.progress import Progress
from hookline_mcp.protocol import INVALID_REQUEST, LEGACY, MODERN, error_body
from hookline_mcp.server import Caller, McpServer, ToolCall, response

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject
    from hookline.call import Cancellation
    from hookline.gateway import Gateway
    from hookline.principal import Principal
    from hookline_mcp.messages import Message


class LocalDoor:
    """Answers the messages of one client.

    Args:
        gateway: What runs the actions.
        principal: In whose name.
        beat_s: Seconds between signs of life of a call whose client asked for them.
    """

    def __init__(self, gateway: Gateway, principal: Principal, *, beat_s: float = 5.0) -> None:
        self._server = McpServer(gateway)
        self._caller = Caller(principal=principal)
        self._beat_s = beat_s
        self._negotiated: str | None = None

    def is_quick(self, message: Message) -> bool:
        """Tell whether a message is answered in the order of the stream: all but the calls of tools."""
        return message.method != "tools/call"

    def answer(
        self,
        message: Message,
        body: JsonObject,
        *,
        cancellation: Cancellation,
        notify: Callable[[bytes], None],
    ) -> bytes | None:
        """Return the answer to a message; None for a notification."""
        if message.id is None:
            return None
        version = self._version_of(message)
        try:
            answer = self._server.answer(message, self._caller, version=version)
        except PermissionDeniedError as exc:
            return orjson.dumps(error_body(INVALID_REQUEST, exc.message, data=None, id=message.id))
        if message.method == "initialize" and not isinstance(answer, ToolCall):
            self._negotiated = str(answer["protocolVersion"])
        if isinstance(answer, ToolCall):
            answer = self._run(answer, message, cancellation, notify)
        return response(message.id, answer)

    def _version_of(self, message: Message) -> str:
        """Return the revision that a request speaks: its own word, or what the handshake settled."""
        if message.claimed_version in LEGACY:
            return str(message.claimed_version)
        if message.claimed_version is None and message.method in ("initialize", "ping"):
            return self._negotiated or LEGACY[0]
        if message.claimed_version is None and self._negotiated is not None:
            return self._negotiated
        if message.claimed_version is None:
            raise no_version(message)
        check_metadata(message)
        return MODERN

    def _run(
        self, call: ToolCall, message: Message, cancellation: Cancellation, notify: Callable[[bytes], None]
    ) -> JsonObject:
        progress, is_over = Progress(message), threading.Event()

        def tell() -> None:
            while not is_over.wait(self._beat_s):
                content = progress.notification()
                if content is not None:
                    notify(content)

        teller = threading.Thread(target=tell, name="mcp-progress", daemon=True)
        if progress.is_wanted:
            teller.start()
        try:
            return self._server.run(call, call_id=new_call_id(), cancellation=cancellation)[1]
        finally:
            is_over.set()
            if progress.is_wanted:
                teller.join()  # nothing may be told after the answer
