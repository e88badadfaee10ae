"""Every block of code on a page runs, or is checked by what it is for, or says why not."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click
import pytest
import yaml

from hookline import errors
from hookline.cli.group import build_cli
from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from tests.docs.conftest import Block
    from werkzeug.routing import MapAdapter

CHECKED = frozenset({"bash", "json", "python", "text", "toml", "yaml"})
MARKS = frozenset(
    {
        *("append", "background", "demo", "example", "file", "goes on", "help", "import", "imported"),
        *("manifest", "not run", "output", "raises", "restart", "run", "test"),
    }
)
_ASSIGNMENT = re.compile(r"\w+=")
_URL = re.compile(r"(?<!: \")https?://(?:localhost:8787|127\.0\.0\.1:8787|hooks\.example\.com)(/[^\s\"'?#]*)")
_ENDS_OF_A_COMMAND = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<", "(", ")"})


def _blocks(page: str, read_blocks: Callable[[str], list[Block]]) -> Iterator[Block]:
    for block in read_blocks(page):
        yield block
        if block.output is not None:
            yield block.output


def test_every_block_is_checked_or_says_why_not(page: str, read_blocks: Callable[[str], list[Block]]) -> None:
    for block in _blocks(page, read_blocks):
        reason = block.marks.get("not run")
        assert block.language in CHECKED or reason, f"{block}: nothing checks a block of {block.language!r}"
        assert reason is None or len(reason.split()) > 1, f"{block}: say why it is not run"


def test_every_mark_of_a_block_means_something(page: str, read_blocks: Callable[[str], list[Block]]) -> None:
    for block in _blocks(page, read_blocks):
        assert set(block.marks) <= MARKS, f"{block}: {set(block.marks) - MARKS}"


def test_no_fence_is_overlooked(page: str, root: Path, read_blocks: Callable[[str], list[Block]]) -> None:
    fences = re.findall(r"(?m)^[ >]*(?:`{3,}|~{3,})", (root / page).read_text("utf-8"))
    assert len(fences) == 2 * len(list(_blocks(page, read_blocks)))


def test_a_yaml_block_is_yaml(page: str, read_blocks: Callable[[str], list[Block]]) -> None:
    for block in _blocks(page, read_blocks):
        if block.language == "yaml":
            assert yaml.safe_load(block.text) is not None, str(block)


def test_a_python_block_runs(
    free_python_block: Block,
    root: Path,
    read_blocks: Callable[[str], list[Block]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "localhost:8787" in free_python_block.text:
        pytest.importorskip("openai")
        return  # run against a gateway by another test
    module = ModuleType("documented_block")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    start = free_python_block.marks.get("goes on")
    if start:  # from a file, and the blocks above that go on from it too
        exec(compile((root / start).read_text("utf-8"), start, "exec"), module.__dict__)
    if start is not None:  # or without a file: from all that stands above
        for block in read_blocks(free_python_block.page):
            is_above = block.language == "python" and block.line < free_python_block.line
            if is_above and (not start or block.marks.get("goes on") == start):
                exec(compile(block.text, str(block), "exec"), module.__dict__)
    code = compile(free_python_block.text, str(free_python_block), "exec")
    wanted = free_python_block.marks.get("raises")
    if wanted is None:
        exec(code, module.__dict__)
    else:
        with pytest.raises(getattr(errors, wanted)):
            exec(code, module.__dict__)


def test_bash_can_read_a_bash_block(bash_block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=bash_block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def commands_of(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every call of the command line in a script, also behind pipes and variables."""
    for words in _lines_of_words(text):
        while words:
            ends = [at for at, word in enumerate(words) if word in _ENDS_OF_A_COMMAND]
            command, words = (words[: ends[0]], words[ends[0] + 1 :]) if ends else (words, [])
            while command and _ASSIGNMENT.match(command[0]):
                command = command[1:]
            if command and command[0].rpartition("/")[2] == "hookline":
                yield command[1:]


