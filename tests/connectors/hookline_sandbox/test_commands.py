"""The command line of the sandbox."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import click
from click.testing import CliRunner

import hookline_sandbox
from hookline.cli.later import LaterCommand
from hookline_sandbox.commands import sandbox
from hookline_sandbox.faults import FAULTS


def test_the_plugin_adds_the_command() -> None:
    group = click.Group()
    hookline_sandbox.hookline_register_commands(group)
    assert list(group.commands) == ["sandbox"]
    added = group.commands["sandbox"]
    assert isinstance(added, LaterCommand)
    assert added.load() is sandbox


def test_every_fault_is_listed_for_people_and_for_programs() -> None:
    shown = CliRunner().invoke(sandbox, ["--list-faults"])
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) == len(FAULTS)
    listed = CliRunner().invoke(sandbox, ["--list-faults", "--json"])
    assert json.loads(listed.output) == [{"name": kind.name, "summary": kind.summary} for kind in FAULTS]


def test_a_port_in_use_is_explained_with_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(sandbox, ["--port", str(port)])
    assert result.exit_code == 2
    assert f"port {port} on 127.0.0.1 is in use" in result.stderr


def test_ctrl_c_ends_the_command_cleanly() -> None:
    command = [
        sys.executable,
        "-c",
        "from hookline_sandbox.commands import sandbox; sandbox()",
        "--port",
        "0",
        "--json",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        with socket.create_connection((ready["host"], ready["port"]), timeout=30):
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()  # where it did not end, this test fails and does not hang
        assert process.stderr.read() == b""
