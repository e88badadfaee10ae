"""Rules of quality: each is proved on a plugin that keeps it and refuted on one that does not."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.quality.proofs import PROOFS
from hookline.quality.rules import LEVELS, RULES, RULES_BY_ID

GOOD = '''
"""Contacts of Fine CRM."""

from __future__ import annotations

from pydantic import BaseModel, Field

from hookline import Call, Connector, HooklineError, PluginOptions, Sample, hookimpl

api_version = "1.0"
connector = Connector("fine", title="Fine CRM", base_url="https://api.fine.example/v2", test="count")


class options(PluginOptions):
    """What can be set."""

    depth: int = Field(3, description="How deep it looks.")


class Find(BaseModel):
    """What to look for."""

    email: str = Field(title="E-mail", description="Whom to find.")


class Contact(BaseModel):
    """Somebody."""

    name: str = Field(title="Name", description="Full name.")


class Nothing(BaseModel):
    """No input."""


class Count(BaseModel):
    """How many."""

    total: int = Field(title="Total", description="How many there are.")


connector.endpoint(
    "find", "GET", "/contacts/{email}", input=Find, output=Contact, read_only=True,
    title="Find a contact", description="Find one contact by e-mail address.",
    samples=[Sample(title="Ada", input={"email": "ada@example.com"}, output={"name": "Ada"})],
)
connector.endpoint(
    "count", "GET", "/contacts/count", input=Nothing, output=Count, read_only=True,
    title="Count contacts", description="Count all contacts.",
    samples=[Sample(title="Seven", input={}, output={"total": 7})],
)


@hookimpl
def hookline_map_error(call: Call, error: HooklineError) -> HooklineError | None:
    """Leave it as it is."""
    return None
'''

BAD = """
import httpx
from hookline.engine import pipeline
from hookline import Connector, PluginOptions, hookimpl
from pydantic import BaseModel

print("loaded")
connector = Connector("poor", title="Poor", base_url="https://api.poor.example", credential=None)


class options(PluginOptions):
    depth: int


class Find(BaseModel):
    email: str


SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}}
connector.endpoint("find", "GET", "/x", input=SCHEMA, output=SCHEMA, description="")


@hookimpl(hookwrapper=True)
def hookline_execute(call):
    yield
"""

STATEMENT = """
rules:
  dropdown-sources: done
  tests: {status: done}
  recordings: done
  streaming: {status: exempt, reason: The service has no streams.}
  metered: {status: exempt, reason: It costs nothing.}
  exports-whole: {status: exempt, reason: MCP has one name for each action.}
"""

META = """\
Metadata-Version: 2.4
Name: hookline-{name}
Version: 1.2
License-Expression: MIT
Requires-Python: >=3.11
Requires-Dist: hookline>=0.1
Project-URL: Documentation, https://fine.example/docs
Project-URL: Changelog, https://fine.example/changelog
Project-URL: Issues, https://fine.example/issues

