"""A small server that behaves as Vault's published HTTP API says: KV version 2, AppRole, renewal.

It is no Vault: it was written from the documentation, so it proves what we send and how we read answers.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Vault:
    """What the server knows, and what it was asked."""

    port: int = 0
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=lambda: {"token-of-tests"})
    roles: dict[str, str] = field(default_factory=dict)
    lease_s: int = 3600
    fault: tuple[int, bytes, dict[str, str]] | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    logins: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, object]:
        """Return status and body for a request, as the API documentation has them."""
        if method == "POST" and path == "/v1/auth/approle/login":
            if self.roles.get(body.get("role_id")) != body.get("secret_id"):
                return 400, {"errors": ["invalid role or secret ID"]}
            self.logins += 1
            new = f"s.token-{self.logins}"
            self.tokens.add(new)
            auth = {"client_token": new, "lease_duration": self.lease_s, "renewable": True}
            return 200, {"auth": auth, "data": None, "lease_duration": 0}
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if method == "POST" and path == "/v1/auth/token/renew-self":
            return 200, {"auth": {"client_token": token, "lease_duration": self.lease_s}}
        _, _, mount, kind, *rest = path.split("/")
        found = self.secrets.get(f"{mount}/{'/'.join(rest)}") if kind == "data" else None
        if method != "GET" or found is None:
            return 404, {"errors": []}
        metadata = {"version": 1, "deletion_time": "", "destroyed": False}
        return 200, {"data": {"data": found, "metadata": metadata}, "lease_duration": 0}


class _Handler(BaseHTTPRequestHandler):
    vault: Vault

    def handle_any(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        self.vault.asked.append((self.command, self.path))
        self.vault.headers.append(dict(self.headers))
        self.vault.bodies.append(body)
        headers: dict[str, str] = {}
        if self.vault.fault is not None:
            status, content, headers = self.vault.fault
        else:
            token = self.headers.get("x-vault-token", "")
            status, answer = self.vault.answer(self.command, self.path, token, body)
            content = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = handle_any  # noqa: N815  # the names that the library calls

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class Server:
    """The server itself, so that a test can stop it and start it again on its port."""

    vault: Vault
    running: ThreadingHTTPServer | None = None

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"vault": self.vault})
        self.running = ThreadingHTTPServer(("127.0.0.1", self.vault.port), handler)
        self.running.daemon_threads = True
        self.vault.port = self.running.server_address[1]
        threading.Thread(
            target=self.running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def stop(self) -> None:
        if self.running is not None:
            self.running.shutdown()
            self.running.server_close()
            self.running = None


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(Vault())
    server.vault.secrets["secret/openai"] = {"api_key": "sk-canary-vault-1", "number": 7, "bad": "a b"}
    server.start()
    yield server
    server.stop()


@pytest.fixture
def vault(server: Server) -> Vault:
    return server.vault
