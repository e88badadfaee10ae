"""A real gateway: granian in a process of its own, on loopback and a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

KEY = "a-key-for-tests-only-0001"
_START_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running gateway."""

    port: int
    pid: int
    log: Path
    key: str = KEY

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, timeout_s: float = 20.0) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    def send_raw(self, request: bytes, *, silence_s: float = 10.0) -> bytes:
        """Return what the server sends for raw bytes, until it closes or says nothing for ``silence_s``."""
        received = b""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=silence_s) as peer:
            peer.sendall(request)
            while part := peer.recv(65536):
                received += part
        return received

    def is_healthy(self) -> bool:
        with closing(self.connect(5)) as connection:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200


Start = Callable[..., Server]


@contextmanager
def run_server(folder: Path, **environ: str) -> Iterator[Server]:
    """Start a gateway with the given settings and nothing from the outer environment."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "OPENAI_"))
    }
    port = int(environ.get("HOOKLINE_PORT", 0)) or free_port()
    settings = {
        "HOOKLINE_API_KEYS": KEY,
        "HOOKLINE_PORT": str(port),
        "HOOKLINE_STATE_DIR": str(folder / f"state-{port}"),
        **environ,
    }
    log = folder / f"gateway-{port}.log"
    code = (
        "from hookline.settings import load_settings; from hookline.webhook.server import serve; "
        "serve(load_settings().server)"
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=inherited | settings, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_ready(port, process, log)
        yield Server(port=port, pid=process.pid, log=log)
    finally:
        process.terminate()
        process.wait(timeout=60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a gateway that was started.

    Raises:
        RuntimeError: If it ends, or is not ready in time; tells what it printed.
    """
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the gateway ended at once:\n{log.read_text()}")
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"the gateway was not ready after {_START_S} s:\n{log.read_text()}")
