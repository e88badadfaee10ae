from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "OPENAI_"))}
_DEMO = [sys.executable, "-m", "hookline", "demo"]
_WAIT_S = 60.0

# A plugin as somebody else would publish it: found by its entry point, answering instead of a service.
_PLUGIN = """
import json
from hookline import Connector, Sample, UpstreamResponse, hookimpl

connector = Connector("acme", title="Acme", base_url="http://acme.invalid")
connector.endpoint(
    "count", "GET", "/count", title="Count",
    input={"type": "object", "properties": {"limit": {"type": "integer", "maximum": 9}}},
    output={"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]},
    samples=[Sample(title="All", input={}, output={"total": 1})],
)

@hookimpl(tryfirst=True)
def hookline_execute(call, request):
    return UpstreamResponse(
        status=200, headers=[("content-type", "application/json")], chunks=iter([json.dumps(ANSWER).encode()])
    )
"""


@pytest.fixture
def acme(tmp_path: Path) -> dict[str, str]:
    """Install the plugin for child processes, instead of the bundled services."""
    info = tmp_path / "hookline_acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hookline-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hookline]\nacme = hookline_acme_demo\n")
    return {**_CLEAN, "PYTHONPATH": str(tmp_path), "HOOKLINE_DISABLED_PLUGINS": "openai,sandbox"}


def _write_plugin(tmp_path: Path, answer: dict[str, object]) -> None:
    (tmp_path / "hookline_acme_demo.py").write_text(f"ANSWER = {answer!r}\n{_PLUGIN}")


def test_the_demo_keeps_every_promise() -> None:
    done = subprocess.run(_DEMO, env=_CLEAN, capture_output=True, text=True, timeout=_WAIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 9 steps went as promised." in done.stdout
    assert "openai.embed" in done.stdout
    assert "pieces of text, then the whole output" in done.stdout
    assert "`temperature` must be at most 2, not 3." in done.stdout
    assert "POST /v1/chat/completions" in done.stdout
    assert done.stderr == ""


def test_the_demo_is_driven_by_the_catalog(acme: dict[str, str], tmp_path: Path) -> None:
    _write_plugin(tmp_path, {"total": 3})
    done = subprocess.run([*_DEMO, "--json"], env=acme, capture_output=True, text=True, timeout=_WAIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert [(step["name"], step["status"], step["problem"]) for step in told["steps"]] == [
        ("acme.count", 200, ""),
        ("acme.count with limit = 10", 422, ""),
    ]
    assert told["steps"][0]["summary"] == "total: 3"


def test_a_promise_that_is_not_kept_fails_the_demo(acme: dict[str, str], tmp_path: Path) -> None:
    _write_plugin(tmp_path, {"total": "three"})
    done = subprocess.run(_DEMO, env=acme, capture_output=True, text=True, timeout=_WAIT_S)
    assert done.returncode == 1
    assert "NOT AS PROMISED" in done.stdout
    assert "1 of 2 steps did not go as promised:" in done.stdout
    assert "`total` must be a whole number" in done.stdout


def test_a_server_that_does_not_start_is_told_with_its_own_words(acme: dict[str, str]) -> None:
    environ = {**acme, "HOOKLINE_REQUIRED_PLUGINS": "nobody"}
    done = subprocess.run(_DEMO, env=environ, capture_output=True, text=True, timeout=_WAIT_S)
    assert done.returncode == 1
    assert "Error: The server ended with status 2 before it was ready." in done.stderr
    assert "plugins.required names 'nobody', which is not installed." in done.stderr


def test_serve_and_json_exclude_each_other() -> None:
    done = subprocess.run([*_DEMO, "--serve", "--json"], env=_CLEAN, capture_output=True, timeout=_WAIT_S)
    assert done.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_goes_on_ends_with_its_server(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        demo = subprocess.Popen(
            [*_DEMO, "--serve"], env=_CLEAN, stdout=file, stderr=file, start_new_session=True
        )
    try:
        give_up_at = time.monotonic() + _WAIT_S
        while "Ctrl-C ends it." not in log.read_text():
            assert demo.poll() is None, log.read_text()
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
        found = re.search(r"goes on listening on http://127\.0\.0\.1:(\d+)", log.read_text())
        assert found is not None
        assert _is_open(int(found[1]))
        demo.send_signal(number)
        assert demo.wait(30) == 0
        assert not _is_open(int(found[1]))
        assert "curl -sS " in log.read_text()
    finally:
        if demo.poll() is None:
            demo.terminate()
            demo.wait()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
