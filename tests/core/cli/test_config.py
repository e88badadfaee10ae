"""``hookline config``: what holds and why, what is wrong, what can be set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands

SECRET = "a-credential-that-must-not-show"
FILE = f"""\
api_keys = ["a-key-for-tests-only-0001"]

[server]
port = 9000

[plugins.retry]
max_attempts = 7

[plugins.retry.actions."openai.embed"]
max_attempts = 2

[connections.openai]
api_key = "{SECRET}"
stream_usage = false
"""


def run(*arguments: str, **environ: str) -> Result:
    context = CommandContext(environ={"HOOKLINE_STATE_DIR": "none", **environ})
    cli = build_cli(load_commands=PluginCommands)
    return CliRunner().invoke(cli, ["config", *arguments], obj=context, catch_exceptions=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hookline.toml"
    path.write_text(FILE)
    return path


def test_show_tells_each_value_and_where_it_comes_from(file: Path) -> None:
    shown = run("show", str(file), "--json", HOOKLINE_HOST="0.0.0.0", HOOKLINE_RETRY_FIRST_WAIT_S="3")
    found = {row["key"]: (row["value"], row["source"]) for row in json.loads(shown.stdout)}

    assert found["server.port"] == (9000, f"{file}:4")
    assert found["server.host"] == ("0.0.0.0", "HOOKLINE_HOST")
    assert found["server.workers"] == (1, "default")
    assert found["plugins.retry.max_attempts"] == (7, f"{file}:7")
    assert found["plugins.retry.first_wait_s"] == (3.0, "HOOKLINE_RETRY_FIRST_WAIT_S")
    assert found['plugins.retry.actions."openai.embed".max_attempts'] == (2, f"{file}:10")
    assert found["connections.openai.stream_usage"] == (False, f"{file}:14")
    assert found["connections.openai.base_url"] == ("https://api.openai.com/v1", "default")
    assert found["connections.openai.native_edits"] == (False, "default")


def test_no_secret_is_shown(file: Path) -> None:
    url = "postgresql://ada:a-password@localhost/x"
    for form in ([], ["--json"]):
        shown = run("show", str(file), *form, HOOKLINE_DATABASE_URL=url, HOOKLINE_VAULT_TOKEN=SECRET).stdout
        assert SECRET not in shown
        assert "a-password" not in shown
        assert "a-key-for-tests" not in shown
        assert "**********" in shown


def test_a_credential_of_the_environment_names_its_variable(file: Path) -> None:
    shown = run("show", str(file), "--json", HOOKLINE_OPENAI_API_KEY=SECRET)
    found = {row["key"]: (row["value"], row["source"]) for row in json.loads(shown.stdout)}

    assert found["connections.openai.api_key"] == ("**********", "HOOKLINE_OPENAI_API_KEY")


def test_only_what_is_set_can_be_shown(file: Path) -> None:
    found = json.loads(run("show", str(file), "--set", "--json").stdout)

    assert {row["key"] for row in found} == {
        "api_keys",
        "server.port",
        "state_dir",
        "plugins.retry.max_attempts",
        'plugins.retry.actions."openai.embed".max_attempts',
        "connections.openai.api_key",
        "connections.openai.stream_usage",
    }


def test_a_sound_file_ends_with_status_0(file: Path) -> None:
    done = run("check", str(file))

    assert (done.exit_code, done.stdout) == (0, f"{file}: all is well.\n")
    assert json.loads(run("check", str(file), "--json").stdout) == {
        "ok": True,
        "file": str(file),
        "problems": [],
    }


def test_problems_are_printed_as_compilers_do_and_end_with_status_1(file: Path) -> None:
    file.write_text(FILE + "\n[server]\n")
    done = run("check", str(file))
    assert (done.exit_code, done.stdout.startswith(f"{file}:16: this is not TOML: ")) == (1, True)

    file.write_text("x = 1\n[server]\nport = 'y'\n")
    done = run("check", str(file), "--json")
    report: Any = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [(one["line"], one["key"], one["severity"]) for one in report["problems"]] == [
        (1, "x", "error"),
        (3, "server.port", "error"),
    ]


def test_a_warning_fails_only_a_strict_check() -> None:
    assert run("check", HOOKLINE_PROT="1").exit_code == 0
    assert run("check", "--strict", HOOKLINE_PROT="1").exit_code == 1


def test_a_gateway_can_be_started_to_see_more(tmp_path: Path, file: Path) -> None:
    file.write_text("[plugins.retry.keys.nobody]\nmax_attempts = 1\n")

    assert run("check", str(file)).exit_code == 0
    done = run("check", str(file), "--start", HOOKLINE_API_KEYS="a-key-for-tests-only-0001")
    assert done.exit_code == 1
    assert "the gateway does not start: " in done.stdout
    assert "plugins.retry.keys: no key has one of the ids there" in done.stdout


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert run("check", str(tmp_path / "none.toml")).exit_code == 2


def test_the_schema_is_printed_as_json() -> None:
    Draft202012Validator.check_schema(json.loads(run("schema").stdout))