def _lines_of_words(text: str) -> Iterator[list[str]]:
    """Yield the words of each line; a quote may go on over several."""
    waiting = ""
    for line in text.replace("\\\n", " ").splitlines():
        waiting += line
        lexer = shlex.shlex(waiting, posix=True, punctuation_chars="|&;<>()")
        lexer.commenters = "#"
        lexer.whitespace_split = True
        try:
            yield list(lexer)
        except ValueError:  # a quote is still open
            waiting += "\n"
        else:
            waiting = ""
    assert not waiting.strip(), "a quote is not closed"


@cache
def _cli() -> click.Group:
    return build_cli()


def problem_with(arguments: list[str]) -> str | None:
    """Return what the command line would not take, without running anything."""
    command: click.Command = _cli()
    context = click.Context(command, info_name="hookline", **command.context_settings)
    try:
        while True:
            given, rest, _ = command.make_parser(context).parse_args(list(arguments))
            if not isinstance(command, click.Group) or not rest:
                return None if "--help" in arguments else _problem_of_values(command, context, given, rest)
            name, *arguments = rest
            found = command.get_command(context, name)
            if found is None:
                return f"there is no command {name!r}"
            command = found
            context = click.Context(found, info_name=name, parent=context, **found.context_settings)
    except click.UsageError as exc:
        return exc.format_message()


def _problem_of_values(
    command: click.Command, context: click.Context, given: dict[str, Any], rest: list[str]
) -> str | None:
    if rest:
        return f"{rest[0]!r} is one too many"
    for parameter in command.get_params(context):
        value = given.get(str(parameter.name))
        if value is None or value == () or isinstance(value, Enum):  # click's way to say that nothing came
            if parameter.required and parameter.envvar is None:
                return f"{parameter.human_readable_name} is missing"
        elif isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)
    return None


def test_the_command_line_takes_the_commands_of_a_bash_block(bash_block: Block) -> None:
    for arguments in commands_of(bash_block.text):
        problem = problem_with(arguments)
        assert problem is None, f"hookline {shlex.join(arguments)}: {problem}"


def test_the_commands_of_pages_are_found(read_blocks: Callable[[str], list[Block]]) -> None:
    found = [
        shlex.join(one)
        for block in read_blocks("README.md")
        if block.language == "bash"
        for one in commands_of(block.text)
    ]
    assert "serve --sandbox" in found
    assert any(one.startswith("keys create --label 'Zapier, invoices'") for one in found)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("hookline serve --sandbox", None),
        ("A=1 .venv/bin/hookline serve --sand", "No such option"),
        ("true && hookline kees create", "there is no command 'kees'"),
        ("cat x | hookline export zapier --out", "requires an argument"),
        ("hookline version x", "one too many"),
        ("hookline call", "is missing"),
    ],
)
def test_a_wrong_command_is_seen(line: str, problem: str | None) -> None:
    [arguments] = commands_of(line)
    found = problem_with(arguments)
    assert found is None if problem is None else problem in str(found)


@pytest.fixture(scope="module")
def addresses() -> Iterator[MapAdapter]:
    """The routes of a gateway with every bundled plugin."""
    gateway = Gateway(Settings(sandbox=True), environ={})
    yield create_app(gateway).url_map.bind("")
    gateway.close()


def test_the_addresses_that_curl_calls_in_a_bash_block_exist(
    bash_block: Block, addresses: MapAdapter
) -> None:
    for command in re.split(r"\n(?=\S)|\||;", bash_block.text.replace("\\\n", " ")):
        method = re.search(r"(?:-X|--request) ?(\w+)", command)
        is_post = re.search(r"\s(?:-d|--data\S*|--json|-F)\s", command)
        verb = method[1] if method else "POST" if is_post else "GET"
        for path in _URL.findall(command) if "curl" in command else ():
            addresses.match(unquote(re.sub(r"\$\w+|\$\{\w+\}|…", "x", path)), method=verb)


def test_every_example_that_calls_the_gateway_is_run(root: Path, running_files: set[str]) -> None:
    scripts = [path for path in (root / "docs/examples").iterdir() if path.suffix in (".sh", ".py")]
    calling = {f"docs/examples/{path.name}" for path in scripts if "localhost:8787" in path.read_text()}
    assert calling == running_files
