"""``hookline keys``: the same keys that the server knows, for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.errors import HooklineError, StoreUnavailableError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.principal import InboundRequest, Principal
from hookline.settings import load_settings
from hookline_auth import AuthPlugin
from hookline_auth.commands import keys
from small_service import Acme, Upstream

KEY = re.compile(r"^hk_[a-z2-7]{16}_[0-9A-Za-z]{43}$", re.MULTILINE)
Run = Callable[..., Result]


def make_host(_: object) -> PluginHost:
    host = PluginHost()
    host.register(Acme(), name="acme")
    host.register(AuthPlugin(), name="auth")
    return host


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command as a part of the command line, with a state folder of its own."""

    def run(*arguments: str, stdin: str | None = None, **environ: str) -> Result:
        context = CommandContext(
            environ={"HOOKLINE_STATE_DIR": str(tmp_path / "state"), **environ},
            make_host=make_host,
            transport=Upstream(),
        )
        cli = build_cli(load_commands=lambda: PluginCommands(commands={"keys": keys}))
        return CliRunner().invoke(cli, ["keys", *arguments], obj=context, input=stdin, catch_exceptions=False)

    return run


def as_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def known_to_a_server(tmp_path: Path, key: str) -> Principal:
    """Return whom another process with the same settings takes the holder of a key for."""
    environ = {"HOOKLINE_STATE_DIR": str(tmp_path / "state")}
    gateway = Gateway(load_settings(environ), host=make_host(None), environ=environ, transport=Upstream())
    try:
        headers = {"authorization": f"Bearer {key}"}
        return gateway.pipeline.authenticate(InboundRequest(method="GET", path="/", headers=headers))
    finally:
        gateway.close()


def test_a_key_is_printed_once_and_the_server_knows_it(run: Run, tmp_path: Path) -> None:
    result = run("create", "--label", "Zapier, invoices")

    assert result.exit_code == 0
    (key,) = KEY.findall(result.stdout)
    assert "Authorization: Bearer" in result.stdout
    assert "not shown again" in result.stdout
    principal = known_to_a_server(tmp_path, key)
    assert (principal.label, principal.tenant) == ("Zapier, invoices", "default")
    listed, shown = run("list").stdout, run("show", principal.key_id).stdout
    assert principal.key_id in listed
    assert "Zapier, invoices" in listed
    assert key[20:] not in listed + shown


def test_every_right_can_be_given(run: Run) -> None:
    made = as_json(
        run(
            "create", "--json", "--label", "all", "--tenant", "acme", "--scope", "actions:run",
            "--scope", "audit:read", "--action", "acme.*", "--model", "gpt-4o", "--model", "gpt-5*",
            "--connection", "spare", "--network", "10.0.0.0/8", "--limit", "60 requests / minute",
            "--limit", "5 usd / day", "--max-output-tokens", "100", "--max-choices", "2",
            "--max-stream-s", "1.5", "--expires", "2030-01-31T12:00:00Z", "--signing", "optional",
        )
    )  # fmt: skip

    assert KEY.match(made["key"])
    assert made["signing_secret"].startswith("whsec_")
    assert (made["tenant"], made["scopes"]) == ("acme", ["actions:run", "audit:read"])
    assert (made["actions"], made["models"]) == (["acme.*"], ["gpt-4o", "gpt-5*"])
    assert (made["connections"], made["networks"]) == (["spare"], ["10.0.0.0/8"])
    assert made["limits"] == ["60 requests / minute", "5 usd / day"]
    assert made["caps"] == {"max_output_tokens": 100, "max_choices": 2, "max_stream_s": 1.5}
    assert (made["expires_at"], made["signing"]) == (
        "2030-01-31T12:00:00Z",
        {"mode": "optional", "scheme": "standard"},
    )
    assert made["created_by"].startswith("cli:")


def test_admin_adds_the_scopes_of_one_tenant_only(run: Run) -> None:
    assert as_json(run("create", "--label", "x", "--admin", "--json"))["scopes"] == [
        "actions:run",
        "callbacks:admin",
        "catalog:read",
        "connections:admin",
        "connections:test",
        "keys:admin",
        "usage:read",
    ]
    only = as_json(run("create", "--label", "x", "--admin", "--scope", "audit:read", "--json"))["scopes"]
    assert only == ["audit:read", "callbacks:admin", "connections:admin", "connections:test", "keys:admin"]


