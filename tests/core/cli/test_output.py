"""Output that cannot be written ends a command with one line, and a reader that has enough with none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_FULL = Path("/dev/full")
_HOOKLINE = [sys.executable, "-m", "hookline"]
_WAIT_S = 60.0
_ENVIRON = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "OPENAI_"))},
    "HOOKLINE_SANDBOX": "true",
    "HOOKLINE_STATE_DIR": "none",
}


@pytest.mark.skipif(not _FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [["export", "openapi", "--server", "https://hooks.example.com"], ["actions", "list"], ["--help"]],
    ids=["bytes", "table", "help"],
)
def test_a_full_disk_is_told_in_one_line(arguments: list[str]) -> None:
    with _FULL.open("wb") as full:
        done = subprocess.run(
            [*_HOOKLINE, *arguments],
            env=_ENVIRON,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_WAIT_S,
        )

    assert done.returncode == 1
    assert done.stderr == "Error: The output cannot be written: No space left on device.\n"


def test_a_reader_that_has_enough_ends_the_command_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*_HOOKLINE, "actions", "list"],
        env=_ENVIRON,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=_WAIT_S,
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (1, "")
