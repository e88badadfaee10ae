"""``hookline connections``: secrets from a prompt, a file or stdin, never from arguments, and never shown."""

from __future__ import annotations

import base64
import getpass
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import pytest
from click.testing import CliRunner, Result

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.plugins import PluginHost
from hookline_auth import AuthPlugin
from hookline_connections import ConnectionsPlugin, secret_input
from hookline_connections.commands import connections
from hookline_connections.keys import KEY_FILE, KEY_VARIABLE
from hookline_connections.sealing import seal
from hookline_credentials import CredentialsPlugin
from small_service import Acme, Upstream, make_connector, whole

if TYPE_CHECKING:
    from hookline.engine.transport import Transport

SECRET = "sk-canary-cli-1"
Run = Callable[..., Result]


@pytest.fixture
def upstream() -> Upstream:
    return Upstream(lambda request: whole({"ok": True}))


@pytest.fixture
def run(tmp_path: Path, upstream: Upstream) -> Run:
    """Run the command line in this process, with a state folder of its own."""

    def run(*arguments: str, stdin: str | None = None, environ: Mapping[str, str] | None = None) -> Result:
        def make_host(_: object) -> PluginHost:
            host = PluginHost()
            connector = make_connector()
            connector.endpoint(
                "probe", "GET", "/probe", input={"type": "object"}, output={"type": "object"}, read_only=True
            )
            connector.test = "probe"
            host.register(AuthPlugin(), name="auth")
            host.register(Acme(connector), name="acme")
            host.register(CredentialsPlugin(), name="credentials")
            host.register(ConnectionsPlugin(), name="connections")
            return host

        context = CommandContext(
            environ={"HOOKLINE_STATE_DIR": str(tmp_path), **(environ or {})},
            make_host=make_host,
            transport=cast("Transport", upstream),
        )
        cli = build_cli(load_commands=lambda: PluginCommands(commands={"connections": connections}))
        arguments = ("connections", *arguments)
        return CliRunner().invoke(cli, arguments, obj=context, input=stdin, catch_exceptions=False)

    return run


