"""``hookline models``: what ends when, for people, for programs and for CI."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result

import hookline_openai
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.later import LaterCommand
from hookline.cli.plugin_commands import PluginCommands
from hookline.plugins import PluginHost
from hookline_lifecycle import LifecyclePlugin
from hookline_lifecycle.commands import models
from hookline_lifecycle.report import make_report
from hookline_openai.model_table import ModelInfo, ModelTable, bundled

if TYPE_CHECKING:
    from hookline.engine.transport import Transport

TODAY = ("--today", "2026-11-22")


class NoTransport:
    """Fails a test that asks an upstream."""

    def send(self, *_: object, **__: object) -> Any:
        raise AssertionError("the upstream was asked")

    def close(self) -> None:
        """Nothing is open."""


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run the command as a part of the command line."""

    def make_host(_: object) -> PluginHost:
        host = PluginHost()
        host.register(hookline_openai, name="openai")
        host.register(LifecyclePlugin(), name="lifecycle")
        return host

    def run(*arguments: str, stdin: str | None = None, **environ: str) -> Result:
        transport: Transport = NoTransport()
        context = CommandContext(environ=environ, make_host=make_host, transport=transport)
        cli = build_cli(load_commands=lambda: PluginCommands(commands={"models": models}))
        return CliRunner().invoke(
            cli, ["models", *arguments], obj=context, input=stdin, catch_exceptions=False
        )

    return run


def told(result: Result) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_the_plugin_adds_the_command() -> None:
    group = click.Group()
    LifecyclePlugin().hookline_register_commands(group)
    assert list(group.commands) == ["models"]
    added = group.commands["models"]
    assert isinstance(added, LaterCommand)
    assert added.load() is models


def test_a_table_for_people(run: Run) -> None:
    result = run("gpt-4o", "gpt-4", "gpt-5.4", "acme-1", *TODAY)
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines == [
        "model kind status ends on days left use instead",
        "gpt-4o chat deprecated 2027-01-14 53 gpt-6-luna",
        "gpt-4 chat retired 2026-10-23 -30 gpt-5.6-sol",
        "gpt-5.4 chat active",
        "acme-1 unknown",
        "",
        "Not in the table, so nothing is known of them: acme-1.",
        "2 of 4 retired or ending within 90 days: gpt-4o, gpt-4.",
        "The table is of 2026-11-22; `models_file` of the connection brings newer dates.",
    ]


