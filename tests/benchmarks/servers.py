"""Starting and stopping the processes that are measured, on free ports of the loopback interface."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
API_KEY = "benchmark-key-0123456789abcdef"
START_TIMEOUT_S = 60.0

_LEFT_OUT = ("HOOKLINE_", "OPENAI_", "GRANIAN_", "COVERAGE_")
_POLL_S = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A running server process.

    Attributes:
        name: What it is.
        port: Where it listens on 127.0.0.1.
        process: The main process; granian's workers are its children.
        log: File with everything it printed.
        started_in_s: Seconds from its start to its first 200.
    """

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    started_in_s: float

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def run_upstream(*, script: str = "upstream.py") -> Iterator[Server]:
    """Run a fixed upstream."""
    port = free_port()
    with _run("upstream", [str(HERE / script), str(port)], port, ready_path="/", environ={}) as server:
        yield server


@contextlib.contextmanager
def run_empty() -> Iterator[Server]:
    """Run the empty Flask route on the gateway's server settings."""
    port = free_port()
    environ = {"HOOKLINE_PORT": str(port)}
    with _run("empty", [str(HERE / "empty.py")], port, ready_path="/readyz", environ=environ) as server:
        yield server


@contextlib.contextmanager
def run_gateway(
    upstream: Server, *, log_level: str = "warning", environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run the gateway in front of an upstream, as its command line runs it."""
    port = free_port()
    settings = {
        "HOOKLINE_API_KEYS": f"another-key-0123456789abcdef,{API_KEY}",
        "HOOKLINE_LOG_LEVEL": log_level,
        "HOOKLINE_OPENAI_API_KEY": "benchmark-credential",
        "HOOKLINE_OPENAI_BASE_URL": f"{upstream.url}/v1",
        "HOOKLINE_PORT": str(port),
        **(environ or {}),
    }
    command = ["-m", "hookline", "serve"]
    with _run(f"gateway-{log_level}", command, port, ready_path="/readyz", environ=settings) as server:
        yield server


def free_port() -> int:
    """Return a port on which nothing listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environ() -> dict[str, str]:
    """Return this process's environment without anything that configures what is measured."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_LEFT_OUT) and not name.lower().endswith("_proxy")
    }


def resident_mib(pid: int) -> float:
    """Return the resident memory of one process; Linux only."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no resident memory")


def workers_of(server: Server) -> list[int]:
    """Return the process ids of a server's workers; Linux only."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"resource_tracker" not in _command_line(child)]


@contextlib.contextmanager
def _run(
    name: str, arguments: list[str], port: int, *, ready_path: str, environ: dict[str, str]
) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="hookline-benchmark-") as folder:
        log = Path(folder, f"{name}.log")
        with log.open("wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**clean_environ(), **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_ready(name, process, port, ready_path, log)
            took_s = time.perf_counter() - started
            yield Server(name=name, port=port, process=process, log=log, started_in_s=took_s)
        finally:
            _stop(process)


def _wait_until_ready(name: str, process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}:\n{_tail(log)}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(_POLL_S)
    raise RuntimeError(f"{name} did not answer 200 on {path} in {START_TIMEOUT_S:.0f} s:\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
