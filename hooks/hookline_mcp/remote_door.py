"""Messages of a stream, passed on to a gateway that runs elsewhere, with a key."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from hookline.cli.messages import CommandError
from hookline_mcp.http_rules import encode_value
from hookline_mcp.protocol import INTERNAL_ERROR, NAMED_BY, RequestId, error_body
from hookline_mcp.results import on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject
    from hookline.call import Cancellation
    from hookline_mcp.messages import Message

_CONNECT_S = 20.0
_TIMEOUT_S = 1800.0
_MOST_ANSWER_BYTES = 256 * 1024 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class RemoteDoor:
    """Posts each message to ``/mcp`` of a gateway.

    Args:
        url: The gateway's base URL.
        key: API key; goes nowhere else.
        connect_s: How long connecting may take.
        answer_s: Longest silence of a gateway that answers.

    Raises:
        CommandError: If the URL is none.
    """

    def __init__(
        self, url: str, key: str, *, connect_s: float = _CONNECT_S, answer_s: float = _TIMEOUT_S
    ) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as exc:
            raise CommandError(f"--url: {url!r} has no valid port.") from exc
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise CommandError(
                f"--url: {url!r} is no address of a gateway, such as https://hooks.example.com."
            )
        self._host, self._port = parts.hostname, port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.is_in_clear = self._tls is None and self._host not in _LOOPBACK
        self._path = parts.path.rstrip("/").removesuffix("/mcp") + "/mcp"
        self._key = key
        self._connect_s = connect_s
        self._answer_s = answer_s
        self._negotiated: str | None = None
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()

    def is_quick(self, message: Message) -> bool:
        """Tell whether a message is sent before the next one is read: what settles the revision is."""
        return message.method == "initialize"

    def answer(
        self,
        message: Message,
        body: JsonObject,
        *,
        cancellation: Cancellation,
        notify: Callable[[bytes], None],
    ) -> bytes | None:
        """Return the gateway's answer to a message; None for a notification, and for what was cancelled."""
        connection = self._prepare()
        callback = _Cut(connection)
        cancellation.add(callback)
        is_sent = False
        try:
            connection.connect()
            if cancellation.is_cancelled:  # there may have been nothing to cut yet
                return None
            connection.sock.settimeout(self._answer_s)
            is_sent = True
            connection.request("POST", self._path, body=orjson.dumps(body), headers=self._headers_of(message))
            answer = connection.getresponse()
            kind = (answer.getheader("content-type") or "").partition(";")[0].strip().lower()
            if kind == "text/event-stream":
                return self._read_events(answer, message, notify)
            content = answer.read(_MOST_ANSWER_BYTES + 1)
            return None if message.id is None else self._read(message, message.id, answer.status, content)
        except (OSError, http.client.HTTPException) as exc:
            text = self._explain(exc, message, is_sent=is_sent)
            return orjson.dumps(error_body(INTERNAL_ERROR, text, data=None, id=message.id))
        finally:
            cancellation.discard(callback)
            connection.close()
            with self._lock:
                self._open.discard(connection)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            _Cut(connection)()

    def _explain(self, exc: Exception, message: Message, *, is_sent: bool) -> str:
        """Return what went wrong; a call that was sent may have run whatever came of its answer."""
        if not is_sent:
            return f"The gateway at {self._host} cannot be reached: {exc or type(exc).__name__}."
        text = f"The gateway at {self._host} broke off: {exc or type(exc).__name__}."
        if isinstance(exc, TimeoutError):
            text = f"The gateway at {self._host} has said nothing for {self._answer_s:g} s."
        if message.method != "tools/call":
            return text
        return f"{text} The call may have run, and may have been charged: look before you call again."

    def _prepare(self) -> http.client.HTTPConnection:
        timeout = self._connect_s
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
            if self._tls is not None
            else http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        )
        with self._lock:
            self._open.add(connection)
        return connection

    def _headers_of(self, message: Message) -> dict[str, str]:
        headers = {
            "authorization": f"Bearer {self._key}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-method": encode_value(message.method),
        }
        version = message.claimed_version or self._negotiated
        if isinstance(version, str) and message.method != "initialize":
            headers["mcp-protocol-version"] = encode_value(version)
        name = message.params.get(NAMED_BY.get(message.method, ""))
        if isinstance(name, str):
            headers["mcp-name"] = encode_value(name)
        return headers

    def _read(self, message: Message, id: RequestId, status: int, content: bytes) -> bytes:
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
            return self._no_server(status, id)
        result = answer.get("result")
        if message.method == "initialize" and isinstance(result, dict):
            self._negotiated = str(result.get("protocolVersion"))
        return orjson.dumps({**answer, "id": id})  # an error that came before the id was read has none

    def _no_server(self, status: int, id: RequestId | None) -> bytes:
        text = f"What answers at {self._host} is no MCP server: status {status}."
        return orjson.dumps(error_body(INTERNAL_ERROR, text, data=None, id=id))

    def _read_events(
        self, answer: http.client.HTTPResponse, message: Message, notify: Callable[[bytes], None]
    ) -> bytes:
        """Return the answer at the end of a stream; notifications before it are passed on as they come."""
        from hookline.engine.sse import EventDecoder

        decoder = EventDecoder(max_event_bytes=_MOST_ANSWER_BYTES)
        while piece := answer.read1(65536):
            for event in decoder.feed(piece):
                if event.data is None:
                    continue
                try:
                    value = orjson.loads(event.data)
                except orjson.JSONDecodeError:
                    value = None
                if not isinstance(value, dict):
                    return self._no_server(answer.status, message.id)
                line = on_one_line(event.data)  # the data of an event may stand on several lines
                if "method" not in value:
                    return line
                notify(line)
        raise http.client.HTTPException("it broke off its answer")


class _Cut:
    """Ends a connection, whatever waits for it."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def __call__(self) -> None:
        if self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