def shown(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def add(run: Run, name: str = "main", *more: str, secret: str = SECRET) -> Any:
    return shown(
        run("add", name, "--connector", "acme", "--credential-stdin", "--json", *more, stdin=secret + "\n")
    )


# ---------------------------------------------------------------- one after another


def test_a_connection_is_added_shown_tried_renewed_switched_and_removed(run: Run, upstream: Upstream) -> None:
    made = add(run, "main", "--weight", "3", "--priority", "2", "--model", "m*", "--model", "n")
    assert (made["weight"], made["priority"], made["models"]) == (3, 2, ["m*", "n"])
    assert shown(run("show", "main", "--json")) == made
    assert shown(run("list", "--json")) == {"connections": [made], "count": 1}
    for text in (run("list").stdout, run("show", "main").stdout):
        assert "main" in text
        assert made["credential"]["fingerprint"] in text

    tried = run("test", "main")
    assert (tried.exit_code, tried.stdout) == (
        0,
        f"Acme · main (api.acme.example) works ({_ms(tried)} ms).\n",
    )
    assert upstream.sent[-1].headers["authorization"] == f"Bearer {SECRET}"

    renewed = shown(run("rotate", "main", "--credential-stdin", "--json", stdin="sk-canary-cli-2"))
    assert renewed["credential"]["fingerprint"] != made["credential"]["fingerprint"]
    run("test", "main")
    assert upstream.sent[-1].headers["authorization"] == "Bearer sk-canary-cli-2"

    assert run("disable", "main").exit_code == 0
    assert shown(run("show", "main", "--json"))["enabled"] is False
    assert run("enable", "main").exit_code == 0
    assert shown(run("show", "main", "--json"))["enabled"] is True
    assert run("remove", "main", stdin="n\n").exit_code == 130
    assert run("remove", "main", stdin="y\n").exit_code == 0
    assert shown(run("list", "--json")) == {"connections": [], "count": 0}
    assert "hookline connections add" in run("list").stdout


def _ms(result: Result) -> str:
    found = re.search(r"\((\d+) ms\)", result.stdout)
    assert found is not None
    return found[1]


def test_the_operator_may_name_any_address_and_more_origins(run: Run) -> None:
    made = add(
        run, "local", "--base-url", "http://127.0.0.1:8000/v1", "--allow-origin", "https://other.example"
    )

    assert made["base_url"] == "http://127.0.0.1:8000/v1"
    assert made["allowed_origins"] == ["http://127.0.0.1:8000", "https://other.example:443"]


def test_another_address_takes_another_credential(run: Run) -> None:
    add(run)

    moved = shown(
        run(
            "rotate",
            "main",
            "--base-url",
            "https://new.example",
            "--credential-stdin",
            "--json",
            stdin="x" * 9,
        )
    )
    assert moved["allowed_origins"] == ["https://new.example:443"]


def test_connections_of_a_tenant_are_apart(run: Run) -> None:
    add(run)
    add(run, "main", "--tenant", "ada", secret="sk-of-ada")

    assert [one["tenant"] for one in shown(run("list", "--json"))["connections"]] == [None, "ada"]
    assert shown(run("list", "--tenant", "ada", "--json"))["count"] == 1
    assert run("remove", "main", "--tenant", "bob", "--yes").exit_code == 2
    assert run("remove", "main", "--tenant", "ada", "--yes").exit_code == 0
    assert shown(run("list", "--json"))["count"] == 1


def test_what_needs_no_credential_is_stored_without_one(run: Run, upstream: Upstream) -> None:
    made = shown(run("add", "local", "--connector", "acme", "--no-credential", "--json"))

    assert made["credential"] == {"kind": "none"}
    assert run("test", "local").exit_code == 0
    assert "authorization" not in upstream.sent[-1].headers


def test_a_reference_is_kept_in_place_of_a_credential(run: Run) -> None:
    made = shown(
        run("add", "ref", "--connector", "acme", "--credential-ref", "file:/run/secrets/acme", "--json")
    )

    assert made["credential"]["kind"] == "reference"
    assert made["credential"]["reference"] == "file:/run/secrets/acme"
    failed = run("test", "ref")
    assert failed.exit_code == 1
    assert "missing_credential" in failed.stderr


def test_a_failed_test_says_why_and_exits_with_1(run: Run, upstream: Upstream) -> None:
    add(run)
    upstream.answer = lambda request: whole({}, status=401)

    failed = run("test", "main")
    assert failed.exit_code == 1
    assert "Acme · main (api.acme.example) does not work" in failed.stdout
    assert "upstream_credential_rejected" in failed.stderr
    as_json = run("test", "main", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["ok"] is False


def test_every_change_stands_in_the_audit_log_under_the_user_s_name(run: Run, tmp_path: Path) -> None:
    import sqlite3

    add(run)
    run("disable", "main")
    run("remove", "main", "--yes")

    with sqlite3.connect(tmp_path / "hookline.sqlite3") as database:
        rows = database.execute("SELECT actor, action, target FROM audit_events ORDER BY seq").fetchall()
    database.close()
    actor = f"cli:{getpass.getuser()}"
    assert rows == [(actor, f"connection.{verb}", "main") for verb in ("add", "disable", "remove")]


def test_a_test_of_one_that_is_switched_off_says_so(run: Run) -> None:
    add(run)
    run("disable", "main")

    shown_ = run("test", "main")

    assert shown_.exit_code == 0
    assert "works" in shown_.stdout
    assert "It is switched off: no call uses it until `hookline connections enable main`." in shown_.stdout
    assert shown(run("test", "main", "--json"))["enabled"] is False


def test_on_the_command_line_a_failed_test_says_what_callers_must_not_read(run: Run, tmp_path: Path) -> None:
    environ = {KEY_VARIABLE: base64.b64encode(b"a" * 32).decode()}
    add_ = ("add", "main", "--connector", "acme", "--credential-stdin")
    assert run(*add_, stdin=SECRET, environ=environ).exit_code == 0

    failed = run("test", "main", environ={KEY_VARIABLE: base64.b64encode(b"b" * 32).decode()})

    assert failed.exit_code == 1
    assert re.search(r"log +the credential of the connection 'main' cannot be opened: it was sealed with the",
                     failed.stderr)  # fmt: skip
    assert failed.stderr.count("  log  ") == 1


# ---------------------------------------------------------------- wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nope"), "There is no connection 'nope'."),
        (("rotate", "nope", "--credential-stdin"), "There is no connection 'nope'."),
        (("add", "Main", "--connector", "acme", "--credential-stdin"), "begins with a lower-case letter"),
        (("add", "main", "--connector", "nope", "--credential-stdin"), "There is no connector 'nope'"),
        (("add", "main", "--connector", "acme"), "There is no terminal to ask for the credential."),
        (
            ("add", "main", "--connector", "acme", "--credential-stdin", "--no-credential"),
            "Say once where the credential is from.",
        ),
        (
            ("add", "main", "--connector", "acme", "--credential-ref", "no reference"),
            "This is no reference to a credential",
        ),
        (
            ("add", "main", "--connector", "acme", "--no-credential", "--base-url", "http://u:p@host"),
            "base_url: a base URL is scheme, host and path only",
        ),
        (("add", "main", "--connector", "acme", "--no-credential", "--option", "x"), "--option is KEY=VALUE"),
        (("add", "main", "--connector", "acme", "--no-credential", "--option", "x=1"), "has no option 'x'"),
        (("add", "main", "--connector", "acme", "--no-credential", "--weight", "-1"), "`weight` is a number"),
    ],
)  # fmt: skip
def test_wrong_usage_says_what_to_do_and_exits_with_2(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments, stdin="sk-1\n")

    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "There is no credential in"),
        (b" \n", "There is no credential in"),
        (b"a b", "holds a space"),
        (b"sk-1\nsk-2", "holds a space, a line break"),
        (b"\xff\xfe", "is no text"),
        (b"x" * 70_000, "longer than 65,536 bytes"),
    ],
)
def test_a_file_that_holds_no_credential_is_refused(
    run: Run, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "key.txt"
    file.write_bytes(content)
    file.chmod(0o600)

    result = run("add", "main", "--connector", "acme", "--credential-file", str(file))
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_file_that_others_can_read_is_warned_of(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(SECRET)
    file.chmod(0o644)

    result = run("add", "main", "--connector", "acme", "--credential-file", str(file), "--json")
    assert f"chmod 600 {file}" in result.stderr
    assert json.loads(result.stdout)["name"] == "main"


# ---------------------------------------------------------------- keys


def test_a_new_key_seals_everything_anew_and_the_old_one_can_be_forgotten(
    run: Run, upstream: Upstream, tmp_path: Path
) -> None:
    add(run)
    add(run, "own", "--tenant", "ada", secret="sk-of-ada")

    done = shown(run("rotate-key", "--json"))
    assert (done["is_new"], done["resealed"], done["problems"]) == (True, 2, [])
    assert len(json.loads((tmp_path / KEY_FILE).read_text())["keys"]) == 2
    assert run("test", "main").exit_code == 0
    assert upstream.sent[-1].headers["authorization"] == f"Bearer {SECRET}"

    forgotten = shown(run("rotate-key", "--forget-old", "--json"))
    assert len(forgotten["forgotten"]) == 2
    assert len(json.loads((tmp_path / KEY_FILE).read_text())["keys"]) == 1
    assert run("test", "own", "--tenant", "ada").exit_code == 0
    assert upstream.sent[-1].headers["authorization"] == "Bearer sk-of-ada"


def test_a_rotation_that_was_broken_off_goes_on_with_the_same_key(
    run: Run, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        add(run, f"n{number}", secret=f"sk-{number}")
    sealed = []

    def fail_at_third(*args: Any) -> bytes:
        sealed.append(1)
        if len(sealed) == 3:
            raise KeyboardInterrupt
        return seal(*args)

    monkeypatch.setattr("hookline_connections.desk.seal", fail_at_third)
    assert run("rotate-key").exit_code == 130
    monkeypatch.undo()

    done = shown(run("rotate-key", "--json"))
    assert (done["is_new"], done["resealed"]) == (False, 2)
    for number in range(4):
        assert run("test", f"n{number}").exit_code == 0
        assert upstream.sent[-1].headers["authorization"] == f"Bearer sk-{number}"


def test_keys_of_the_environment_are_changed_there_and_seal_anew(run: Run, upstream: Upstream) -> None:
    first, second = (base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))
    old, both, new = ({KEY_VARIABLE: text} for text in (first, f"{second},{first}", second))
    add_ = ("add", "main", "--connector", "acme", "--credential-stdin")
    assert run(*add_, stdin=SECRET, environ=old).exit_code == 0

    assert shown(run("rotate-key", "--json", environ=both))["resealed"] == 1
    assert run("test", "main", environ=new).exit_code == 0
    assert upstream.sent[-1].headers["authorization"] == f"Bearer {SECRET}"


def test_a_missing_key_is_told_by_name_and_other_connections_work(
    run: Run, upstream: Upstream, tmp_path: Path
) -> None:
    add(run, "lost")
    (tmp_path / KEY_FILE).rename(tmp_path / "elsewhere")
    other = {KEY_VARIABLE: base64.b64encode(b"b" * 32).decode()}
    add_ = ("add", "found", "--connector", "acme", "--credential-stdin")
    assert run(*add_, stdin="sk-found", environ=other).exit_code == 0

    credentials = shown(run("list", "--json", environ=other))["connections"]
    listed = {one["name"]: one["credential"] for one in credentials}
    assert re.search(r"cannot be opened: it was sealed with the key [0-9a-f]{16}, which is not in",
                     listed["lost"]["problem"])  # fmt: skip
    assert "problem" not in listed["found"]
    assert run("test", "found", environ=other).exit_code == 0
    failed = run("test", "lost", environ=other)
    assert failed.exit_code == 1
    assert "The credential of the connection 'lost' cannot be opened." in failed.stderr
    assert str(tmp_path) not in failed.stderr
    rotated = run("rotate-key", environ=other)
    assert rotated.exit_code == 1
    assert "lost: it was sealed with the key" in rotated.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "second", "--connector", "acme", "--credential-stdin"),
        ("rotate", "first", "--credential-stdin"),
        ("rotate-key",),
    ],
    ids=["add", "rotate", "rotate-key"],
)
def test_no_new_key_is_made_beside_credentials_of_one_that_is_missing(
    run: Run, upstream: Upstream, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Putting the old file back would lose what a new one sealed meanwhile."""
    add(run, "first")
    (tmp_path / KEY_FILE).rename(tmp_path / "elsewhere")

    refused = run(*arguments, stdin="sk-2")

    assert refused.exit_code == 2
    for part in (f"{tmp_path / KEY_FILE} is missing", "Put a copy of the file back", KEY_VARIABLE, "remove"):
        assert part in refused.stderr
    assert not (tmp_path / KEY_FILE).exists()
    (tmp_path / "elsewhere").rename(tmp_path / KEY_FILE)
    assert shown(run("list", "--json"))["count"] == 1
    assert run("test", "first").exit_code == 0
    assert upstream.sent[-1].headers["authorization"] == f"Bearer {SECRET}"


def test_when_what_cannot_be_opened_is_removed_a_new_key_is_made(run: Run, tmp_path: Path) -> None:
    add(run, "first")
    (tmp_path / KEY_FILE).unlink()
    assert run("add", "open", "--connector", "acme", "--no-credential").exit_code == 0
    assert run("remove", "first", "--yes").exit_code == 0

    add(run, "second")
    assert (tmp_path / KEY_FILE).exists()


def test_a_key_file_that_others_can_read_stops_the_command_with_the_chmod_to_run(
    run: Run, tmp_path: Path
) -> None:
    add(run)
    (tmp_path / KEY_FILE).chmod(0o644)

    result = run("rotate", "main", "--credential-stdin", stdin="sk-2")
    assert result.exit_code == 2
    assert f"chmod 600 {tmp_path / KEY_FILE}" in result.stderr


# ---------------------------------------------------------------- S36


def test_no_option_takes_a_credential() -> None:
    """S36: every option whose name speaks of a secret is a flag, a file or a reference."""
    allowed = {"credential_file", "credential_stdin", "credential_ref", "no_credential"}
    for name, command in connections.commands.items():
        for parameter in command.params:
            text = f"{parameter.name} {' '.join(parameter.opts)}".lower()
            if re.search(r"secret|credential|password|token|api.?key", text):
                assert parameter.name in allowed, (name, parameter.name)
        with click.Context(command, info_name=name) as context:
            shown_help = command.get_help(context)
        assert not re.search(r"--(api-)?key\b|--secret|--token|--password|--credential[ =]", shown_help)
    flags = {
        parameter.name: getattr(parameter, "is_flag", False)
        for parameter in connections.commands["add"].params
    }
    assert flags["credential_stdin"]
    assert flags["no_credential"]


@pytest.mark.parametrize("option", ["--credential", "--secret", "--api-key", "--token", "--key"])
def test_a_credential_in_an_argument_is_wrong_usage_and_is_not_repeated(run: Run, option: str) -> None:
    """S36."""
    result = run("add", "main", "--connector", "acme", f"{option}={SECRET}")

    assert result.exit_code == 2
    assert SECRET not in result.output
    assert shown(run("list", "--json"))["count"] == 0


def test_nothing_that_is_printed_holds_a_part_of_a_credential(run: Run) -> None:
    """S23: whole, and its last and first four characters."""
    secret = "Q7zW-canary-Xk9J"
    add(run, secret=secret)
    outputs = [
        run(*arguments).output
        for arguments in (
            ("list",), ("list", "--json"), ("show", "main"), ("show", "main", "--json"), ("test", "main"),
            ("test", "main", "--json"), ("rotate-key",), ("disable", "main"), ("remove", "main", "--yes"),
        )
    ]  # fmt: skip
    assert not any(part in output for output in outputs for part in (secret, "Q7zW", "Xk9J", "canary"))


def test_the_prompt_does_not_show_what_is_typed_and_no_argument_holds_it(tmp_path: Path) -> None:
    """S36: a real terminal; while the prompt waits and afterwards `ps` sees no secret, nor do files."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "OPENAI_"))
    }
    environ |= {"HOOKLINE_STATE_DIR": str(tmp_path), "TERM": "dumb"}
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hookline", "connections", "add", "openai", "--json"],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=environ,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(inner)
    try:
        before = _read_until(outer, b"Credential (not shown):")
        arguments = Path(f"/proc/{process.pid}/cmdline")
        seen = arguments.read_bytes() if arguments.exists() else b""
        os.write(outer, SECRET.encode() + b"\n")
        after = _read_until(outer, None)
        assert process.wait(timeout=60) == 0, before + after
    finally:
        process.kill()
        process.wait(timeout=20)
        os.close(outer)

    assert SECRET.encode() not in before + after + seen
    assert f"Read {len(SECRET)} characters.".encode() in after
    assert b"fingerprint" in after
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_until(descriptor: int, text: bytes | None) -> bytes:
    """Return what a terminal shows, up to a text or the end."""
    found, end = b"", time.monotonic() + 60
    while time.monotonic() < end and (text is None or text not in found):
        if not select.select([descriptor], [], [], 1)[0]:
            continue
        try:
            part = os.read(descriptor, 4096)
        except OSError:  # how Linux tells the end of a terminal
            return found
        if not part:
            return found
        found += part
    assert text is None or text in found, found
    return found


def test_the_prompt_asks_once_and_tells_the_length(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(click, "prompt", lambda text, **more: f" {SECRET} ")

    assert secret_input.read_credential(file=None, from_stdin=False, reference=None) == SECRET


def test_the_prompt_says_why_it_asks_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    lines = ["", "  ", SECRET]
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(click, "prompt", lambda text, **more: lines.pop(0))

    assert secret_input.read_credential(file=None, from_stdin=False, reference=None) == SECRET
    assert capsys.readouterr().err.count("The line is empty.") == 2