Contacts of Fine CRM as actions: find one by e-mail address, or count all of them.
It works with every plan of the service.
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution that exists for one test only."""
    before = set(sys.modules)

    def install_one(
        name: str,
        source: str,
        *,
        package: str = "",
        metadata: str = META,
        typed: bool = True,
        statement: str | None = STATEMENT,
    ) -> Path:
        package = package or f"hookline_{name}"
        folder = tmp_path / name / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(source)
        if typed:
            (folder / "py.typed").touch()
        if statement is not None:
            (folder / "quality.yaml").write_text(statement)
        info = folder.parent / f"hookline_{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(metadata.format(name=name))
        (info / "entry_points.txt").write_text(f"[hookline]\n{name} = {package}\n")
        monkeypatch.syspath_prepend(folder.parent)
        importlib.invalidate_caches()
        return folder

    yield install_one
    for module in set(sys.modules) - before:
        if module.partition(".")[0] in ("hookline_fine", "hookline_poor", "poor_package"):
            del sys.modules[module]


def check(name: str, level: str = "gold") -> tuple[Result, dict[str, Any]]:
    context = CommandContext(environ={"HOOKLINE_STATE_DIR": "none"})
    arguments = ["plugins", "check", name, "--level", level, "--json"]
    done = CliRunner().invoke(
        build_cli(load_commands=PluginCommands), arguments, obj=context, catch_exceptions=False
    )
    return done, json.loads(done.stdout[done.stdout.index("{\n") :])


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {rule["id"]: rule["outcome"] for rule in report["rules"]}


def test_a_plugin_that_keeps_every_rule_reaches_gold(install: Install) -> None:
    install("fine", GOOD)

    done, report = check("fine")

    failed = {rule["id"]: rule["findings"] for rule in report["rules"] if rule["outcome"] == "failed"}
    assert failed == {}
    assert (done.exit_code, report["ok"], report["reached"]) == (0, True, "gold")
    assert outcomes(report)["streaming"] == "exempt"
    assert outcomes(report)["dropdown-sources"] == "done"
    assert set(outcomes(report).values()) == {"passed", "done", "exempt"}


def test_a_plugin_that_keeps_none_is_told_of_each(install: Install) -> None:
    install(
        "poor",
        BAD,
        package="poor_package",
        metadata="Metadata-Version: 2.4\nName: poor\nVersion: 1\nRequires-Dist: hookline\n",
        typed=False,
        statement=None,
    )

    done, report = check("poor")

    assert done.exit_code == 1
    assert report["reached"] is None
    found = outcomes(report)
    failed = {id for id, outcome in found.items() if outcome == "failed"}
    assert failed >= {
        "named-alike",
        "licence",
        "readme",
        "python-versions",
        "typed",
        "quiet-import",
        "actions-described",
        "fields-described",
        "actions-sampled",
        "options-described",
        "api-version",
        "hookline-bounded",
        "nothing-deprecated",
        "public-names",
        "no-prints",
        "errors-mapped",
        "credential-declared",
        "hints-stated",
        "changelog",
        "reachable",
        "annotated",
        "outputs-described",
        "connection-test",
        "documentation",
    }
    assert {id for id, outcome in found.items() if outcome == "open"} == {
        "dropdown-sources",
        "tests",
        "recordings",
        "streaming",
        "metered",
        "exports-whole",  # its option without a default lets no gateway start
    }
    findings = {rule["id"]: rule["findings"] for rule in report["rules"]}
    assert findings["quiet-import"] == ["__init__.py:7: `print` is called while the module is imported."]
    assert findings["public-names"] == ["__init__.py:3: `hookline.engine.pipeline` is not public."]
    assert findings["hints-stated"] == ["poor.find is a GET and does not say `read_only=True`."]
    assert "hookwrapper" in findings["nothing-deprecated"][0]


def test_every_provable_rule_has_a_proof_and_no_other_has() -> None:
    assert {rule.id for rule in RULES if rule.is_provable} == set(PROOFS)
    assert len(RULES_BY_ID) == len(RULES) >= 25
    assert {rule.level for rule in RULES} == set(LEVELS)
    assert all(rule.sentence.endswith(".") and rule.why.endswith(".") for rule in RULES)


def test_a_level_asks_for_its_own_rules_and_those_below(install: Install) -> None:
    install("fine", GOOD)

    counts = [len(check("fine", level)[1]["rules"]) for level in LEVELS]

    assert counts == [
        sum(rule.level in LEVELS[: number + 1] for rule in RULES) for number in range(len(LEVELS))
    ]


def test_a_claim_that_the_code_refutes_is_a_finding(install: Install) -> None:
    install("fine", GOOD.replace('api_version = "1.0"', ""), statement="rules: {api-version: done}")

    done, report = check("fine", "silver")

    assert done.exit_code == 1
    findings = next(rule["findings"] for rule in report["rules"] if rule["id"] == "api-version")
    assert findings[0] == "quality.yaml says `done`, and it is not:"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("rules: {recordngs: done}", "there is no rule `recordngs`. Did you mean `recordings`?"),
        ("rules: {streaming: exempt}", "`streaming` must be done, todo, or exempt with a `reason`."),
        ("rules: {streaming: perhaps}", "`streaming` must be done, todo, or exempt with a `reason`."),
        ("- 1", "must hold `rules:`"),
        ("rules: [", "cannot be read"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
    ],
)
def test_a_statement_that_says_nothing_sound_is_a_finding(
    statement: str, words: str, install: Install
) -> None:
    install("fine", GOOD, statement=statement)

    done, report = check("fine", "bronze")

    assert done.exit_code == 1
    assert words in report["problems"][0]


def test_an_answer_of_to_do_keeps_a_level_from_being_reached_and_fails_nothing(install: Install) -> None:
    install("fine", GOOD, statement=STATEMENT.replace("recordings: done", "recordings: todo"))

    done, report = check("fine")

    assert (done.exit_code, report["reached"], outcomes(report)["recordings"]) == (0, "silver", "todo")


def test_a_plugin_of_hooks_alone_is_not_asked_about_actions(install: Install) -> None:
    source = '"""Does little."""\n\nfrom hookline import hookimpl\n\napi_version = "1.0"\n\n\n'
    source += '@hookimpl\ndef hookline_shape_request() -> None:\n    """Do nothing."""\n'
    install("fine", source, statement="rules: {tests: done}")

    done, report = check("fine")

    assert (done.exit_code, report["reached"]) == (0, "gold")


def test_the_checklist_is_readable(install: Install) -> None:
    install("fine", GOOD, statement=None)
    context = CommandContext(environ={"HOOKLINE_STATE_DIR": "none"})
    arguments = ["plugins", "check", "fine", "--level", "silver"]
    done = CliRunner().invoke(build_cli(load_commands=PluginCommands), arguments, obj=context)

    assert done.exit_code == 0
    assert "  ok      typed: The package holds `py.typed`." in done.stdout.splitlines()
    assert "  [ ]     dropdown-sources: Fields that hold an id of the service" in done.stdout
    assert "fine: 0 of 23 rules up to silver fail; reached: bronze." in done.stdout


@pytest.mark.parametrize("name", ["openai", "metrics", "retry", "auth"])
def test_bundled_plugins_keep_the_rules_of_bronze(name: str) -> None:
    done, report = check(name, "bronze")

    assert {rule["id"]: rule["findings"] for rule in report["rules"] if rule["outcome"] != "passed"} == {}
    assert done.exit_code == 0
