"""Running rows on a gateway that runs elsewhere, over HTTP."""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import orjson

from hookline.call import Cancellation
from hookline.cli.messages import CommandError
from hookline.clock import SYSTEM_CLOCK
from hookline.order import ITEMS
from hookline_bulk.replies import is_ours, read_problem, wait_in
from hookline_bulk.runners import CUT_SHORT, GatewayLostError, RowEstimate, RowReply

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.clock import Clock

_TIMEOUT_S = 1800.0
_MOST_TRIES = 8
_LONGEST_WAIT_S = 30.0
_MOST_ANSWER_BYTES = 256 * 1024 * 1024
_NANO = 1_000_000_000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Answer = tuple[int, list[tuple[str, str]], bytes]


class RemoteRunner:
    """Calls a gateway with a key, over one connection for each thread.

    Args:
        url: Its base URL.
        key: API key; goes nowhere else.
        action_id: What is run.
        clock: What time it is, and what waits.

    Raises:
        CommandError: If the URL is none, or the gateway does not know the action or the key.
    """

    def __init__(self, url: str, key: str, action_id: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise CommandError(
                f"--url: {url!r} is no address of a gateway, such as https://hooks.example.com."
            )
        try:
            self._port = parts.port
        except ValueError as exc:
            raise CommandError(f"--url: {url!r} has no valid port.") from exc
        self._host = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.is_in_clear = self._tls is None and self._host not in _LOOPBACK
        self._base = parts.path.rstrip("/")
        self._path = f"{self._base}/actions/{quote(action_id, safe='')}"
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._clock = clock
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()
        self._cancellation = Cancellation()
        self._tries = 1
        try:
            described = self._describe(action_id)
        except BaseException:
            self.close()
            raise
        self._tries = _MOST_TRIES
        hints = described.get("hints")
        self.is_repeatable = isinstance(hints, dict) and hints.get("idempotent") is True
        schema = described.get("input_schema")
        fields = schema.get("properties") if isinstance(schema, dict) else None
        # A list of one item is answered with what it cost; where `items` is a field of the action's own, the
        # action is called as it is.
        self._asks_for_items = not (isinstance(fields, dict) and ITEMS in fields)

    def run(self, fields: JsonObject, *, key: str) -> RowReply:
        """Run a row, and wait for it if it becomes a job."""
        body: JsonObject = {ITEMS: [fields]} if self._asks_for_items else fields
        try:
            status, headers, content = self._send("POST", self._path, body, {"idempotency-key": f'"{key}"'})
            job = _job_of(status, headers, content)
            if job is not None:
                status, headers, content = self._wait_for_job(job, headers)
        except (OSError, http.client.HTTPException):  # it was sent, and nobody knows what became of it
            return RowReply(status=CUT_SHORT if self._cancellation.is_cancelled else 0)
        problem = {} if 200 <= status < 300 else read_problem(content)
        is_refused = status in (429, 503) and is_ours(problem)
        if is_refused or (status == 409 and "retry-after" in dict(headers)):  # 409: the same row still runs
            return RowReply(status=status, content=_one_line(content), wait_s=wait_in(headers, problem))
        return self._read(status, content)

    def estimate(self, fields: JsonObject) -> RowEstimate:
        """Return the most that a row can take."""
        try:
            status, _, content = self._send("POST", f"{self._path}/estimate", fields, {})
        except (OSError, http.client.HTTPException) as exc:
            raise GatewayLostError(
                "The gateway broke the connection while it was asked for an estimate."
            ) from exc
        body = read_problem(content)
        if status == 404:
            raise CommandError("This gateway has no estimates.", hint="Leave out --dry-run and --max-cost.")
        if status != 200:
            return RowEstimate(refusal=str(body.get("detail") or f"status {status}"), cost_nano_usd=0)
        cost = body.get("cost_usd")
        return RowEstimate(
            input_tokens=_count(body.get("input_tokens")),
            output_tokens=_count(body.get("output_tokens")),
            cost_nano_usd=round(cost * _NANO) if isinstance(cost, (int, float)) else None,
        )

    def cancel(self) -> None:
        """End what runs, by closing the connections."""
        self._cancellation.cancel()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            connection.close()

    def _read(self, status: int, content: bytes) -> RowReply:
        body = read_problem(content)
        summary = body.pop("summary", None)
        items = body.pop(ITEMS, None) if isinstance(summary, dict) else None
        if not isinstance(summary, dict) or not isinstance(items, list) or not items:
            usage = body.get("usage")
            return RowReply(
                status=status, content=_one_line(content), usage=usage if isinstance(usage, dict) else None
            )
        item, cost = items[0], summary.get("cost_usd")
        return RowReply(
            status=item["status"],
            content=orjson.dumps(item.get("output") or item.get("error")),
            usage=summary.get("usage"),
            cost_nano_usd=round(cost * _NANO) if isinstance(cost, (int, float)) else None,
        )

    def _wait_for_job(self, address: str, headers: list[tuple[str, str]]) -> Answer:
        # Only the path counts: the key goes nowhere but to the gateway, by whatever name that knows itself.
        path = urlsplit(address).path
        path = path if path.startswith(f"{self._base}/") else self._base + path
        while True:
            if not self._clock.wait(wait_in(headers, {}), self._cancellation):
                raise http.client.HTTPException("cancelled")
            status, headers, content = self._send("GET", path, None, {})
            if status not in (202, 429, 503):
                return status, headers, content

    def _describe(self, action_id: str) -> JsonObject:
        status, _, content = self._send("GET", self._path, None, {})
        body = read_problem(content)
        if status == 200:
            return body
        if status == 404:
            raise CommandError(f"The gateway has no action {action_id!r} for this key.")
        raise CommandError(
            f"The gateway refused to describe {action_id}: {body.get('detail') or f'status {status}'}",
            hint="Check --url and the key; it needs the scopes `catalog:read` and `actions:run`.",
        )

    def _send(self, method: str, path: str, body: JsonObject | None, headers: dict[str, str]) -> Answer:
        content = None if body is None else orjson.dumps(body)
        connection = self._connection()
        try:
            connection.request(method, path, body=content, headers={**self._headers, **headers})
            response = connection.getresponse()
            answer = response.read(_MOST_ANSWER_BYTES + 1)
        except BaseException:
            self._drop(connection)
            raise
        if len(answer) > _MOST_ANSWER_BYTES:
            self._drop(connection)
            raise http.client.HTTPException("the answer is too large")
        if response.will_close:
            self._drop(connection)
        return response.status, [(name.lower(), value) for name, value in response.getheaders()], answer

    def _connection(self) -> http.client.HTTPConnection:
        """Return this thread's connection, open: that way what fails later may have arrived.

        A connection that the gateway closed while nobody used it looks open; so it is looked at first.
        """
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is not None and found.sock is not None and not _is_readable(found.sock):
            return found
        if found is not None:
            self._drop(found)
        wait_s, error = 0.5, None
        for _ in range(self._tries):
            connection = (
                http.client.HTTPSConnection(self._host, self._port, timeout=_TIMEOUT_S, context=self._tls)
                if self._tls is not None
                else http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
            )
            try:
                connection.connect()
            except ssl.SSLCertVerificationError as exc:
                raise GatewayLostError(f"The certificate of {self._host} is not valid.") from exc
            except OSError as exc:
                error = exc
                if not self._clock.wait(wait_s, self._cancellation):
                    break
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                continue
            with self._lock:
                self._open.add(connection)
            self._local.connection = connection
            return connection
        raise GatewayLostError(f"The gateway at {self._host} cannot be reached: {error}.") from error

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        with self._lock:
            self._open.discard(connection)
        self._local.connection = None


def _job_of(status: int, headers: list[tuple[str, str]], content: bytes) -> str | None:
    """Return the address of the job that a call went on as; None if it did not."""
    if status == 202:
        return dict(headers).get("location")
    job = read_problem(content).get("job") if status == 504 else None
    address = job.get("result_url") if isinstance(job, dict) else None
    return address if isinstance(address, str) else None


def _is_readable(sock: socket.socket) -> bool:
    """Tell whether something waits on an idle connection: that can only be its end."""
    return bool(select.select([sock], [], [], 0)[0])


def _one_line(content: bytes) -> bytes:
    """Return JSON in one line; what is none becomes a text."""
    try:
        return orjson.dumps(orjson.loads(content))
    except orjson.JSONDecodeError:
        return orjson.dumps({"message": content[:2000].decode("utf-8", "replace")})


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
