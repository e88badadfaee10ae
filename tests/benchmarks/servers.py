"""Starting and stopping the processes that are measured, on free ports of the loopback interface."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
API_KEY = "benchmark-key-0123456789abcdef"
START_TIMEOUT_S = 60.0

# A program that may not keep what it compiled compiles itself at every start, unlike one that was installed.
_LEFT_OUT = ("HOOKLINE_", "OPENAI_", "GRANIAN_", "COVERAGE_", "PYTHONDONTWRITEBYTECODE")
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
    """Run the fixed upstream, or another script of this folder that takes a port."""
    port = free_port()
    command = [sys.executable, str(HERE / script), str(port)]
    with run_server("upstream", command, port, ready_path="/") as server:
        yield server


@contextlib.contextmanager
def run_empty() -> Iterator[Server]:
    """Run the empty Flask route on the gateway's server settings."""
    port = free_port()
    environ = {"HOOKLINE_PORT": str(port)}
    command = [sys.executable, str(HERE / "empty.py")]
    with run_server("empty", command, port, ready_path="/readyz", environ=environ) as server:
        yield server


@contextlib.contextmanager
def run_gateway(
    upstream: Server,
    *,
    log_level: str = "warning",
    workers: int = 1,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run the gateway in front of an upstream, as its command line runs it.

    Args:
        upstream: Where its calls go.
        log_level: From which level on it logs.
        workers: Its worker processes.
        environ: More environment variables, or others in place of these.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hookline-benchmark-") as folder:
        variables = {
            "HOOKLINE_API_KEYS": f"another-key-0123456789abcdef,{API_KEY}",
            "HOOKLINE_LOG_LEVEL": log_level,
            "HOOKLINE_OPENAI_API_KEY": "benchmark-credential",
            "HOOKLINE_OPENAI_BASE_URL": f"{upstream.url}/v1",
            "HOOKLINE_PORT": str(port),
            "HOOKLINE_STATE_DIR": folder,
            **(environ or {}),
        }
        command = [sys.executable, "-m", "hookline", "serve", "--workers", str(workers)]
        with run_server("gateway", command, port, ready_path="/readyz", environ=variables) as server:
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


def threads_of(pid: int) -> int:
    """Return how many threads one process has; Linux only."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def workers_of(server: Server) -> list[int]:
    """Return the process ids of a server's workers; Linux only."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"resource_tracker" not in _command_line(child)]


@contextlib.contextmanager
def run_server(
    name: str,
    command: Sequence[str],
    port: int,
    *,
    ready_path: str,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Server]:
    """Run a command that serves on a port, until the block ends.

    Args:
        name: What it is.
        command: Program and arguments; it stays in the foreground.
        port: Where it will listen on 127.0.0.1.
        ready_path: What answers 200 as soon as it can be used.
        environ: Variables besides those of `clean_environ`.
        folder: Where it runs; a temporary folder if none is given.

    Raises:
        RuntimeError: If it ends, or is not ready in time.
    """
    with tempfile.TemporaryDirectory(prefix="hookline-benchmark-") as own:
        log = Path(own, f"{name}.log")
        with log.open("wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=folder or own,
                env={**clean_environ(), **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
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
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # some programs leave their workers behind


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
