"""The pages, cut into what tests compare with the code: fenced blocks with their marks, tables, headings."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from live_gateway import Server, run_server

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "core", "connectors", "hooks", "schemas")
RUN_PAGES = ("README.md", "docs/tutorial/first-call.md", "docs/how-to/provoke-failures.md")
LOCAL = "localhost:8787"

_FENCE = re.compile(r"```(\w*)\s*$")
_MARK = re.compile(r"<!-- ([a-z]+(?: [a-z]+)?)(?:: (.+))? -->$")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced code block.

    Attributes:
        page: File it stands in, from the root of the project.
        line: Number of its first line.
        language: Word behind the fence.
        text: What is in it.
        marks: Comments ``<!-- name: value -->`` right above it.
        output: The block below it that is marked ``output``.
    """

    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)
    output: Block | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Return every page, from the root of the project."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")]
    named = [path.relative_to(ROOT) for path in [*found, *ROOT.glob("*.md")]]
    return sorted(str(path) for path in named if not any(part.startswith(".") for part in path.parts))


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page; each knows the output that follows it."""
    found: list[Block] = []
    for block in _read_blocks(page):
        if "output" in block.marks and found:
            found[-1] = Block(**{**vars(found[-1]), "output": block})
        else:
            found.append(block)
    return found


def _read_blocks(page: str) -> Iterator[Block]:
    marks: dict[str, str] = {}
    start, language, inside = 0, "", list[str]()
    is_inside = False
    for number, line in enumerate((ROOT / page).read_text("utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if is_inside:
            if line == "```":
                yield Block(
                    page=page, line=start, language=language, text="\n".join([*inside, ""]), marks=marks
                )
                is_inside, marks = False, {}
            else:
                inside.append(line)
        elif fence:
            start, language, inside, is_inside = number + 1, fence[1], [], True
        elif mark := _MARK.match(line):
            marks = {**marks, mark[1]: mark[2] or ""}
        elif line.strip():
            marks = {}


def all_blocks() -> list[Block]:
    """Return the blocks of every page."""
    return [block for page in pages() for block in blocks_of(page)]


def runnable() -> list[Block]:
    """Return the blocks that call the gateway: those of some pages, and those that say so."""
    return [
        block
        for block in all_blocks()
        if block.language in ("bash", "python") and LOCAL in block.text
        if block.page in RUN_PAGES or block.marks.get("run") == ""
    ]


_KINDS: dict[str, Callable[[], list[Block]]] = {
    "included_block": lambda: [block for block in all_blocks() if "file" in block.marks],
    "calling_block": runnable,
    "hook_example": lambda: [
        block
        for page in pages()
        if page.startswith("docs/reference/hooks/")
        for block in blocks_of(page)
        if "example" in block.marks
    ],
    "toml_block": lambda: [block for block in all_blocks() if block.language == "toml"],
    "json_block": lambda: [block for block in all_blocks() if block.language == "json"],
    "bash_block": lambda: [block for block in all_blocks() if block.language == "bash"],
    "python_block": lambda: [block for block in all_blocks() if block.language == "python"],
    "free_python_block": lambda: [
        block
        for block in all_blocks()
        if block.language == "python"
        and not set(block.marks) & {"append", "file", "example", "test", "not run"}
    ],
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each block of the kind that it asks for, and once for each page."""
    for name, select in _KINDS.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, select(), ids=str)
    if "page" in metafunc.fixturenames:
        metafunc.parametrize("page", pages())


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def read_blocks() -> Callable[[str], list[Block]]:
    """Returns the fenced blocks of a page."""
    return blocks_of


@pytest.fixture(scope="session")
def running_files() -> set[str]:
    """The example files that are run against a gateway."""
    return {block.marks["file"] for block in runnable() if "file" in block.marks}


@pytest.fixture(scope="session")
def rows_of() -> Callable[[str], list[list[str]]]:
    """Returns the cells of every table row of a page, without heads and rules."""

    def read(page: str) -> list[list[str]]:
        lines = (ROOT / page).read_text("utf-8").splitlines()
        rows: list[list[str]] = []
        for line, below in zip(lines, [*lines[1:], ""], strict=True):
            is_head = below.startswith("|--") or below.startswith("|---")
            if line.startswith("|") and not line.startswith("|--") and not is_head:
                rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        return rows

    return read


@pytest.fixture(scope="session")
def headings_of() -> Callable[[str], list[str]]:
    """Returns the headings of a page, without those inside of blocks."""

    def read(page: str) -> list[str]:
        text = re.sub(r"(?ms)^```.*?^```$", "", (ROOT / page).read_text("utf-8"))
        return [line.lstrip("#").strip() for line in text.splitlines() if re.match(r"#+ ", line)]

    return read


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway over the sandbox, on a free port."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    folder = tmp_path_factory.mktemp("documented")
    with run_server(folder, HOOKLINE_SANDBOX="1") as server:
        yield server
