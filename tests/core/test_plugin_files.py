"""Plugins that are one file each, used without being installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import load_installed
from hookline.errors import ConfigurationError
from hookline.gateway import load_plugins
from hookline.plugin_files import check_plugin_files, load_plugin_files
from hookline.plugins import PluginHost
from hookline.settings import load_settings

SHOUT = '''
from hookline import Call, Connector, Response, hookimpl

connector = Connector("shouting", title="Shouting")

@connector.action
def shout(call: Call) -> str:
    """Shout."""
    return "hello"

@hookimpl
def hookline_process_response(call: Call, response: Response) -> None:
    response.output["text"] = str(response.output["text"]).upper()
'''

Write = Callable[..., Path]
Run = Callable[..., Result]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """Write a file, and forget its module afterwards."""
    before = set(sys.modules)

    def write(name: str, text: str, folder: Path = tmp_path) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(dedent(text))
        return path

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("hookline_file_"):
            del sys.modules[name]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command line with the plugins that are installed."""

    def run(*arguments: str, **environ: str) -> Result:
        context = CommandContext(
            environ={"HOOKLINE_STATE_DIR": "none", "HOOKLINE_API_KEYS": "0123456789abcdef0", **environ}
        )
        return CliRunner().invoke(build_cli(), arguments, obj=context)

    return run


def loaded(*files: Path) -> PluginHost:
    host = PluginHost()
    host.load([], files=files)
    return host


# ---------------------------------------------------------------- a file is a plugin


def test_a_file_is_a_plugin_called_as_it_is(write: Write) -> None:
    path = write("my_shout.py", SHOUT)

    host = loaded(path)
    info = host.plugins["my_shout"]

    assert (info.status, info.distribution, info.hooks) == (
        "active",
        str(path),
        ["hookline_process_response"],
    )
    assert [(name, one.id) for name, one in host.connectors()] == [("my_shout", "shouting")]


