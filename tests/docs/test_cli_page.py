"""The reference of the command line: its sections are the commands, its help texts are the real ones."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.testing import CliRunner

from hookline.cli.group import build_cli

if TYPE_CHECKING:
    from tests.docs.conftest import Block

PAGE = "docs/reference/cli.md"


def _commands(command: click.Command, name: str = "hookline") -> Iterator[str]:
    """Yield the names of all commands, groups included, in the order of help."""
    yield name
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):
            found = command.get_command(context, part)
            assert found is not None
            yield from _commands(found, f"{name} {part}")


def _help(name: str) -> str:
    """Return what ``--help`` prints on a terminal of 80 columns."""
    runner = CliRunner(env={"COLUMNS": "80"})
    result = runner.invoke(build_cli(), [*name.split()[1:], "--help"], prog_name="hookline")
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.output.splitlines()) + "\n"


def test_sections_are_the_commands_in_their_order(headings_of: Callable[[str], list[str]]) -> None:
    shown = [heading.strip("`") for heading in headings_of(PAGE) if heading.startswith("`hookline")]
    assert shown == list(_commands(build_cli()))


def test_shown_help_texts_are_the_real_ones(root: Path, read_blocks: Callable[[str], list[Block]]) -> None:
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        _write_help_texts(root / PAGE)
    shown = {block.marks["help"]: block.text for block in read_blocks(PAGE) if "help" in block.marks}
    assert shown == {name: _help(name) for name in _commands(build_cli())}


def test_commands_in_blocks_exist(page: str, read_blocks: Callable[[str], list[Block]]) -> None:
    known = set(_commands(build_cli()))
    for block in read_blocks(page):
        if block.language == "bash":
            for words in re.findall(r"(?m)(?:^|/|&& |=\S* )hookline((?: [a-z]+)+)", block.text):
                parts = words.split()
                names = {f"hookline {' '.join(parts[:count])}" for count in (1, 2)}
                assert names & known, f"{block}: hookline{words}"


def _write_help_texts(page: Path) -> None:
    def fill(match: re.Match[str]) -> str:
        return f"{match[1]}{_help(match[2])}```\n"

    text = page.read_text("utf-8")
    pattern = re.compile(r"(?ms)(^<!-- help: ([^>]+) -->\n```text\n).*?^```\n")
    page.write_text(pattern.sub(fill, text), "utf-8")
