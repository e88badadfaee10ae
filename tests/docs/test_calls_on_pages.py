"""The calls that pages show are made, and get the answers that the pages show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.docs.conftest import Block

    from live_gateway import Server

_TIMEOUT_S = 60


def _run(text: str, language: str, server: Server) -> str:
    code = text.replace("localhost:8787", f"127.0.0.1:{server.port}")
    command = [sys.executable, "-c", code]
    if language == "bash":
        command = [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            re.sub(r"(?m)^curl ", "curl --silent --show-error ", code),
        ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    done = subprocess.run(
        command,
        env=inherited | {"HOOKLINE_KEY": server.key, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _pattern(shown: str) -> str:
    """Return what a shown text stands for: ``…`` is anything."""
    return ".*".join(re.escape(part) for part in shown.split("…"))


def _differences(shown: object, real: object, where: str = "") -> list[str]:
    """Return where a real answer is not as shown; members that are not shown may be anything."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return [
            problem
            for name, value in shown.items()
            for problem in _differences(value, real.get(name, "(missing)"), f"{where}.{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        pairs = enumerate(zip(shown, real, strict=True))
        return [
            problem for at, (left, right) in pairs for problem in _differences(left, right, f"{where}[{at}]")
        ]
    if isinstance(shown, str) and isinstance(real, str) and re.fullmatch(_pattern(shown), real, re.DOTALL):
        return []
    return [] if shown == real else [f"{where}: shown {shown!r}, but it is {real!r}"]


def test_a_shown_call_gets_the_shown_answer(calling_block: Block, gateway: Server) -> None:
    if "openai" in calling_block.text and calling_block.language == "python" and find_spec("openai") is None:
        pytest.skip("the openai package is not installed")
    printed = _run(calling_block.text, calling_block.language, gateway)
    assert printed
    shown = calling_block.output
    if shown is None:
        return
    if shown.language == "json":
        assert _differences(json.loads(shown.text), json.loads(printed)) == []
    else:
        assert re.fullmatch(_pattern(shown.text.strip()), printed.strip(), re.DOTALL), printed


def test_the_error_body_of_the_reference_is_whole(
    root: Path, gateway: Server, read_blocks: Callable[[str], list[Block]]
) -> None:
    shown = next(block for block in read_blocks("docs/reference/errors.md") if "run" in block.marks)
    real = json.loads(_run((root / shown.marks["run"]).read_text("utf-8"), "bash", gateway))
    expected = json.loads(shown.text)
    assert _differences(expected, real) == []
    assert set(real) == set(expected)


def test_the_demo_prints_what_the_readme_shows(read_blocks: Callable[[str], list[Block]]) -> None:
    shown = next(block for block in read_blocks("README.md") if "demo" in block.marks)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "hookline", "demo"],
        env=inherited,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert _without_numbers(shown.text) in _without_numbers(done.stdout)


def _without_numbers(text: str) -> str:
    """Return a text without times and counts, and without the space that they take."""
    return re.sub(r"\d+(?:\.\d+)?", "0", re.sub(r"[ ]{2,}", "  ", text))