def test_a_file_is_run_once_and_its_models_find_themselves(write: Write) -> None:
    path = write(
        "my_models.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from pydantic import BaseModel
        from hookline import Call, Connector
        connector = Connector("models", title="Models")

        class Name(BaseModel):
            name: str
            friend: Name | None = None

        @dataclass
        class Thing:
            name: Name

        @connector.action
        def greet(call: Call, input: Name) -> Name:
            return input
        """,
    )

    first, second = loaded(path), loaded(path)

    assert next(first.connectors())[1] is next(second.connectors())[1]


def test_the_same_file_twice_is_one_plugin(write: Write) -> None:
    path = write("my_shout.py", SHOUT)

    assert list(loaded(path, path.parent / "." / "my_shout.py").plugins) == ["my_shout"]


def test_a_file_can_be_switched_off_and_required_by_its_name(write: Write) -> None:
    environ = {
        "HOOKLINE_PLUGIN_FILES": str(write("my_shout.py", SHOUT)),
        "HOOKLINE_STATE_DIR": "none",
    }

    assert load_plugins(load_settings(environ)).plugins["my_shout"].status == "active"
    off = load_settings({**environ, "HOOKLINE_DISABLED_PLUGINS": "my_shout"})
    assert load_plugins(off).plugins["my_shout"].status == "disabled"
    assert load_plugins(load_settings({**environ, "HOOKLINE_REQUIRED_PLUGINS": "my_shout"}))


# ---------------------------------------------------------------- what is refused


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"The plugin file .*my_hook.py is not there"):
        loaded(tmp_path / "my_hook.py")
    with pytest.raises(ConfigurationError, match="is a folder"):
        loaded(tmp_path)


@pytest.mark.parametrize("name", ["my-hook.py", "My.py", "1.py", "my_hook.txt"])
def test_a_name_that_cannot_be_a_plugins_says_which_can(write: Write, name: str) -> None:
    with pytest.raises(ConfigurationError, match="must be called like `my_hook"):
        loaded(write(name, SHOUT))


def test_a_name_that_is_taken_says_by_whom(write: Write, tmp_path: Path) -> None:
    first = write("my_shout.py", SHOUT)
    second = write("my_shout.py", SHOUT, tmp_path / "other")
    installed = write("retry.py", SHOUT)
    host = PluginHost()
    host.load()

    with pytest.raises(ConfigurationError, match=rf"a plugin 'my_shout' already, from {first}"):
        loaded(first, second)
    with pytest.raises(ConfigurationError, match="a plugin 'retry' already, from hookline"):
        load_plugin_files(host, [installed])
    with pytest.raises(ConfigurationError, match="a plugin 'transport' already, from Hookline itself"):
        loaded(write("transport.py", SHOUT))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = (\n", "{}:1: '(' was never closed."),
        ("\n\nimport nothing_of_that_name\n", "{}:3: ModuleNotFoundError: No module named"),
        ("\nraise SystemExit\n", "{}:2: SystemExit."),
        ("def f():\n    g()\ndef g():\n    {}[1]\nf()\n", "{}:4: KeyError: 1."),
        (
            "from hookline import Connector\nc = Connector('x', title='X')\n"
            "@c.action\ndef greet(call, input):\n    pass\n",
            "{}:3: ConfigurationError: x.greet: annotate `input`",
        ),
    ],
)
def test_a_file_that_cannot_be_run_names_file_and_line(write: Write, text: str, told: str) -> None:
    path = write("my_hook.py", text)
    host = loaded(path)

    info = host.plugins["my_hook"]
    assert info.status == "broken"
    assert info.problem.startswith(told.replace("{}", str(path), 1))
    with pytest.raises(ConfigurationError, match=r"The plugin file .* is not used: "):
        check_plugin_files(host, [path])


def test_a_file_without_any_hook_is_refused(write: Write) -> None:
    host = loaded(write("my_hook.py", "x = 1\n"))

    assert host.plugins["my_hook"].status == "refused"
    assert "implements no hook" in host.plugins["my_hook"].problem


# ---------------------------------------------------------------- the command line


def test_an_action_of_a_file_is_called_listed_and_exported(run: Run, write: Write) -> None:
    path = str(write("my_shout.py", SHOUT))

    called = run("call", "shouting.shout", "--plugin", path, "--json")
    assert json.loads(called.output)["text"] == "HELLO"
    assert "shouting.shout" in run("actions", "list", "--plugin", path).output
    assert "Shout." in run("--plugin", path, "actions", "show", "shouting.shout").output
    exported = run("export", "openapi", "--actions", "shouting.*", "--plugin", path)
    assert "/actions/shouting.shout" in exported.output, exported.output
    assert "shouting.shout" in run("actions", "list", HOOKLINE_PLUGIN_FILES=path).output


def test_plugins_list_shows_the_file_also_when_it_is_broken(run: Run, write: Write) -> None:
    sound, broken = write("my_shout.py", SHOUT), write("my_hook.py", "x = (\n")

    told = json.loads(
        run("plugins", "list", "--json", "--plugin", str(sound), "--plugin", str(broken)).output
    )
    found = {one["name"]: one for one in told["plugins"]}

    assert (found["my_shout"]["status"], found["my_shout"]["distribution"]) == ("active", str(sound))
    assert (found["my_hook"]["status"], found["my_hook"]["problem"]) == (
        "broken",
        f"{broken}:1: '(' was never closed.",
    )
    assert told["hooks"]["hookline_process_response"][0] == "my_shout"  # files run before what is installed


def test_a_command_says_what_is_wrong_with_a_file_and_ends(run: Run, write: Write, tmp_path: Path) -> None:
    broken = run("call", "openai.chat", "--plugin", str(write("my_hook.py", "x = (\n")))
    missing = run("serve", "--plugin", str(tmp_path / "nowhere.py"))
    comma = run("serve", "--plugin", "a,b.py")

    assert (broken.exit_code, missing.exit_code, comma.exit_code) == (2, 2, 2)
    assert "my_hook.py:1: '(' was never closed." in broken.stderr
    assert "nowhere.py is not there" in missing.stderr
    assert "has a comma in its path" in comma.stderr


def test_a_file_adds_commands(write: Write, tmp_path: Path) -> None:
    path = write(
        "my_command.py",
        """
        import click
        from hookline import hookimpl

        @hookimpl
        def hookline_register_commands(group):
            group.add_command(click.Command("wave", callback=lambda: click.echo("o/")))
        """,
    )
    config = write("hookline.toml", f"[plugins]\nfiles = ['{path}']\n")

    assert "wave" in load_installed({"HOOKLINE_PLUGIN_FILES": str(path)}).commands
    assert "wave" in load_installed({"HOOKLINE_CONFIG": str(config)}).commands
    assert "wave" not in load_installed({"HOOKLINE_PLUGIN_FILES": str(tmp_path / "nowhere.py")}).commands


# ---------------------------------------------------------------- what whoever writes one is told

FAILING = """
    from hookline import Call, Connector

    connector = Connector("shouting", title="Shouting")

    def halve(number: int) -> float:
        return number / 0

    @connector.action
    def shout(call: Call) -> str:
        \"\"\"Shout.\"\"\"
        return str(halve(2))
"""


@pytest.mark.parametrize("options", [(), ("--json",), ("--stream",)])
def test_a_call_in_a_shell_tells_where_the_code_of_a_plugin_failed(
    run: Run, write: Write, options: tuple[str, ...]
) -> None:
    text = FAILING
    if "--stream" in options:
        text = text.replace("-> str:", "-> Iterator[str]:").replace("return str(", "yield str(")
        text = "    from collections.abc import Iterator" + text
    path = write("failing.py", text)
    line = 1 + path.read_text().splitlines().index("    return number / 0")
    result = run("call", "shouting.shout", "--plugin", str(path), *options)
    assert result.exit_code == 1, result.output
    place = f"{path}:{line}, in halve"
    if "--json" in options:
        assert json.loads(result.stdout)["place"] == place
    else:
        assert f"  place     {place}\n" in result.stderr
