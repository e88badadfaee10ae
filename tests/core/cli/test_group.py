from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hookline import __version__, hookimpl
from hookline.cli import plugin_commands
from hookline.cli.group import BUILT_IN, build_cli
from hookline.cli.later import LaterCommand
from hookline.cli.plugin_commands import PluginCommands, collect_commands, switched_off
from hookline.errors import ConfigurationError, HooklineError
from hookline.plugins import PluginHost

_HEAVY = (
    "flask",
    "granian",
    "httpx",
    "jsonschema",
    "jsonschema_rs",
    "orjson",
    "pydantic",
    "rich",
    "werkzeug",
)


class Waving:
    """A plugin with one command."""

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        @group.command("wave", help="Wave a hand.")
        def wave() -> None:
            click.echo("o/")


class Failing:
    """A plugin that cannot add its command."""

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        raise RuntimeError("no hand")


class Grabbing:
    """A plugin that wants a name of ours, and one of another plugin."""

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        group.add_command(click.Command("serve"))
        group.add_command(click.Command("wave"))


def _host(**plugins: object) -> PluginHost:
    host = PluginHost()
    for name, plugin in plugins.items():
        host.register(plugin, name=name)
    return host


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from hookline.cli import build_cli\n"
        "result = CliRunner().invoke(build_cli(), ['--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        f"print([name for name in {_HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_help_imports_no_command_that_it_lists() -> None:
    script = (
        "import gc, sys\n"
        "from hookline.cli import main\n"
        "sys.argv = ['hookline', '--help']\n"
        "sys.stdout = open(1, 'w', closefd=False)\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"own = {{f'hookline.cli.{{name}}' for name in {list(BUILT_IN)!r}}} | {{'hookline.connector'}}\n"
        "print('\\0', sorted(m for m in sys.modules if m in own or m.endswith(('.commands', '.command'))))\n"
        "print(gc.get_threshold()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    helped, _, told = done.stdout.partition("\0")
    assert "usage  " in helped
    assert told.split() == ["[]", "50000"]  # garbage is looked for less often, too


def test_every_command_is_where_its_list_says() -> None:
    """The ones of plugins are told by the plugins that are installed with Hookline."""
    group = build_cli()
    context = click.Context(group)
    listed = CliRunner().invoke(group, ["--help"]).output
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        assert found.name == name
        assert not isinstance(found, LaterCommand)
        assert re.search(rf"(?m)^  {name} +[A-Z]", listed), name


def test_a_group_that_is_imported_later_runs_its_commands() -> None:
    group = click.Group(
        commands=[LaterCommand("schemas", "hookline.cli.schemas:command", short_help="Some.")]
    )
    listed = CliRunner().invoke(group, ["--help"])
    assert "schemas  Some." in listed.output
    asked = CliRunner().invoke(group, ["schemas", "check", "--help"])
    assert (asked.exit_code, asked.output.split("\n")[0]) == (
        0,
        "Usage: root schemas check [OPTIONS]",
    )


def test_help_shows_examples_exit_status_and_commands_of_plugins() -> None:
    result = CliRunner().invoke(build_cli(lambda: collect_commands(_host(waving=Waving()))), ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in BUILT_IN)
    assert "hookline call openai.chat" in result.output
    assert "Exit status: 0 done" in result.output
    assert "wave" in result.output


def test_a_command_of_a_plugin_runs() -> None:
    result = CliRunner().invoke(build_cli(lambda: collect_commands(_host(waving=Waving()))), ["wave"])
    assert (result.exit_code, result.output) == (0, "o/\n")


def test_a_plugin_that_fails_is_named_and_the_others_go_on() -> None:
    found = collect_commands(_host(waving=Waving(), failing=Failing()))
    assert list(found.commands) == ["wave"]
    assert found.problems == ["the plugin 'failing' could not add its commands: RuntimeError: no hand"]


def test_a_name_that_is_taken_is_left_out_and_both_owners_are_named() -> None:
    host = _host(grabbing=Grabbing(), waving=Waving())  # the last one registered runs first
    found = collect_commands(host)
    assert list(found.commands) == ["wave"]
    assert found.problems == [
        "the plugin 'grabbing' adds a command 'serve', which is 'hookline''s already; it is left out.",
        "the plugin 'grabbing' adds a command 'wave', which is 'waving''s already; it is left out.",
    ]


def test_a_broken_plugin_is_a_warning_and_the_command_line_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="gone", value="hookline_no_such_module", group="hookline")
    monkeypatch.setattr(plugin_commands, "entry_points", lambda group: [point])
    result = CliRunner().invoke(build_cli(), ["--help"])
    assert result.exit_code == 0
    assert "Warning: the plugin 'gone' is not used: Its import failed" in result.stderr


def test_a_plugin_that_is_switched_off_adds_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="gone", value="hookline_no_such_module", group="hookline")
    monkeypatch.setattr(plugin_commands, "entry_points", lambda group: [point])
    result = CliRunner().invoke(build_cli(), ["--help"], env={"HOOKLINE_DISABLED_PLUGINS": "gone"})
    assert (result.exit_code, result.stderr) == (0, "")


def test_names_that_are_switched_off_are_read_from_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "hookline.toml"
    path.write_text('[plugins]\ndisabled = ["a", "b"]\n')
    assert switched_off({"HOOKLINE_CONFIG": str(path)}) == {"a", "b"}
    assert switched_off({"HOOKLINE_CONFIG": str(path), "HOOKLINE_DISABLED_PLUGINS": "c"}) == {"c"}
    path.write_text("[plugins\n")
    assert switched_off({"HOOKLINE_CONFIG": str(path)}) == frozenset()
    assert switched_off({"HOOKLINE_CONFIG": str(path) + ".gone"}) == frozenset()


def test_a_built_in_command_loads_no_plugin() -> None:
    def load() -> PluginCommands:
        raise AssertionError("plugins were loaded")

    assert CliRunner().invoke(build_cli(load), ["version"]).exit_code == 0


def test_an_unknown_command_is_a_usage_error_with_a_suggestion() -> None:
    result = CliRunner().invoke(build_cli(PluginCommands), ["serv"])
    assert result.exit_code == 2
    assert "There is no command 'serv'. Did you mean 'serve'?" in result.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigurationError("No such setting.", hint="Correct it."), 2),
        (HooklineError("It failed.", hint="Correct it."), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_messages_and_exit_statuses(error: BaseException, status: int) -> None:
    @click.command("fail")
    def fail() -> None:
        raise error

    result = CliRunner().invoke(build_cli(lambda: PluginCommands(commands={"fail": fail})), ["fail"])
    assert result.exit_code == status
    if isinstance(error, HooklineError):
        assert result.stderr == f"Error: {error.message}\n  Correct it.\n"


def test_a_wrong_setting_is_told_without_a_traceback_and_ends_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hookline", "actions", "list"],
        env={"HOOKLINE_PORT": "many"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: HOOKLINE_PORT: `server.port`")
    assert "Traceback" not in done.stderr


def test_version_is_told_in_both_ways() -> None:
    assert CliRunner().invoke(build_cli(PluginCommands), ["--version"]).output == f"hookline {__version__}\n"
    assert (
        CliRunner()
        .invoke(build_cli(PluginCommands), ["version"])
        .output.startswith(f"hookline {__version__}\n")
    )


def test_version_as_json_names_the_packages_that_matter() -> None:
    told = json.loads(CliRunner().invoke(build_cli(PluginCommands), ["version", "--json"]).output)
    assert told["hookline"] == __version__
    assert {"granian", "pluggy", "pydantic"} <= told["packages"].keys()
