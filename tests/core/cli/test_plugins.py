"""``hookline plugins``: what there is, how it fares, and switching it off."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import Field, SecretStr

from hookline import Connector, PluginOptions, RouteRegistry, hookimpl
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.routes import Reply, RouteRequest

if TYPE_CHECKING:
    from hookline.gateway import Gateway

Run = Callable[..., Result]


class Options(PluginOptions):
    """Options of the plugin of these tests."""

    depth: int = 3
    api_token: str = ""


class Visible:
    """Adds one of everything."""

    options = Options
    api_version = "1.0"

    def __init__(self, problem: str | None = None) -> None:
        self.connector = Connector("visible", title="Visible", base_url="http://visible.invalid")
        self._problem = problem

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        gateway.add_readiness_check("visible", lambda: self._problem)

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        routes.add("GET", "/visible", _show, scope="visible:read")
        routes.add("GET", "/visible/open", _show, public=True)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        group.add_command(click.Command("see"))


def _show(request: RouteRequest) -> Reply:
    return Reply()


def test_show_tells_all_that_a_plugin_is_and_does(run: Run, plugins: dict[str, Any]) -> None:
    plugins["visible"] = Visible
    environ = {"HOOKLINE_VISIBLE_DEPTH": "5", "HOOKLINE_VISIBLE_API_TOKEN": "a-token-that-must-not-show"}

    done = run("plugins", "show", "visible", "--json", environ=environ)

    assert done.exit_code == 0
    assert "must-not-show" not in done.stdout
    assert json.loads(done.stdout) == {
        "name": "visible",
        "distribution": "",
        "version": "",
        "module": "test_plugins",
        "status": "active",
        "health": "ok",
        "api_version": "1.0",
        "hooks": {
            "hookline_startup": ["visible", "auth"],
            "hookline_register_routes": ["visible", "auth"],
            "hookline_register_commands": ["visible", "auth"],
        },
        "settings": [
            {"key": "plugins.visible.depth", "value": 5, "source": "HOOKLINE_VISIBLE_DEPTH"},
            {
                "key": "plugins.visible.api_token",
                "value": "**********",
                "source": "HOOKLINE_VISIBLE_API_TOKEN",
            },
        ],
        "scopes": ["visible:read"],
        "routes": [
            {"method": "GET", "path": "/visible", "scope": "visible:read", "public": False},
            {"method": "GET", "path": "/visible/open", "scope": None, "public": True},
        ],
        "commands": ["see"],
        "actions": [],
        "sources": [],
        "exports": [],
        "deprecated": [],
        "problems": [],
        "needed_for": ["the actions of visible are gone"],
    } | {"module": json.loads(done.stdout)["module"]}


class Guarded(PluginOptions):
    """Has secrets of every kind."""

    pepper: SecretStr = Field(SecretStr(""), description="For hashes.")
    tokens: dict[str, str] = Field({}, description="One per tenant.")
    peers: list[dict[str, SecretStr]] = Field([], description="Whom to tell.")
    store: str = Field("", description="Where to keep it.")
    depth: int = Field(3, description="How deep.")


class Guard:
    """Has nothing but options."""

    options = Guarded

    @hookimpl
    def hookline_startup(self) -> None:
        """Do nothing."""


GUARDED = """\
[plugins.guard]
pepper = "CANARY-1"
tokens = { acme = "CANARY-2" }
peers = [{ one = "CANARY-3" }]
store = "redis://ada:CANARY-4@localhost/0?token=CANARY-5"
[plugins.guard.actions."acme.*"]
pepper = "CANARY-6"
depth = 4
[plugins.guard.keys.k1]
pepper = "CANARY-7"
tokens = { acme = "CANARY-8" }
[plugins.guard.keys.k1.actions."acme.greet"]
peers = [{ one = "CANARY-9" }]
"""


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_of_any_table_is_shown(
    run: Run, plugins: dict[str, Any], tmp_path: Path, form: list[str]
) -> None:
    plugins["guard"] = Guard
    file = tmp_path / "hookline.toml"
    file.write_text(GUARDED)

    done = run("plugins", "show", "guard", *form, environ={"HOOKLINE_CONFIG": str(file)})

    assert "CANARY" not in done.output
    assert done.stdout.count("**********") == 9, done.output
    if form:
        rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(done.stdout)["settings"]}
        assert rows["plugins.guard.tokens"] == ({"acme": "**********"}, f"{file}:3")
        assert rows["plugins.guard.store"][0] == "redis://**********@localhost/0?token=**********"
        assert rows['plugins.guard.actions."acme.*".depth'] == (4, f"{file}:8")
        assert rows["plugins.guard.keys.k1.pepper"] == ("**********", f"{file}:10")


def test_show_is_readable(run: Run, plugins: dict[str, Any]) -> None:
    plugins["visible"] = Visible
    lines = run("plugins", "show", "acme").stdout.splitlines()
    assert "actions:      acme.count, acme.greet" in lines
    assert "health:       ok" in lines
    lines = run("plugins", "show", "visible").stdout.splitlines()
    assert "  GET /visible  (visible:read)" in lines
    assert "  plugins.visible.depth = 3  # default" in lines


def test_a_plugin_that_fails_its_check_is_told_and_ends_with_status_1(
    run: Run, plugins: dict[str, Any]
) -> None:
    plugins["visible"] = lambda: Visible("its disk is full")

    done = run("plugins", "show", "visible")

    assert done.exit_code == 1
    assert "health:       failing" in done.stdout
    assert "its disk is full" in done.stdout


def test_a_name_that_is_not_there_is_told_with_the_one_that_was_meant(run: Run) -> None:
    for command in ("show", "check", "disable", "enable"):
        done = run("plugins", command, "acmee")
        assert done.exit_code == 2
        assert "There is no plugin 'acmee'. Did you mean 'acme'?" in done.stderr


def test_a_gateway_that_cannot_start_still_tells_of_its_plugins(run: Run, plugins: dict[str, Any]) -> None:
    class Refuses:
        @hookimpl
        def hookline_startup(self) -> None:
            raise RuntimeError("no disk")

    plugins["refuses"] = Refuses

    done = run("plugins", "show", "acme")

    assert done.exit_code == 0
    assert "no gateway can start" in done.stderr
    assert "actions:      acme.count, acme.greet" in done.stdout


def test_check_tells_what_is_going_to_go(run: Run, plugins: dict[str, Any]) -> None:
    class Old:
        @hookimpl(hookwrapper=True)
        def hookline_execute(self) -> Any:
            yield

    assert run("plugins", "check").stdout == "2 plugins, all sound.\n"
    plugins["old"] = Old

    done = run("plugins", "check")
    assert done.exit_code == 0
    assert "old: warning: hookimpl(hookwrapper=True) is deprecated since Hookline 0.1.0" in done.stdout
    assert run("plugins", "check", "--strict").exit_code == 1
    assert json.loads(run("plugins", "check", "--json").stdout)["ok"] is True


# ---------------------------------------------------------------- installed plugins, a real file


def installed(*arguments: str, **environ: str) -> Result:
    context = CommandContext(environ={"HOOKLINE_STATE_DIR": "none", **environ})
    cli = build_cli(load_commands=PluginCommands)
    return CliRunner().invoke(cli, ["plugins", *arguments], obj=context, catch_exceptions=False)


FILE = """\
# settings of Ada
[plugins] # all of them
required = ["auth"]   # never without
disabled = [
    "mcp", # not needed
]

