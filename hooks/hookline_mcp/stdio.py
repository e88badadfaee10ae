"""The protocol's stdio transport: one message a line in, one message a line out, and nothing else.

Source: revision 2026-07-28, "stdio" and "Cancellation".
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, BinaryIO, Protocol

import orjson

from hookline.call import Cancellation
from hookline.engine.json_text import parse_object
from hookline.errors import MalformedRequestError
from hookline_mcp.messages import Message, read_message
from hookline_mcp.protocol import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    ProtocolError,
    RequestId,
    error_body,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject

_log = logging.getLogger("hookline.mcp")

MOST_CALLS = 128
"""Requests that run at the same time; further ones are refused, so that a ping is always answered."""

_LAST_ANSWERS_S = 1.5


class Door(Protocol):
    """What answers the messages of a stream."""

    def is_quick(self, message: Message) -> bool:
        """Tell whether a message is answered without waiting for anybody, in the order of the stream."""
        ...

    def answer(
        self,
        message: Message,
        body: JsonObject,
        *,
        cancellation: Cancellation,
        notify: Callable[[bytes], None],
    ) -> bytes | None:
        """Return the answer to a message; None for one that has none.

        Args:
            message: The message.
            body: The JSON that it was read from.
            cancellation: Ends the work.
            notify: Sends a notification before the answer.
        """
        ...


class StdioServer:
    """Serves one client.

    Args:
        door: Answers messages.
        source: Where messages come from.
        target: Where answers go.
        max_line_bytes: Longest message.
    """

    def __init__(
        self, door: Door, *, source: BinaryIO, target: BinaryIO, max_line_bytes: int = 20 * 1024 * 1024
    ) -> None:
        self._door = door
        self._source = source
        self._target = target
        self._max_line_bytes = max_line_bytes
        self._lock = threading.Lock()
        self._running: dict[RequestId, Cancellation] = {}
        self._is_gone = threading.Event()

    def run(self) -> None:
        """Serve until the stream ends; what still runs then has a moment to be answered."""
        try:
            while not self._is_gone.is_set() and (line := self._read_line()) is not None:
                self._take(line)
            self._finish()
        finally:
            self._cancel_all()

    def _read_line(self) -> bytes | None:
        """Return the next line; one that is too long is skipped and refused."""
        while True:
            line = self._source.readline(self._max_line_bytes + 1)
            if not line:
                return None
            if len(line) > self._max_line_bytes and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = self._source.readline(self._max_line_bytes)
                self._refuse(INVALID_REQUEST, f"The message is larger than {self._max_line_bytes:,} bytes.")
                continue
            if line.strip():
                return line

    def _take(self, line: bytes) -> None:
        try:
            body = parse_object(line.strip())
            message = read_message(body)
        except MalformedRequestError as exc:
            is_other = exc.code == "not_an_object"
            text = exc.message.replace("The body", "The message", 1)
            self._refuse(INVALID_REQUEST if is_other else PARSE_ERROR, text)
            return
        except ProtocolError as exc:
            self._refuse(exc.code, exc.message, id=exc.id)
            return
        if message.method == "notifications/cancelled" and message.id is None:
            self._cancel(message)
        elif message.id is None or self._door.is_quick(message):
            self._answer(message, body, Cancellation())
        else:
            self._begin(message, body, message.id)

    def _begin(self, message: Message, body: JsonObject, id: RequestId) -> None:
        cancellation = Cancellation()
        with self._lock:
            problem = self._problem_with(id)
            if problem is None:
                self._running[id] = cancellation
        if problem is not None:
            self._refuse(INVALID_REQUEST, problem, id=id)
            return

        def work() -> None:
            try:
                self._answer(message, body, cancellation)
            finally:
                with self._lock:
                    self._running.pop(id, None)

        threading.Thread(target=work, name="mcp-call", daemon=True).start()

    def _problem_with(self, id: RequestId) -> str | None:
        if id in self._running:
            return "A request with this id still runs."
        if len(self._running) >= MOST_CALLS:
            return f"{MOST_CALLS} requests still run; wait for one of them."
        return None

    def _answer(self, message: Message, body: JsonObject, cancellation: Cancellation) -> None:
        def notify(content: bytes) -> None:
            self._write(content, cancellation)

        try:
            content = self._door.answer(message, body, cancellation=cancellation, notify=notify)
        except ProtocolError as exc:
            content = orjson.dumps(error_body(exc.code, exc.message, data=exc.data, id=message.id))
        except Exception:  # whatever it is: the client waits for an answer
            _log.exception("a message could not be answered")
            text = "The server failed to answer."
            content = orjson.dumps(error_body(INTERNAL_ERROR, text, data=None, id=message.id))
        if content is not None and message.id is not None:
            self._write(content, cancellation)

    def _cancel(self, message: Message) -> None:
        id = message.params.get("requestId")
        with self._lock:
            found = self._running.get(id) if isinstance(id, (str, int)) else None
        if found is not None:
            found.cancel()

    def _cancel_all(self) -> None:
        with self._lock:
            running = list(self._running.values())
        for cancellation in running:
            cancellation.cancel()

    def _finish(self) -> None:
        """Wait for what still runs, but not for long: a client that closed the stream waits for the end."""
        end = time.monotonic() + _LAST_ANSWERS_S
        while time.monotonic() < end and not self._is_gone.is_set():
            with self._lock:
                if not self._running:
                    return
            self._is_gone.wait(0.01)

    def _refuse(self, code: int, text: str, *, id: RequestId | None = None) -> None:
        self._write(orjson.dumps(error_body(code, text, data=None, id=id)), None)

    def _write(self, content: bytes, cancellation: Cancellation | None) -> None:
        """Write a message as one line; nothing more is said about a request that was cancelled."""
        with self._lock:
            if self._is_gone.is_set() or (cancellation is not None and cancellation.is_cancelled):
                return
            try:
                self._target.write(content + b"\n")
                self._target.flush()
            except (OSError, ValueError):  # nobody reads any more
                self._is_gone.set()
