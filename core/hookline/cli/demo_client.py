"""A small HTTP client, such as any tool without a library of ours would use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.cli.listening import Address

_TIMEOUT_S = 60.0
# Makes the simulated service write as slowly as a model does, so that the pieces can be seen to arrive.
_AT_READING_PACE = {"X-Sandbox-Fault": "slow-50"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """An answer.

    Attributes:
        status: HTTP status.
        body: Its JSON; None if it is not a JSON object.
        elapsed_ms: Time from the request to the end of the answer, in milliseconds.
    """

    status: int
    body: JsonObject | None
    elapsed_ms: float


class DemoClient:
    """Calls a gateway over one connection.

    Args:
        address: Where it listens.
        key: API key.
    """

    def __init__(self, address: Address, key: str) -> None:
        self._connection = HTTPConnection(address.host, address.port, timeout=_TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str) -> Received:
        """Send a GET request."""
        return self._send("GET", path, None)

    def post(self, path: str, body: JsonObject) -> Received:
        """Send JSON."""
        return self._send("POST", path, body)

    def stream(self, path: str, body: JsonObject) -> tuple[int, Iterator[JsonObject]]:
        """Send JSON, and return the status and the events as they come; one event for a refusal."""
        response = self._request("POST", path, body, _AT_READING_PACE)
        if response.status != 200:
            return response.status, iter([_parse(response.read()) or {}])
        return response.status, _events(response)

    def _send(self, method: str, path: str, body: JsonObject | None) -> Received:
        started = time.perf_counter()
        response = self._request(method, path, body)
        content = response.read()
        elapsed_ms = (time.perf_counter() - started) * 1000
        return Received(status=response.status, body=_parse(content), elapsed_ms=elapsed_ms)

    def _request(
        self, method: str, path: str, body: JsonObject | None, headers: Mapping[str, str] | None = None
    ) -> HTTPResponse:
        content = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, body=content, headers={**self._headers, **(headers or {})})
        return self._connection.getresponse()


def _events(response: HTTPResponse) -> Iterator[JsonObject]:
    for line in iter(response.readline, b""):
        name, _, data = line.strip().partition(b":")
        if name == b"data":
            event = _parse(data)
            if event is not None:
                yield event


def _parse(content: bytes) -> JsonObject | None:
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
