"""``hookline mcp``: what is typed, what is refused, and that nothing but messages is printed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from click.testing import CliRunner, Result

from hookline import hookimpl
from hookline.cli.context import CommandContext
from hookline.gateway import load_plugins
from hookline_mcp.commands import mcp
from live_gateway import free_port
from mcp_lab import call, legacy, modern

if TYPE_CHECKING:
    from hookline.plugins import PluginHost
    from hookline.settings import Settings
    from live_gateway import Server


class Chatty:
    """Prints where it should not."""

    @hookimpl
    def hookline_process_response(self) -> None:
        print("something that is no message")


def chatty_host(settings: Settings) -> PluginHost:
    host = load_plugins(settings)
    host.register(Chatty(), name="chatty")
    return host


def run(*arguments: str, messages: list[Any], environ: dict[str, str] | None = None) -> Result:
    context = CommandContext(environ={"HOOKLINE_STATE_DIR": "none", **(environ or {})}, make_host=chatty_host)
    content = b"".join(orjson.dumps(message) + b"\n" for message in messages)
    return CliRunner().invoke(mcp, list(arguments), obj=context, input=content, catch_exceptions=False)


def answers(result: Result) -> dict[Any, Any]:
    assert result.exit_code == 0, result.output
    read = [orjson.loads(line) for line in result.stdout.splitlines()]
    return {one.get("id"): one for one in read}


def test_only_messages_are_printed_whatever_plugins_print() -> None:
    messages = [modern("tools/call", call("openai_chat")), modern("tools/list", id=2)]
    result = run("--sandbox", messages=messages)
    assert sorted(answers(result)) == [1, 2]
    assert "something that is no message" in result.stderr


def test_only_the_actions_that_were_named_are_offered() -> None:
    result = run(
        "--sandbox",
        "--actions",
        "openai.e*",
        "--actions",
        "openai.chat",
        messages=[modern("tools/list"), modern("tools/call", call("openai_moderate", {"input": "a"}), id=2)],
    )
    found = answers(result)
    names = [tool["name"] for tool in found[1]["result"]["tools"]]
    assert names == ["openai_chat", "openai_edit", "openai_embed"]
    assert found[2]["error"]["code"] == -32602


def test_a_pattern_that_matches_nothing_beside_others_is_told() -> None:
    result = run(
        "--sandbox", "--actions", "openai.chat", "--actions", "openai.embd", messages=[modern("tools/list")]
    )
    assert [tool["name"] for tool in answers(result)[1]["result"]["tools"]] == ["openai_chat"]
    assert result.stderr == "Note: no action matches openai.embd. Did you mean openai.embed?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--actions", "openai.nothing"], "No action matches openai.nothing."),
        (["--actions", "openai.chta"], "No action matches openai.chta. Did you mean openai.chat?"),
        (["--actions", "nope", "--actions", "no.*"], "No action matches nope, no.*."),
        (["--url", "https://x.example"], "There is no key for https://x.example"),
        (["--url", "https://x.example", "--sandbox"], "--url goes with neither"),
        (["--url", "https://x.example", "--actions", "a.b"], "--url goes with neither"),
        (["--url", "https://x.example", "--key-file", "/nowhere/at/all"], "cannot be read"),
        (["--url", "ftp://x.example", "--key-env", "KEY"], "is no address of a gateway"),
        (["--url", "http://u:p@x.example", "--key-env", "KEY"], "is no address of a gateway"),
        (["--url", "http://x.example:99999", "--key-env", "KEY"], "has no valid port"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_anything_is_answered(
    arguments: list[str], message: str
) -> None:
    result = run(*arguments, messages=[legacy("ping")], environ={"KEY": "k"})
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_gateway_that_is_not_there_is_an_error_for_each_request() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    messages = [modern("tools/list", id=7), {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    found = answers(run("--url", url, messages=messages, environ={"HOOKLINE_KEY": "k"}))
    assert list(found) == [7]
    assert found[7]["error"]["code"] == -32603
    assert "cannot be reached" in found[7]["error"]["message"]


def test_what_is_no_mcp_server_is_said_to_be_none(server: Server) -> None:
    messages = [modern("tools/list", id=7)]
    found = answers(
        run("--url", f"{server.url}/actions", messages=messages, environ={"HOOKLINE_KEY": server.key})
    )
    assert "is no MCP server: status 4" in found[7]["error"]["message"]


def test_a_key_over_an_open_network_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("k\n")
    result = run("--url", "http://gateway.invalid", "--key-file", str(tmp_path / "key.txt"), messages=[])
    assert "unencrypted" in result.stderr


@pytest.mark.parametrize("how", ["end of input", "Ctrl-C"])
def test_the_process_ends_by_itself(how: str) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
    with subprocess.Popen(
        [sys.executable, "-m", "hookline", "mcp", "--sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ | {"HOOKLINE_STATE_DIR": "none"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orjson.dumps(modern("server/discover")) + b"\n")
        process.stdin.flush()
        assert orjson.loads(process.stdout.readline())["id"] == 1
        if how == "Ctrl-C":
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, b"")
