"""The tutorial for authors of plugins, command by command, as somebody who reads it types it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fresh_environment import build_wheel, lend_packages
from hookline.exports.bundled import TARGETS
from live_gateway import free_port, wait_until_ready

if TYPE_CHECKING:
    from tests.docs.conftest import Block

PAGE = "docs/tutorial/first-plugin.md"
_TIMEOUT_S = 300


class Reader:
    """Types commands into a shell, one block after another, and keeps its folder and variables.

    Args:
        folder: Where it begins.
        wheels: Where `pip` finds Hookline; it finds nothing else, and asks nobody.
    """

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self._port = free_port()
        self._state = folder / "shell-state"
        self._server: subprocess.Popen[bytes] | None = None
        self._serving = ""
        outer = ("HOOKLINE_", "OPENAI_", "PYTHON", "VIRTUAL_ENV", "COVERAGE_", "PIP_")
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(outer)},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOOKLINE_PORT": str(self._port),
            "HOOKLINE_STATE_DIR": str(folder / "state"),
            "NO_PROXY": "127.0.0.1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_NO_BUILD_ISOLATION": "0",  # that is how the variable says that there is to be none
            "PIP_NO_DEPS": "1",
            "PIP_NO_INDEX": "1",
        }

    def type(self, text: str) -> str:
        """Return what a block of commands prints.

        Raises:
            AssertionError: If one of them fails.
        """
        text = text.replace("localhost:8787", f"127.0.0.1:{self._port}")
        text = re.sub(r"(?m)^curl ", "curl --silent --show-error ", text)
        keep = f"\nenv -0 > '{self._state}'\npwd >> '{self._state}'\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text + keep],
            env=self._environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        *variables, folder = self._state.read_text().split("\0")
        self._environ = dict(variable.split("=", 1) for variable in variables)
        self.folder = Path(folder.strip())
        return done.stdout

    def serve(self, text: str) -> None:
        """Type a block whose last line runs until it is ended."""
        *before, self._serving = text.strip().splitlines()
        self.type("\n".join(before))
        self.restart()

    def restart(self) -> None:
        """End what runs, and start it again."""
        self.end()
        assignment, _, command = self._serving.partition(" ")
        log = self.folder / "serve.log"
        with log.open("wb") as output:
            self._server = subprocess.Popen(
                ["bash", "-c", f"{assignment} exec {command}"],
                env=self._environ,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until_ready(self._port, self._server, log)

    def end(self) -> None:
        """End what runs."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(timeout=60)
            self._server = None


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path, build_wheel(tmp_path / "wheels").parent)
    yield reader
    reader.end()


def test_the_page_does_what_it_says_in_less_than_ten_minutes(
    reader: Reader, read_blocks: Callable[[str], list[Block]]
) -> None:
    began = time.monotonic()
    printed: dict[int, str] = {}
    first, *blocks = [block for block in read_blocks(PAGE) if block.language in ("bash", "python")]

    make, rest = first.text.split("\n", 1)
    reader.type(make)
    lend_packages(reader.folder / ".venv")  # in place of downloading them
    reader.type(rest)
    for block in blocks:
        if "append" in block.marks:
            with (reader.folder / block.marks["append"]).open("a") as file:
                file.write(f"\n\n{block.text}")
            continue
        if "restart" in block.marks:
            reader.restart()
        if "background" in block.marks:
            reader.serve(block.text)
            continue
        printed[block.line] = reader.type(block.text)
        if block.output is not None:
            _compare(json.loads(block.output.text), json.loads(printed[block.line]))

    assert time.monotonic() - began < 600
    assert " passed" in printed[next(block.line for block in blocks if "pytest" in block.text)]
    found = {
        line.split("/")[1] for line in printed[blocks[-1].line].splitlines() if line.startswith("exports/")
    }
    typed = blocks[-1].text.partition(" in ")[2].partition(";")[0].split()
    assert found == set(typed)
    assert found >= {target.name for target in TARGETS}


def _compare(shown: dict[str, object], real: dict[str, object]) -> None:
    for name, value in shown.items():
        if isinstance(value, str) and value.endswith("…"):
            assert str(real[name]).startswith(value[:-1])
        else:
            assert real[name] == value