[plugins.retry]
max_attempts = 3 # enough
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hookline.toml"
    path.write_text(FILE)
    path.chmod(0o640)
    return path


def test_disable_writes_one_name_and_keeps_all_else(file: Path) -> None:
    done = installed("disable", "metrics", "--config", str(file))

    assert done.exit_code == 0
    assert f"metrics is switched off in {file};" in done.stdout
    text = file.read_text()
    assert tomllib.loads(text)["plugins"]["disabled"] == ["mcp", "metrics"]
    for line in FILE.splitlines():
        assert line in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(file.parent) == [file.name]

    assert "already" in installed("disable", "metrics", HOOKLINE_CONFIG=str(file)).stdout
    assert installed("enable", "metrics", HOOKLINE_CONFIG=str(file)).exit_code == 0
    assert tomllib.loads(file.read_text())["plugins"]["disabled"] == ["mcp"]
    assert "# not needed" in file.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "[server]\nport = 1\n",
        "[plugins]\n",
        "plugins = {}\n",
        "plugins.disabled = []\n[server]\nport = 1\n",
        "[plugins.retry]\nmax_attempts = 3\n\n[server]\nport = 1\n",
        "[plugins]\n[plugins.retry]\nmax_attempts = 3\n",
        'api_keys = ["a-key-for-tests-only-0001"]\n\n[connections.openai]\nbase_url = "http://x.example"\n',
    ],
)
def test_every_shape_of_a_file_can_be_written_into(text: str, file: Path) -> None:
    file.write_text(text)
    before = tomllib.loads(text)

    assert installed("disable", "mcp", "--config", str(file)).exit_code == 0

    after = tomllib.loads(file.read_text())
    assert after["plugins"].pop("disabled") == ["mcp"]
    assert {**after, "plugins": after["plugins"]} == {**before, "plugins": before.get("plugins", {})} | (
        {"plugins": {}} if before.get("plugins") in ({}, {"disabled": []}) else {}
    )
    assert json.loads(installed("list", "--json", HOOKLINE_CONFIG=str(file)).stdout)["plugins"]


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"

    assert installed("disable", "mcp", "--config", str(path)).exit_code == 0

    assert tomllib.loads(path.read_text()) == {"plugins": {"disabled": ["mcp"]}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)

    assert installed("disable", "docs", "--config", str(link)).exit_code == 0

    assert link.is_symlink()
    assert "docs" in tomllib.loads(file.read_text())["plugins"]["disabled"]