def test_a_key_is_rotated_and_revoked(run: Run, tmp_path: Path) -> None:
    made = as_json(run("create", "--label", "x", "--json"))
    new = as_json(run("rotate", made["id"], "--grace", "1h", "--json"))

    assert new["id"] == made["id"]
    assert known_to_a_server(tmp_path, made["key"]) == known_to_a_server(tmp_path, new["key"])
    assert "follow within 5 s" in run("revoke", f"hk_{made['id']}").stdout
    for key in (made["key"], new["key"]):
        with pytest.raises(Exception, match="no valid API key"):
            known_to_a_server(tmp_path, key)
    assert made["id"] not in run("list").stdout
    assert "revoked" in run("list", "--all").stdout
    assert run("rotate", made["id"]).exit_code == 1


def test_a_key_gets_an_end_and_loses_it(run: Run) -> None:
    id = as_json(run("create", "--label", "x", "--json"))["id"]

    assert (
        as_json(run("expire", id, "--in", "2030-01-31T12:00:00Z", "--json"))["expires_at"]
        == "2030-01-31T12:00:00Z"
    )
    assert as_json(run("expire", id, "--in", "7d", "--json"))["expires_at"] > "2026"
    assert as_json(run("expire", id, "--never", "--json"))["expires_at"] is None
    assert run("expire", id).exit_code == run("expire", id, "--never", "--in", "1d").exit_code == 2


def test_a_key_is_changed(run: Run) -> None:
    id = as_json(run("create", "--label", "x", "--limit", "8 concurrent", "--model", "a", "--json"))["id"]

    changed = as_json(run("change", id, "--label", "y", "--limit", "9 concurrent", "--json"))

    assert (changed["label"], changed["limits"], changed["models"]) == ("y", ["9 concurrent"], ["a"])
    assert run("change", id).exit_code == 2


def test_a_child_holds_no_more_than_its_maker(run: Run) -> None:
    maker = as_json(run("create", "--label", "maker", "--tenant", "acme", "--model", "gpt-4o", "--json"))

    child = as_json(run("create", "--label", "c", "--parent", maker["id"], "--json"))
    refused = run("create", "--label", "c", "--parent", maker["id"], "--model", "o3")

    assert (child["tenant"], child["models"], child["parent_id"]) == ("acme", ["gpt-4o"], maker["id"])
    assert refused.exit_code == 1
    assert run("create", "--label", "c", "--parent", maker["id"], "--tenant", "other").exit_code == 2
    assert "what its maker has not: the models 'o3'" in refused.stderr


def test_a_secret_of_a_sender_is_read_from_a_file_or_stdin(run: Run, tmp_path: Path) -> None:
    secret = "x" * 30
    file = tmp_path / "secret.txt"
    file.write_text(secret + "\n")
    options = ("create", "--label", "GitHub", "--signing", "required", "--scheme", "github", "--json")

    for made in (
        as_json(run(*options, "--signing-secret-file", str(file))),
        as_json(run(*options, "--signing-secret-file", "-", stdin=secret)),
    ):
        assert made["signing"] == {"mode": "required", "scheme": "github"}
        assert "signing_secret" not in made
    empty = run(*options, "--signing-secret-file", "-", stdin="\n")
    assert empty.exit_code == 2
    assert "A secret is not empty" in empty.stderr
    assert run("create", "--label", "x", "--signing-secret-file", str(file)).exit_code == 2


def test_a_new_signing_secret_is_shown_once(run: Run) -> None:
    made = as_json(run("create", "--label", "x", "--signing", "required", "--json"))

    new = as_json(run("change", made["id"], "--signing", "required", "--new-signing-secret", "--json"))

    assert new["signing_secret"] not in ("", made["signing_secret"])
    assert "signing_secret" not in as_json(run("change", made["id"], "--signing", "optional", "--json"))
    assert run("change", made["id"], "--new-signing-secret").exit_code == 2


