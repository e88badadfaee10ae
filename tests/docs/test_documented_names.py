"""What the product answers with, reads and writes is documented, and what is documented is there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from hookline import errors
from hookline.engine.catalog import build_catalog
from hookline.errors import HooklineError
from hookline.gateway import Gateway, load_plugins
from hookline.options import environment_names, load_model
from hookline.settings import ENVIRONMENT, Settings
from known_codes import ROOTS, find_uses

ERRORS_PAGE = "docs/reference/errors.md"
CLASS_CODES = frozenset(
    one.code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, HooklineError)
)

# The names of our variables wherever they stand; one that ends in ``_`` is the beginning of several.
_VARIABLE = re.compile(r"(?<![A-Z_])HOOKLINE_[A-Z][A-Z0-9_]*[A-Z0-9](?![A-Z0-9_])")
_OF_A_CONNECTOR = re.compile(r"HOOKLINE_[A-Z0-9]+_(API_KEY|BASE_URL)(_FILE)?")
# Read by tests only, and told to those who work on Hookline.
_OF_TESTS = frozenset({"HOOKLINE_KEY", "HOOKLINE_WRITE_DOCS"})


def _section(root: Path, title: str) -> dict[str, str]:
    """Return the sources by code that a table of the page of errors shows."""
    text = (root / ERRORS_PAGE).read_text("utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"(?m)^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", text))


@pytest.mark.parametrize(
    ("title", "is_warning"),
    [("More exact codes", False), ("Codes of warnings", True)],
    ids=["errors", "warnings"],
)
def test_the_codes_of_the_page_are_those_of_the_source(title: str, is_warning: bool, root: Path) -> None:
    sources: dict[str, set[str]] = defaultdict(set)
    for use in find_uses(root):
        if use.is_warning is is_warning and (is_warning or use.code not in CLASS_CODES):
            sources[use.code].add(use.source)
    assert _section(root, title) == {code: ", ".join(sorted(names)) for code, names in sources.items()}


def test_the_walk_finds_codes_however_they_are_stated(root: Path) -> None:
    """By keyword, by position, from a constant of another module, from a variable, and of a class."""
    found = {(use.code, use.file) for use in find_uses(root)}
    assert {
        ("unknown_host", "core/hookline/webhook/app.py"),
        ("flow_unreadable", "core/hookline/engine/pipeline.py"),
        ("moderation_skipped", "hooks/hookline_moderation/checker.py"),
        ("budget_nearly_used", "hooks/hookline_limits/answers.py"),
        ("too_many_calls", "hooks/hookline_mcp/patience.py"),
    } <= found


def test_the_exports_of_their_page_are_those_that_there_are(root: Path) -> None:
    gateway = Gateway(Settings(sandbox=True), environ={})
    try:
        targets = set(gateway.export_targets)
    finally:
        gateway.close()
    text = (root / "docs/reference/plugins/exports.md").read_text("utf-8")
    table = re.search(r"(?m)^\| Target \|.*\n\|[-|]+\n((?:\|.*\n)+)", text)
    assert table is not None
    assert set(re.findall(r"(?m)^\| `([^`]+)` \|", table[1])) == targets


def _variables_of_the_source(root: Path) -> set[str]:
    return {
        variable
        for folder in ROOTS
        for path in (root / folder).rglob("*.py")
        if "HOOKLINE_" in (text := path.read_text("utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for variable in _VARIABLE.findall(node.value)
    }


def _variables_of_the_pages(root: Path) -> dict[str, str]:
    folders = ("docs/reference", "docs/how-to", "docs/explanation", "docs/tutorial")
    pages = [root / "README.md", *(path for name in folders for path in (root / name).rglob("*.md"))]
    return {name: str(page) for page in pages for name in _VARIABLE.findall(page.read_text("utf-8"))}


def test_every_variable_of_the_source_is_documented(root: Path) -> None:
    assert _variables_of_the_source(root) - set(_variables_of_the_pages(root)) == set()


def test_every_documented_variable_means_something(root: Path) -> None:
    host = load_plugins(Settings())
    known = set(ENVIRONMENT) | _variables_of_the_source(root) | _OF_TESTS
    for plugin, declared in host.options():
        known |= set(environment_names(load_model(declared, plugin=plugin), name=plugin))
    for connector in build_catalog(host).connectors.values():
        names = connector.options.model_fields if connector.options else ()
        known |= {f"HOOKLINE_{connector.id.upper()}_{name.upper()}" for name in names}
    named = _variables_of_the_pages(root)
    unknown = {
        name: page
        for name, page in named.items()
        if name not in known | {f"{one}_FILE" for one in known} and not _OF_A_CONNECTOR.fullmatch(name)
    }
    assert unknown == {}
