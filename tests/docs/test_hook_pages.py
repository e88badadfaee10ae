"""Every hook has a page, and what a page claims is measured: how often it runs, and what failures lead to."""

from __future__ import annotations

import inspect
import os
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

import hook_lab
from hookline import hookspecs
from hookline.gateway import load_plugins
from hookline.settings import Settings

FOLDER = "docs/reference/hooks"
HOOKS = pytest.mark.parametrize("hook", hook_lab.HOOKS)
CALL_HOOKS = pytest.mark.parametrize("hook", hook_lab.CALL_HOOKS)
ONE_BY_ONE = hookspecs.SETUP_HOOKS | hookspecs.OBSERVER_HOOKS | {"hookline_admit", "hookline_settle"}
NO_WRAPPERS = (
    hookspecs.SECURITY_HOOKS | hookspecs.SETUP_HOOKS | hookspecs.OBSERVER_HOOKS | hookspecs.AROUND_HOOKS
)
PARTS = [
    "When it runs",
    "What to return",
    "What happens when it goes wrong",
    "Arguments",
    "Example",
    "Plugins that use it",
    "Mistakes",
]
Counts = dict[str, Counter[str]]


@pytest.fixture(scope="module")
def counts() -> Counts:
    """How often each hook runs in each mode."""
    return hook_lab.count_modes()


@pytest.fixture(scope="module")
def orders() -> list[list[str]]:
    """The hooks in their order, around calls and in each mode."""
    return [hook_lab.setup_order(), *(hook_lab.watch_mode(mode) for mode in hook_lab.MODES)]


def _page(root: Path, hook: str) -> Path:
    return root / FOLDER / f"{hook}.md"


def _text(root: Path, hook: str) -> str:
    return _page(root, hook).read_text("utf-8")


def _section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _arguments(hook: str) -> list[str]:
    return list(inspect.signature(getattr(hookspecs, hook)).parameters)


def _is_same(root: Path, hook: str, shown: str, real: str) -> bool:
    """Compare a table with what was measured, or write that into the page if that is wanted."""
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        page = _page(root, hook)
        page.write_text(page.read_text("utf-8").replace(shown, real), "utf-8")
        return True
    return shown == real


def test_every_hook_has_a_page_and_every_page_a_hook(root: Path) -> None:
    assert {path.stem for path in (root / FOLDER).glob("*.md")} == set(hook_lab.HOOKS)


@HOOKS
def test_the_heading_of_a_page_is_the_exact_signature(hook: str, root: Path) -> None:
    signature = f"{hook}{inspect.signature(getattr(hookspecs, hook))}".replace("'", "")
    assert _text(root, hook).splitlines()[0] == f"# `{signature}`"


@HOOKS
def test_a_page_has_all_its_parts(hook: str, root: Path) -> None:
    expected = [part for part in PARTS if part != "Arguments" or _arguments(hook)]
    assert re.findall(r"(?m)^## (.+)$", _text(root, hook)) == expected


@HOOKS
def test_kind_and_wrappers_are_those_of_the_specification(hook: str, root: Path) -> None:
    facts = dict(re.findall(r"(?m)^\| (Kind|Wrappers|Since) \| ([^:|]+?)(?:: [^|]+)? \|$", _text(root, hook)))
    options = getattr(getattr(hookspecs, hook), "hookline_spec", {})
    kind = "all"
    if options.get("firstresult"):
        kind = "first result"
    elif hook in hookspecs.AROUND_HOOKS:
        kind = "each around the next"
    elif hook in ONE_BY_ONE:
        kind = "one plugin after another"
    assert facts["Kind"] == kind
    assert facts["Wrappers"] == ("none" if hook in NO_WRAPPERS else "allowed")
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["Since"])


@HOOKS
def test_the_table_of_arguments_names_those_of_the_signature(hook: str, root: Path) -> None:
    table = _section(_text(root, hook), "Arguments")
    assert re.findall(r"(?m)^\| `(\w+)` \|", table) == _arguments(hook)


@HOOKS
def test_none_is_told_of_where_it_may_be_returned(hook: str, root: Path) -> None:
    returns = str(inspect.signature(getattr(hookspecs, hook)).return_annotation).strip("'")
    table = _section(_text(root, hook), "What to return")
    assert ("| `None` |" in table) is returns.endswith("| None")
    assert ("| nothing |" in table) is (returns == "None")


@HOOKS
def test_the_named_plugins_are_the_bundled_ones_that_use_the_hook(hook: str, root: Path) -> None:
    host = load_plugins(Settings())
    links = re.findall(r"\[`(\w+)`\]\((\S+)\)", _section(_text(root, hook), "Plugins that use it"))
    assert {name for name, _ in links} == {plugin for plugin, _ in host.implementations(hook)}
    for _, file in links:
        assert f"def {hook}(" in (root / FOLDER / file).read_text("utf-8"), file


@CALL_HOOKS
def test_a_page_tells_how_often_its_hook_runs(hook: str, root: Path, counts: Counts) -> None:
    shown = re.search(r"\| The request \| Runs \|\n\|---\|---\|\n(?:\|.*\n)*", _text(root, hook))
    assert shown is not None
    rows = "".join(f"| {mode} | {count[hook]} |\n" for mode, count in counts.items())
    assert _is_same(root, hook, shown[0], f"| The request | Runs |\n|---|---|\n{rows}")


@HOOKS
@pytest.mark.parametrize("fault", hook_lab.FAULTS)
def test_a_page_tells_what_a_failure_leads_to(hook: str, fault: str, root: Path) -> None:
    shown = re.search(rf"(?m)^\| {re.escape(fault)} \| ([^|]+) \|", _text(root, hook))
    assert shown is not None
    assert _is_same(root, hook, shown[0], f"| {fault} | {hook_lab.outcome_of(hook, fault)} |")


def _neighbours(orders: list[list[str]], hook: str) -> tuple[set[str], set[str]]:
    """Return the hooks that run right before a hook and right after it, in any of the orders."""
    before, after = set(), set()
    for order in orders:
        for left, right in pairwise(order):
            if right == hook:
                before.add(left)
            if left == hook:
                after.add(right)
    return before - {hook}, after - {hook}


@HOOKS
def test_what_a_page_says_to_run_before_and_after_its_hook_does(
    hook: str, root: Path, orders: list[list[str]]
) -> None:
    shown = re.search(
        r"(?m)^before  (.+)\nnow     (\w+)\nafter   (.+)$", _section(_text(root, hook), "When it runs")
    )
    assert shown is not None
    assert shown[2] == hook
    real = _neighbours(orders, hook)
    for text, names in zip((shown[1], shown[3]), real, strict=True):
        assert set(re.findall(r"hookline_\w+", text)) <= names, text