def test_a_whole_key_is_not_taken_for_its_id(run: Run) -> None:
    made = as_json(run("create", "--label", "x", "--json"))

    result = run("revoke", made["key"])

    assert result.exit_code == 2
    assert made["id"] in result.stderr
    assert made["key"][20:] not in result.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("create",), 2, "--label"),
        (("create", "--label", "x", "--scope", "action:run"), 2, "There is no scope 'action:run'"),
        (("create", "--label", "x", "--limit", "a lot"), 2, "is no limit"),
        (("create", "--label", "x", "--network", "10.0.0.1/8"), 2, "is no network"),
        (("create", "--label", "x", "--tenant", "../x"), 2, "tenant"),
        (("create", "--label", "x", "--expires", "soon"), 2, "is no time"),
        (("create", "--label", "x", "--expires", "0s"), 2, "ended already"),
        (("create", "--label", "x", "--parent", "a" * 16), 1, "There is no key"),
        (("show", "a" * 16), 1, "There is no key"),
        (("revoke", "a" * 16), 1, "There is no key"),
        (("show", "x"), 2, "no id of a key"),
        (("rotate", "a" * 16, "--grace", "long"), 2, "no span of time"),
        (("rotate", "a" * 16, "--grace", "90d"), 2, "grace_s"),
    ],
)
def test_what_cannot_be_done_is_said_and_counted_as_a_failure(
    run: Run, arguments: tuple[str, ...], exit_code: int, message: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == exit_code, result.output
    assert message in result.stderr


def test_keys_of_another_pepper_are_told_of(run: Run) -> None:
    run("create", "--label", "x", HOOKLINE_KEY_PEPPER="p" * 40)

    result = run("list", HOOKLINE_KEY_PEPPER="q" * 40)

    assert "1 keys were made with another pepper" in result.stderr
    assert "other pepper" in result.stdout
    assert "pepper" not in run("list", HOOKLINE_KEY_PEPPER="p" * 40).output


def test_without_keys_the_list_says_how_to_make_one(run: Run) -> None:
    assert "hookline keys create" in run("list").stdout
    assert as_json(run("list", "--json")) == {"keys": []}


def test_commands_are_in_the_audit_log(run: Run, tmp_path: Path) -> None:
    id = as_json(run("create", "--label", "x", "--json"))["id"]
    run("revoke", id)
    environ = {"HOOKLINE_STATE_DIR": str(tmp_path / "state")}
    gateway = Gateway(load_settings(environ), host=make_host(None), environ=environ, transport=Upstream())

    entries = [one.as_json() for one in gateway.audit.entries(action="key.*")]
    gateway.close()

    assert [(one["action"], one["target"]) for one in entries] == [("key.revoke", id), ("key.create", id)]
    assert all(str(one["actor"]).startswith("cli:") for one in entries)


@pytest.mark.parametrize(
    "command", [(), *((name,) for name in ("create", "list", "show", "rotate", "revoke", "expire", "change"))]
)
def test_every_command_helps_with_an_example(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert re.search(r"Examples?:\n +hookline keys ", result.stdout)
    assert "Exit status:" in result.stdout


OTHER = "another-pepper-that-is-long-enough-for-it"


@pytest.fixture
def pepper(tmp_path: Path) -> Path:
    return tmp_path / "state" / "key.pepper"


def test_a_missing_pepper_is_not_replaced_while_there_are_keys(
    run: Run, tmp_path: Path, pepper: Path
) -> None:
    first = as_json(run("create", "--label", "x", "--json"))
    saved = pepper.read_bytes()
    pepper.unlink()

    for refused in (
        run("create", "--label", "y"),
        run("rotate", first["id"]),
        run("change", first["id"], "--signing", "optional"),
    ):
        assert refused.exit_code == 1
        assert "hk_" not in refused.stdout
        assert "made with another pepper" in refused.stderr
        assert "key.pepper" in refused.stderr
        assert "HOOKLINE_KEY_PEPPER" in refused.stderr
        assert "--new-pepper" in refused.stderr
    listed = run("list")
    assert "other pepper" in listed.stdout
    with pytest.raises(StoreUnavailableError):
        known_to_a_server(tmp_path, first["key"])
    assert not pepper.exists()

    pepper.write_bytes(saved)
    pepper.chmod(0o600)
    assert known_to_a_server(tmp_path, first["key"]).key_id == first["id"]
    assert run("create", "--label", "y").exit_code == 0


def test_another_pepper_makes_no_keys_beside_those_of_the_first(run: Run) -> None:
    made = as_json(run("create", "--label", "x", "--json"))

    assert run("create", "--label", "y", HOOKLINE_KEY_PEPPER=OTHER).exit_code == 1
    assert run("rotate", made["id"], HOOKLINE_KEY_PEPPER=OTHER).exit_code == 1
    assert run("create", "--label", "y").exit_code == 0


def test_who_lost_the_pepper_begins_anew_on_purpose(run: Run, tmp_path: Path, pepper: Path) -> None:
    old = as_json(run("create", "--label", "x", "--json"))
    pepper.unlink()

    new = as_json(run("create", "--label", "y", "--new-pepper", "--json"))

    assert known_to_a_server(tmp_path, new["key"]).key_id == new["id"]
    with pytest.raises(HooklineError, match="no valid API key"):
        known_to_a_server(tmp_path, old["key"])
    assert run("create", "--label", "z").exit_code == 0
    again = as_json(run("rotate", old["id"], "--grace", "0s", "--json"))
    assert known_to_a_server(tmp_path, again["key"]).key_id == old["id"]


def test_revoked_keys_hold_no_pepper(run: Run, pepper: Path) -> None:
    made = as_json(run("create", "--label", "x", "--json"))
    run("revoke", made["id"])
    pepper.unlink()

    assert run("create", "--label", "y").exit_code == 0


def test_a_key_that_would_be_gone_at_once_is_not_made(run: Run) -> None:
    result = run("create", "--label", "x", HOOKLINE_STATE_DIR="none")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "HOOKLINE_STATE_DIR" in result.stderr


def make(run: Run, *options: str) -> str:
    id: str = as_json(run("create", "--label", "x", "--json", *options))["id"]
    return id


def test_children_of_a_revoked_key_are_not_listed_as_active(run: Run) -> None:
    maker = make(run)
    child = make(run, "--parent", maker)
    grandchild = make(run, "--parent", child)
    other = make(run)
    run("revoke", maker)

    statuses = {row["id"]: row["status"] for row in as_json(run("list", "--all", "--json"))["keys"]}

    ended = "revoked with its maker"
    assert statuses == {maker: "revoked", child: ended, grandchild: ended, other: "active"}
    assert [row["id"] for row in as_json(run("list", "--json"))["keys"]] == [other]
    assert as_json(run("show", grandchild, "--json"))["status"] == ended
    assert ended in run("list", "--all").stdout


def test_what_counts_is_shown_with_what_a_key_has_by_itself(run: Run) -> None:
    maker = make(run, "--model", "gpt-*", "--limit", "9 concurrent", "--max-choices", "5")
    child = make(run, "--parent", maker, "--model", "gpt-4o", "--limit", "3 concurrent")
    run("change", maker, "--model", "o3", "--model", "gpt-4*", "--max-choices", "2")

    shown = as_json(run("show", child, "--json"))
    text = [line.split(maxsplit=1) for line in run("show", child).stdout.splitlines()]

    assert shown["caps"]["max_choices"] == 5
    assert shown["effective"]["caps"]["max_choices"] == 2
    assert shown["models"] == shown["effective"]["models"] == ["gpt-4o"]
    assert shown["limits"] == ["3 concurrent"]
    assert shown["effective"]["limits"] == ["3 concurrent", "9 concurrent"]
    assert ["caps", "max_choices 2"] in text
    assert ["own", "caps               max_choices 5"] in text
    assert ["limits", "3 concurrent, 9 concurrent"] in text
    assert not any(line[:2] == ["own", "models"] for line in text)


def test_what_a_key_had_is_taken_away(run: Run) -> None:
    id = make(
        run, "--limit", "8 concurrent", "--network", "10.0.0.0/8", "--max-choices", "2", "--model", "a",
        "--max-output-tokens", "9", "--expires", "7d", "--connection", "spare", "--action", "acme.say",
    )  # fmt: skip

    one = as_json(run("change", id, "--clear", "max-choices", "--clear", "limits", "--json"))
    two = as_json(
        run(
            "change", id, "--clear", "networks", "--clear", "caps", "--clear", "expiry", "--clear", "models",
            "--clear", "connections", "--clear", "actions", "--json",
        )
    )  # fmt: skip

    assert one["limits"] == []
    assert one["caps"] == {"max_output_tokens": 9, "max_choices": None, "max_stream_s": None}
    assert one["networks"] == ["10.0.0.0/8"]
    assert set(two["caps"].values()) == {None}
    assert (two["networks"], two["connections"], two["expires_at"]) == ([], [], None)
    assert (two["models"], two["actions"]) == (["*"], ["*"])
    both = run("change", id, "--limit", "1 concurrent", "--clear", "limits")
    assert (both.exit_code, "--clear limits does not go" in both.stderr) == (2, True)
    assert run("change", id, "--clear", "max-choices", "--max-choices", "3").exit_code == 2
    assert run("change", id, "--clear", "label").exit_code == 2


def test_one_cap_is_changed_and_the_others_stay(run: Run) -> None:
    id = make(run, "--max-choices", "2", "--max-output-tokens", "9")

    changed = as_json(run("change", id, "--max-choices", "3", "--json"))

    assert changed["caps"] == {"max_output_tokens": 9, "max_choices": 3, "max_stream_s": None}


def test_what_a_maker_bounds_cannot_be_taken_away_from_its_child(run: Run) -> None:
    child = make(run, "--parent", make(run, "--network", "10.0.0.0/8", "--max-choices", "2"))

    refused = run("change", child, "--clear", "networks")
    cleared = as_json(run("change", child, "--clear", "caps", "--json"))

    assert (refused.exit_code, "what its maker has not" in refused.stderr) == (1, True)
    assert cleared["caps"]["max_choices"] == 2


def test_a_key_becomes_one_of_an_administrator(run: Run) -> None:
    id = make(run, "--scope", "actions:run")

    changed = as_json(run("change", id, "--admin", "--json"))

    assert changed["scopes"] == [
        "actions:run",
        "callbacks:admin",
        "connections:admin",
        "connections:test",
        "keys:admin",
    ]
    assert run("change", "a" * 16, "--admin").exit_code == 1


@pytest.mark.parametrize("label", ["", "   "])
def test_a_label_is_not_empty(run: Run, label: str) -> None:
    for result in (run("create", "--label", label), run("change", make(run), "--label", label)):
        assert result.exit_code == 2
        assert "A key needs a label" in result.stderr


@pytest.mark.parametrize(
    ("when", "end"),
    [
        ("2030-01-31", "2030-01-31T00:00:00Z"),
        ("2030-01-31Z", "2030-01-31T00:00:00Z"),
        ("2030-01-31T12:00:00+02:00", "2030-01-31T10:00:00Z"),
    ],
)
def test_a_day_is_the_beginning_of_it(run: Run, when: str, end: str) -> None:
    made = as_json(run("create", "--label", "x", "--expires", when, "--json"))

    assert made["expires_at"] == end


def test_a_short_time_counts_from_when_it_is_written(run: Run) -> None:
    assert run("expire", make(run), "--in", "1s").exit_code == 0


@pytest.mark.parametrize(("when", "code"), [("2020-01-01", 2), ("next week", 2), ("2027-01-31T12:00", 2)])
def test_a_time_that_is_none_or_over_shows_how_to_write_one(run: Run, when: str, code: int) -> None:
    result = run("create", "--label", "x", "--expires", when)

    assert result.exit_code == code
    assert re.search(r"`90d` for 90 days|end it with Z", result.stderr)


def test_a_search_that_finds_only_ended_keys_says_so(run: Run) -> None:
    id = as_json(run("create", "--label", "rotten", "--json"))["id"]
    make(run)
    run("revoke", id)

    assert run("list", "--search", "rot").stdout == "No key matches; --all shows 1 that has ended.\n"
    assert run("list", "--search", "unknown").stdout == "No key matches.\n"
    assert id in run("list", "--search", "rot", "--all").stdout


def test_options_of_signing_are_not_passed_over(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("x" * 30)

    alone = run("change", make(run), "--scheme", "standard")
    off = run("create", "--label", "x", "--signing", "off", "--signing-secret-file", str(file))

    assert (alone.exit_code, off.exit_code) == (2, 2)
    assert "--scheme needs --signing" in alone.stderr
    assert "--signing-secret-file needs --signing" in off.stderr


def test_an_unknown_key_is_answered_with_how_to_find_one(run: Run) -> None:
    result = run("show", "a" * 16)

    assert "hookline keys list" in result.stderr
    assert "/actions" not in result.stderr


def test_a_state_folder_that_may_not_be_read_is_named(run: Run) -> None:
    folder = "/" + "x" * 300

    for arguments in (("list",), ("create", "--label", "x")):
        result = run(*arguments, HOOKLINE_STATE_DIR=folder)
        assert result.exit_code == 2
        assert f"The folder {folder} cannot be used: File name too long" in result.stderr
        assert "HOOKLINE_STATE_DIR" in result.stderr
        assert "could not start" not in result.stderr
