"""A gateway in a process of its own, for as long as a demonstration takes."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from typing import IO, TYPE_CHECKING

from hookline.cli.listening import Address, claim
from hookline.cli.messages import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_READY_WITHIN_S = 60.0
_END_WITHIN_S = 15.0
_SHOWN_LOG_BYTES = 4000


class DemoServer:
    """Runs ``hookline serve --sandbox`` on a free port of this machine; ends it when left.

    Args:
        environ: Environment variables for it.

    Attributes:
        address: Where it listens.
        key: The key that it takes.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.key = secrets.token_urlsafe(32)
        self.address: Address = claim("127.0.0.1", 0)
        self._folder = tempfile.TemporaryDirectory(prefix="hookline-demo-")
        self._environ = {
            **environ,
            "HOOKLINE_API_KEYS": self.key,
            "HOOKLINE_STATE_DIR": self._folder.name,  # what a demonstration does is nobody's usage
        }
        self._environ.pop("HOOKLINE_DATABASE_URL", None)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def __enter__(self) -> DemoServer:
        options = ["--sandbox", "--host", self.address.host, "--port", str(self.address.port)]
        options += ["--workers", "1", "--log-level", "error"]
        self._log = tempfile.TemporaryFile()  # closed when the process has ended
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hookline", "serve", *options],  # -P: import nothing from here
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C reaches the demonstration only, which then ends this one
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def wait(self) -> None:
        """Return when the process has ended by itself."""
        assert self._process is not None  # it was entered
        self._process.wait()

    def _wait_until_ready(self) -> None:
        assert self._process is not None  # called right after its start
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while not self._is_ready():
            if self._process.poll() is not None:
                raise CommandFailedError(
                    f"The server ended with status {self._process.returncode} before it was ready.\n"
                    f"{self._tail()}"
                )
            if time.monotonic() > give_up_at:
                raise CommandFailedError(
                    f"The server was not ready within {_READY_WITHIN_S:.0f} s.\n{self._tail()}"
                )
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        connection = HTTPConnection(self.address.host, self.address.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _tail(self) -> str:
        assert self._log is not None  # opened before the process was started
        size_bytes = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size_bytes - _SHOWN_LOG_BYTES))
        return self._log.read().decode("utf-8", "replace").strip()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                _kill_group(process)
                process.wait()
        if self._log is not None:
            self._log.close()
        self._folder.cleanup()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that does not end, and its workers, which share its session."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
