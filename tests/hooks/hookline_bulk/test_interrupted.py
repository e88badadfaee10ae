"""`hookline batch` ended by a signal in the middle, and gone on with: no row is paid for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hookline_sandbox.server import SandboxServer

ROWS = int(os.environ.get("HOOKLINE_BATCH_ROWS", "400"))
CONCURRENCY = 8
WAIT_S = 120.0
_MOST_GROWTH_KIB = 16 * 1024


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        server.requests = deque()  # all of them, so that they can be counted
        yield server


class Command:
    """Runs the command over one file of rows."""

    def __init__(self, folder: Path, server: SandboxServer, *, model: str = "gpt-5.4-mini") -> None:
        self.folder = folder
        self.model = model
        rows = "".join(f"r{number},What is {number}?\n" for number in range(ROWS))
        (folder / "rows.csv").write_text("id,question\n" + rows)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "OPENAI_"))
        }
        self._environ = kept | {
            "HOOKLINE_OPENAI_BASE_URL": server.base_url,
            "HOOKLINE_OPENAI_API_KEY": "sk-test",
            "HOOKLINE_STATE_DIR": str(folder / "state"),
        }
        self._server = server

    def start(self, *more: str) -> subprocess.Popen[str]:
        arguments = [
            "batch", "openai.chat", "--in", str(self.folder / "rows.csv"),
            "--out", str(self.folder / "out.jsonl"), "--map", "prompt=question", "--id", "id",
            "--set", f"model={self.model}", "--concurrency", str(CONCURRENCY), "--json", *more,
        ]  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-m", "hookline", *arguments],
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end_after(self, share: float, number: signal.Signals) -> tuple[int, str]:
        """Start it, and send a signal when so many of all requests have arrived."""
        process = self.start()
        self.wait_for(int(share * ROWS), process)
        process.send_signal(number)
        out, _ = process.communicate(timeout=WAIT_S)
        return process.returncode, out

    def finish(self, *more: str) -> tuple[int, Any]:
        process = self.start(*more)
        out, err = process.communicate(timeout=WAIT_S)
        assert err == ""
        return process.returncode, json.loads(out)

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out.jsonl").read_text().splitlines()]

    def asked(self) -> Counter[str]:
        """How often each row arrived at the service."""
        return Counter(
            json.loads(item.body)["messages"][-1]["content"] for item in list(self._server.requests)
        )

    def wait_for(self, requests: int, process: subprocess.Popen[str]) -> None:
        until = time.monotonic() + WAIT_S
        while len(self._server.requests) < requests and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.005)


def test_each_row_is_run_once_although_it_is_interrupted_twice(tmp_path: Path, server: SandboxServer) -> None:
    command = Command(tmp_path, server)

    code, out = command.end_after(0.3, signal.SIGINT)
    summary = json.loads(out)
    assert (code, summary["stopped_by"], summary["unknown"]) == (130, "interrupted", 0)
    assert summary["succeeded"] == len(command.asked()) < ROWS  # what ran was waited for

    code, _ = command.end_after(0.6, signal.SIGKILL)
    assert code == -signal.SIGKILL

    code, summary = command.finish()
    unknown = set(summary["unknown_rows"])
    assert len(unknown) <= CONCURRENCY
    assert (summary["succeeded"] + len(unknown), summary["failed"], summary["left"]) == (ROWS, 0, 0)
    assert code == (1 if unknown else 0)
    assert set(command.asked().values()) == {1}
    done = {line["row"] for line in command.results()}
    assert done == set(range(1, ROWS + 1)) - unknown

    code, summary = command.finish("--retry-unknown")
    assert (code, summary["succeeded"]) == (0, ROWS)
    assert [line["row"] for line in command.results()] == list(range(1, ROWS + 1))
    twice = {text for text, times in command.asked().items() if times > 1}
    assert twice <= {f"What is {row - 1}?" for row in unknown}


def test_a_second_interrupt_ends_what_runs_and_those_rows_are_unknown(
    tmp_path: Path, server: SandboxServer
) -> None:
    command = Command(tmp_path, server, model="sandbox-slow-first-byte-60")
    process = command.start()
    command.wait_for(CONCURRENCY, process)
    began_at = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # two signals at once are one
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=WAIT_S)

    summary = json.loads(out)
    assert (process.returncode, summary["stopped_by"]) == (130, "interrupted")
    assert (summary["unknown"], summary["succeeded"]) == (CONCURRENCY, 0)
    assert time.monotonic() - began_at < 30
    assert set(command.asked().values()) == {1}


def test_memory_does_not_grow_with_the_rows(tmp_path: Path, server: SandboxServer) -> None:
    command = Command(tmp_path, server)
    process = command.start()
    seen: list[int] = []
    for share in (0.25, 0.95):
        command.wait_for(int(share * ROWS), process)
        seen.append(_resident_kib(process.pid))
    process.communicate(timeout=WAIT_S)
    print("resident KiB", seen)
    assert process.returncode == 0
    assert seen[1] - seen[0] < _MOST_GROWTH_KIB


def _resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("this system does not tell")
