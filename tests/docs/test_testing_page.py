"""The reference of the testing kit: every public name, fixture, argument, fault and check is on its page."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from hookline import testing
from hookline.testing import pytest_plugin
from hookline.testing.connector_suite import ConnectorSuite
from hookline.testing.gateway import GatewayRecipe, GatewayUnderTest
from hookline.testing.hook_suite import HookSuite
from hookline.testing.results import CallFailure, CallResult
from hookline.testing.script import Fault, Script, ScriptedAnswer
from hookline.testing.sent import SentRequest
from hookline.testing.suite_base import ConnectorChecks
from hookline.testing.upstream import ScriptedUpstream

PAGE = "docs/reference/testing.md"
SUITES = {"ConnectorSuite": ConnectorSuite, "HookSuite": HookSuite}
MEMBERS = [
    CallFailure,
    CallResult,
    GatewayRecipe,
    GatewayUnderTest,
    Script,
    ScriptedAnswer,
    ScriptedUpstream,
    SentRequest,
]
NOT_FOR_TESTS = frozenset(
    [
        "send",
        "find",
        "report",
        "close",
        "take",
        "unexpected",
        "clock",
        "folder",
        "name",
        "upstream",
        "recipe",
        "command_context",
        "make_settings",
        "make_host",
        "make_environ",
        "raw_output",
        "base_url",
    ]
)


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"(?m)^### `(\w+)`\n", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _checks(suite: type) -> list[list[str]]:
    found = [
        (name, function)
        for one in reversed(suite.__mro__)
        for name, function in vars(one).items()
        if name.startswith("test_")
    ]
    return [[f"`{name}`", _first_line(function).replace("``", "`")] for name, function in found]


def _first_line(function: object) -> str:
    return (inspect.getdoc(function) or "").splitlines()[0]


def test_every_public_name_has_a_section(root: Path) -> None:
    text = (root / PAGE).read_text("utf-8")

    assert sorted(_sections(text)) == sorted(testing.__all__)


def test_fixtures_are_those_of_the_plugin(rows_of: Callable[[str], list[list[str]]]) -> None:
    real = {}
    for name, value in vars(pytest_plugin).items():
        if type(value).__name__ == "FixtureFunctionDefinition":
            real[f"`{name}`"] = inspect.getdoc(value._get_wrapped_function())
    shown = {row[0]: row[1] for row in reversed(rows_of(PAGE)) if row[0] in real}

    assert shown == real
    assert len(shown) == 7


def test_arguments_of_the_marker_are_those_that_it_takes(rows_of: Callable[[str], list[list[str]]]) -> None:
    shown = {row[0].strip("`") for row in rows_of(PAGE) if len(row) == 3}

    assert shown == pytest_plugin._OPTIONS


def test_faults_are_those_that_there_are(rows_of: Callable[[str], list[list[str]]]) -> None:
    known = {f"`{name}`" for name in get_args(Fault)}

    assert {row[0] for row in rows_of(PAGE) if row[0] in known} == known


@pytest.mark.parametrize("name", list(SUITES))
def test_checks_of_a_suite_are_listed_with_what_they_demand(name: str, root: Path) -> None:
    page = root / PAGE
    text = page.read_text("utf-8")
    table = re.search(rf"(?m)^<!-- checks: {name} -->\n((?:\|.*\n)+)", text)
    assert table is not None
    rows = [f"| {' | '.join(row)} |\n" for row in _checks(SUITES[name])]
    expected = "| Check | What must hold |\n|---|---|\n" + "".join(rows)
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        page.write_text(text[: table.start(1)] + expected + text[table.end(1) :], "utf-8")
        return
    assert table[1] == expected
    assert len(rows) > 8


@pytest.mark.parametrize(("name", "base"), [("ConnectorSuite", ConnectorChecks), ("HookSuite", HookSuite)])
def test_attributes_of_a_suite_are_listed(name: str, base: type, root: Path) -> None:
    section = _sections((root / PAGE).read_text("utf-8"))[name]
    shown = set(re.findall(r"(?m)^\| `([a-z_]+)` \|", section.partition("Its checks:")[0]))
    hints = {key for one in base.__mro__ for key in vars(one).get("__annotations__", {})}

    assert shown == {key for key in hints if not key.startswith("_")}


@pytest.mark.parametrize("kind", MEMBERS, ids=lambda kind: kind.__name__)
def test_members_of_what_tests_hold_are_named(kind: type, root: Path) -> None:
    section = _sections((root / PAGE).read_text("utf-8"))[kind.__name__]
    fields = set(getattr(kind, "__dataclass_fields__", {}))
    members = fields | {name for name in vars(kind) if not name.startswith("_")}

    assert sorted(name for name in members - NOT_FOR_TESTS if name not in section) == []