def test_what_needs_a_plugin_is_told(file: Path) -> None:
    told = installed("disable", "auth", "--config", str(file)).stderr

    assert "without auth, nobody recognises callers: every call is answered with 401." in told
    assert "without auth, nobody allows anything: every call is denied with 403." in told
    assert "without auth, `plugins.required` names it: the gateway does not start." in told
    assert "the actions of openai are gone" in installed("disable", "openai", "--config", str(file)).stderr


def test_a_variable_that_wins_is_told(file: Path) -> None:
    told = installed("disable", "docs", "--config", str(file), HOOKLINE_DISABLED_PLUGINS="mcp").stderr

    assert "HOOKLINE_DISABLED_PLUGINS=mcp is set and wins over the file." in told


def test_without_a_file_it_is_told_what_to_set() -> None:
    done = installed("disable", "docs", HOOKLINE_DISABLED_PLUGINS="mcp")

    assert done.exit_code == 1
    assert "Set HOOKLINE_DISABLED_PLUGINS=mcp,docs, or name a file with --config." in done.stderr


@pytest.mark.parametrize("text", ["plugins = 3\n", "[plugins]\ndisabled = 'mcp'\n", "x = \n"])
def test_a_file_that_is_wrong_is_left_as_it_is(text: str, file: Path) -> None:
    file.write_text(text)

    assert installed("disable", "mcp", "--config", str(file)).exit_code == 2
    assert file.read_text() == text


def test_the_order_of_the_settings_is_shown() -> None:
    environ = {"HOOKLINE_PLUGIN_ORDER": "credentials,bulk"}
    shown = json.loads(installed("list", "--json", **environ).stdout)
    assert shown["order"] == ["credentials", "bulk"]
    assert shown["hooks"]["hookline_shape_request"][-1] == "openai"
    assert "plugins.order, all hooks: credentials, bulk" in installed("list", **environ).stdout
    done = installed("list", HOOKLINE_PLUGIN_ORDER="retri")
    assert (done.exit_code, "Did you mean 'retry'?" in done.stderr) == (2, True)