def test_json_for_programs(run: Run) -> None:
    result = run("gpt-4-0314", "gpt-5.4", "acme-1", "--json", *TODAY)
    assert told(result) == {
        "as_of": "2026-11-22",
        "today": "2026-11-22",
        "within_days": 90,
        "models": [
            {
                "id": "gpt-4-0314",
                "kind": "chat",
                "status": "retired",
                "deprecated_on": "2025-09-26",
                "ends_on": "2026-03-26",
                "days_left": -241,
                "replacement": "gpt-5",
                "note": "or gpt-4.1",
                "is_ending": True,
            },
            {
                "id": "gpt-5.4",
                "kind": "chat",
                "status": "active",
                "deprecated_on": None,
                "ends_on": None,
                "days_left": None,
                "replacement": None,
                "note": None,
                "is_ending": False,
            },
            {
                "id": "acme-1",
                "kind": None,
                "status": "unknown",
                "deprecated_on": None,
                "ends_on": None,
                "days_left": None,
                "replacement": None,
                "note": None,
                "is_ending": False,
            },
        ],
        "ending": ["gpt-4-0314"],
        "unknown": ["acme-1"],
    }


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["gpt-5.4"], 0),
        (["gpt-5.4", "acme-1"], 1),
        (["gpt-4o"], 1),
        (["gpt-5.4", "gpt-4o"], 1),
        (["gpt-4"], 1),
        (["gpt-4", "--within", "0"], 1),
        (["gpt-4o", "--within", "52"], 0),
        (["gpt-4o", "--within", "53"], 1),
        (["gpt-4o", "--within", "0", "--today", "2027-01-13"], 0),
        (["gpt-4o", "--within", "1", "--today", "2027-01-13"], 1),
        (["gpt-4o", "--within", "0", "--today", "2027-01-14"], 1),
        (["ft:gpt-4o-2024-08-06:acme::x"], 1),
    ],
)
def test_the_exit_status_tells_what_ends_soon(run: Run, arguments: list[str], status: int) -> None:
    days = () if "--today" in arguments else TODAY
    assert run(*arguments, "--check", *days).exit_code == status
    assert run(*arguments, "--check", "--json", *days).exit_code == status
    assert run(*arguments, *days).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--within", "-1"],
        ["--within", "soon"],
        ["--within", "99999999999999999999"],
        ["--today", "tomorrow"],
        ["--today", "2027-02-30"],
        ["--used", "no-such-file"],
        ["--unknown"],
    ],
)
def test_wrong_usage_is_exit_status_2(run: Run, arguments: list[str]) -> None:
    result = run("gpt-4o", "--check", *arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr


def test_the_models_in_use_come_from_a_file_or_from_stdin(run: Run, tmp_path: Path) -> None:
    text = "\ufeff# what our flows use\ngpt-4o   # the summary\n\n  gpt-5.4\ngpt-4o\n"
    file = tmp_path / "models.txt"
    file.write_text(text, "utf-8")
    for result in (
        run("--used", str(file), "--json", *TODAY),
        run("--used", "-", "--json", *TODAY, stdin=text),
    ):
        assert [row["id"] for row in told(result)["models"]] == ["gpt-4o", "gpt-5.4"]
    both = run("o3", "gpt-5.4", "--used", str(file), "--json", *TODAY)
    assert [row["id"] for row in told(both)["models"]] == ["o3", "gpt-5.4", "gpt-4o"]


def test_an_empty_list_is_not_all_models(run: Run) -> None:
    result = run("--used", "-", "--check", stdin="# nothing yet\n")
    assert (result.exit_code, result.stdout) == (0, "No model is named.\n")


def test_a_file_that_is_not_text_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "models.bin"
    file.write_bytes(b"gpt\xff\xfe\n")
    result = run("--used", str(file))
    assert result.exit_code == 2
    assert "not UTF-8" in result.stderr


def test_a_long_list_of_ends_is_not_spelt_out(run: Run) -> None:
    names = [info.id for info in bundled() if info.is_retired(date(2026, 11, 22))]
    assert len(names) > 10
    for count, end in ((10, f"{names[9]}."), (11, f"{names[9]}, ….")):
        told_last = run(*names[:count], *TODAY).stdout.splitlines()[-2]
        assert told_last.startswith(f"{count} of {count} retired or ending within 90 days: {names[0]}, ")
        assert told_last.endswith(end)


def test_the_page_shows_what_is_printed(run: Run) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/survive-retired-models.md").read_text("utf-8")
    arguments, _, shown = page.partition("hookline models gpt-4o")[2].partition("\n")
    printed = run("gpt-4o", *arguments.split()).stdout
    assert f"```text\n{printed}```" in shown


def test_without_names_all_that_is_served_is_shown(run: Run) -> None:
    served = told(run("--json", *TODAY))["models"]
    assert {row["status"] for row in served} == {"active", "deprecated"}
    everything = told(run("--json", "--all", *TODAY))["models"]
    assert [row["id"] for row in everything] == list(bundled().models)
    assert [row for row in everything if row["status"] != "retired"] == served


def test_dates_and_replacements_are_those_of_the_gateway_s_settings(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text('{"as_of": "2027-01-01", "models": [{"id": "gpt-4o", "shutdown_on": "2027-12-31"}]}')
    config = tmp_path / "hookline.toml"
    config.write_text(
        f"[connections.openai]\nmodels_file = {json.dumps(str(file))}\n"
        '[plugins.lifecycle.replacements]\ngpt-4o = "our-model"\n'
    )
    result = told(run("gpt-4o", "--json", *TODAY, HOOKLINE_CONFIG=str(config)))
    assert result["as_of"] == "2027-01-01"
    assert (result["models"][0]["ends_on"], result["models"][0]["replacement"]) == ("2027-12-31", "our-model")


def test_a_file_of_models_that_is_not_right_is_exit_status_2(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text('{"models": [{"id": "gpt-4o", "ends": 1}]}')
    result = run("gpt-4o", HOOKLINE_OPENAI_MODELS_FILE=str(file))
    assert result.exit_code == 2
    assert "models[0].ends (gpt-4o)" in result.stderr


def test_today_is_today_unless_another_day_is_named(run: Run) -> None:
    result = told(run("gpt-4o", "--json"))
    assert abs((date.today() - date.fromisoformat(result["today"])).days) <= 1


def test_help_teaches(run: Run) -> None:
    text = run("--help").stdout
    for word in ("--used", "--within", "--check", "--today", "--json", "--all", "Examples:", "Exit status"):
        assert word in text


# ---------------------------------------------------------------- the report itself


@pytest.mark.parametrize(
    ("today", "status", "days_left"),
    [
        (date(2027, 1, 12), "deprecated", 2),
        (date(2027, 1, 13), "deprecated", 1),
        (date(2027, 1, 14), "retired", 0),
        (date(2027, 1, 15), "retired", -1),
    ],
)
def test_days_are_counted_to_the_first_day_without_the_model(
    today: date, status: str, days_left: int
) -> None:
    table = ModelTable([ModelInfo(id="m", kind="chat", shutdown_on=date(2027, 1, 14))], as_of=today)
    (row,) = make_report(table, ["m"], today=today, within_days=1, replacements={})
    assert (row.status, row.days_left) == (status, days_left)
    assert row.is_ending == (days_left <= 1)


def test_the_replacement_shown_is_one_that_is_served_that_day() -> None:
    (before,) = make_report(
        bundled(), ["gpt-3.5-turbo-0301"], today=date(2026, 1, 1), within_days=0, replacements={}
    )
    (after,) = make_report(
        bundled(), ["gpt-3.5-turbo-0301"], today=date(2026, 12, 1), within_days=0, replacements={}
    )
    assert (before.replacement, after.replacement) == ("gpt-3.5-turbo", "gpt-5.6-terra")
