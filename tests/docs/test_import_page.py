"""The page about importing: its command prints and writes what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands

if TYPE_CHECKING:
    import pytest
    from tests.docs.conftest import Block

PAGE = "docs/how-to/import-an-openapi-document.md"


def _fill(page: Path, mark: str, content: str) -> None:
    pattern = re.compile(rf"(?ms)(^<!-- {mark} -->\n```\w+\n).*?^```\n")
    page.write_text(pattern.sub(lambda match: f"{match[1]}{content}```\n", page.read_text("utf-8")), "utf-8")


def test_the_command_of_the_page_prints_and_writes_what_the_page_shows(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_blocks: Callable[[str], list[Block]],
) -> None:
    command = next(one for one in read_blocks(PAGE) if "import" in one.marks)
    shutil.copy(root / "docs/examples/petstore.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    words = shlex.split(command.text)
    cli = build_cli(load_commands=PluginCommands)
    result = CliRunner().invoke(cli, words[1:], catch_exceptions=False)
    written = (tmp_path / "connectors/petstore.yaml").read_text("utf-8")

    assert (words[0], result.exit_code) == ("hookline", 0)
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        _fill(root / PAGE, "imported", result.output)
        _fill(root / PAGE, "manifest", written)
    shown = {
        mark: one.text for one in read_blocks(PAGE) for mark in ("imported", "manifest") if mark in one.marks
    }
    assert shown == {"imported": result.output, "manifest": written}
