"""``hookline limits show``: what applies, and how much of it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from hookline import KeyLimits, Principal, parse_limit
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import load_settings
from hookline.store.tables import KEYS
from hookline_auth import AuthPlugin
from hookline_auth.static_keys import public_id
from hookline_limits import LimitsPlugin
from hookline_limits.commands import limits
from small_service import Acme, Allow, LetterMeter, Upstream, make_connector, say

if TYPE_CHECKING:
    from hookline.settings import Settings
    from servers import RedisServer

Run = Callable[..., Result]

KEY = "a-static-key-for-tests"
OF_NOBODY = ("--tenant", "default")
"""Names the tenant of a key that neither the database nor the settings know."""

CONFIG = """
[plugins.limits]
limits = ["60 requests / minute", "5 usd / month", "9 tokens / day per user", "7 requests / day per flow"]

[plugins.limits.actions."acme.*"]
limits = ["8 requests / day"]
"""


def make_host(_: Settings) -> PluginHost:
    host = PluginHost()
    host.register(Acme(make_connector(meter=LetterMeter())), name="acme")
    host.register(Allow(), name="allow")
    host.register(LimitsPlugin(), name="limits")
    return host


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "hookline.toml"
    config.write_text(CONFIG)
    return {"HOOKLINE_CONFIG": str(config), "HOOKLINE_STATE_DIR": str(tmp_path / "state")}


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    """Run the command as a part of the command line."""

    def run(*arguments: str, **more: str) -> Result:
        context = CommandContext(environ=environ | more, make_host=make_host, transport=Upstream())
        cli = build_cli(load_commands=lambda: PluginCommands(commands={"limits": limits}))
        return CliRunner().invoke(cli, ["limits", "show", *arguments], obj=context, catch_exceptions=False)

    return run


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)["limits"]
    return rows


def use(environ: dict[str, str], *texts: str, **more: str) -> None:
    """Run one call with a key that carries limits; it sets aside, and takes, 1,002 nano-dollars."""
    environ = environ | more
    caller = Principal(
        key_id="k1",
        scopes=frozenset({"actions:run"}),
        limits=(KeyLimits(key_id="k1", limits=tuple(map(parse_limit, texts))),),
    )
    settings = load_settings(environ)
    gateway = Gateway(settings, host=make_host(settings), transport=Upstream(), environ=environ)
    gateway.pipeline.perform(gateway.pipeline.prepare(caller, say()))
    gateway.close()


def test_without_a_key_the_limits_of_the_settings_are_shown(run: Run, environ: dict[str, str]) -> None:
    rows = told(run("--json"))

    assert [(row["limit"], row["for"], row["used"]) for row in rows] == [
        ("60 requests / minute", "each key", None),
        ("5 usd / month", "each key", None),
        ("9 tokens / day per user", "each user", None),
        ("7 requests / day per flow", "each flow", None),
        ("8 requests / day", "each key", None),
    ]
    assert [row["actions"] for row in rows] == ["all but acme.*"] * 4 + ["acme.*"]
    assert not (Path(environ["HOOKLINE_STATE_DIR"]) / "limits.sqlite3").exists()


def test_of_a_key_it_is_told_what_is_used_where_that_can_be_seen(run: Run, environ: dict[str, str]) -> None:
    use(environ)

    assert told(run("--json", "--key", "k1", *OF_NOBODY, "--action", "acme.say")) == [
        {"limit": "8 requests / day", "for": "key k1", "actions": "acme.*", "amount": 8, "used": 1}
    ]
    assert [row["used"] for row in told(run("--json", "--key", "k1", *OF_NOBODY))] == [None, 0, 0, 0, 1]


def test_users_and_flows_are_looked_at_by_name(run: Run) -> None:
    rows = told(run("--json", "--key", "k1", *OF_NOBODY, "--user", "ada", "--flow", "loop"))

    assert [row["for"] for row in rows[2:5]] == ["user ada", "flow loop", "flow loop"]
    assert rows[4]["limit"].startswith("1000 requests / 10 minutes per flow (guard")
    assert rows[4]["actions"] == "all"


def add_key(gateway: Gateway, key_id: str, parent_id: str | None, texts: list[str]) -> None:
    lists = dict.fromkeys(("scopes", "actions", "models", "connections", "caps", "networks"), "[]")
    with gateway.database.begin() as connection:
        connection.execute(
            insert(KEYS).values(
                id=key_id,
                tenant="team",
                label="",
                secret_hash="",
                parent_id=parent_id,
                limits=json.dumps(texts),
                created_at_us=0,
                updated_at_us=0,
                created_by="test",
                **lists,
            )
        )


def test_the_limits_of_a_key_and_of_its_parents_come_from_the_database(
    run: Run, environ: dict[str, str]
) -> None:
    settings = load_settings(environ)
    gateway = Gateway(settings, host=make_host(settings), transport=Upstream(), environ=environ)
    add_key(gateway, "mother", None, ["50 usd / month per tenant", "70 requests / day"])
    add_key(gateway, "child", "mother", ["0.5 usd / day"])
    gateway.close()

    rows = told(run("--json", "--key", "child"))

    assert [(row["limit"], row["for"]) for row in rows[:5]] == [
        ("60 requests / minute", "key child"),
        ("5 usd / month", "key child"),
        ("0.5 usd / day", "key child"),
        ("50 usd / month per tenant", "tenant team"),
        ("70 requests / day", "key mother"),
    ]
    assert rows[2]["amount"] == 0.5


def test_a_table_for_people(run: Run, environ: dict[str, str]) -> None:
    use(environ)

    shown = run("--key", "k1", *OF_NOBODY, "--action", "acme.say").stdout

    assert [line.split() for line in shown.splitlines()] == [
        ["limit", "for", "used", "left", "actions"],
        ["8", "requests", "/", "day", "key", "k1", "1", "7", "acme.*"],
    ]


def test_redis_shows_everything(run: Run, environ: dict[str, str], redis_server: RedisServer) -> None:
    use(environ, HOOKLINE_LIMITS_REDIS_URL=redis_server.url)

    rows = told(run("--json", "--key", "k1", *OF_NOBODY, HOOKLINE_LIMITS_REDIS_URL=redis_server.url))

    assert None not in [row["used"] for row in rows]


def test_a_store_that_does_not_answer_is_exit_status_1(run: Run) -> None:
    result = run("--key", "k1", *OF_NOBODY, HOOKLINE_LIMITS_REDIS_URL="redis://:canary-word@127.0.0.1:1/0")

    assert result.exit_code == 1
    assert "does not answer" in result.stderr
    assert "canary" not in result.output


@pytest.mark.parametrize("arguments", [["--action", "acme.sing"], ["--nothing"]])
def test_wrong_usage_is_exit_status_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


# ---------------------------------------------------------------- which keys there are


def test_a_key_that_nobody_knows_is_wrong_usage_and_its_text_is_not_repeated(run: Run) -> None:
    result = run("--key", "hk_canary-word")

    assert result.exit_code == 2
    assert "There is no key of this id in the database, and none of `api_keys`." in result.stderr
    assert "hookline keys list" in result.stderr
    assert "--tenant" in result.stderr
    assert "canary" not in result.output


def test_static_keys_are_known_by_their_ids(environ: dict[str, str]) -> None:
    def make_host_with_auth(_: Settings) -> PluginHost:
        host = PluginHost()
        host.register(Acme(make_connector(meter=LetterMeter())), name="acme")
        host.register(AuthPlugin(), name="auth")
        host.register(LimitsPlugin(), name="limits")
        return host

    def show(key_id: str) -> Result:
        context = CommandContext(
            environ=environ | {"HOOKLINE_API_KEYS": KEY}, make_host=make_host_with_auth, transport=Upstream()
        )
        cli = build_cli(load_commands=lambda: PluginCommands(commands={"limits": limits}))
        arguments = ["limits", "show", "--json", "--key", key_id]
        return CliRunner().invoke(cli, arguments, obj=context, catch_exceptions=False)

    assert told(show(public_id(KEY)))[0]["for"] == f"key {public_id(KEY)}"
    assert show(public_id(KEY)[:-1]).exit_code == 2
    assert show(KEY).exit_code == 2
    assert not (Path(environ["HOOKLINE_STATE_DIR"]) / "hookline.sqlite3").exists()


def test_a_key_with_a_table_of_its_own_is_known(run: Run, environ: dict[str, str]) -> None:
    with Path(environ["HOOKLINE_CONFIG"]).open("a") as file:
        file.write('\n[plugins.limits.keys.k9]\nlimits = ["3 concurrent"]\n')

    rows = told(run("--json", "--key", "k9"))

    assert [(row["limit"], row["actions"]) for row in rows] == [("3 concurrent", "all")]


# ---------------------------------------------------------------- what is seen from here


def test_what_a_gateway_with_several_workers_counts_is_seen_though_the_command_knows_of_one(
    run: Run, environ: dict[str, str]
) -> None:
    use(environ, HOOKLINE_WORKERS="2")
    Path(environ["HOOKLINE_CONFIG"]).write_text('[plugins.limits]\nlimits = ["60 requests / minute"]\n')
    assert [row["used"] for row in told(run("--json", "--key", "k1", *OF_NOBODY))] == [None]

    use(environ, HOOKLINE_WORKERS="2")
    assert [row["used"] for row in told(run("--json", "--key", "k1", *OF_NOBODY))] == [1]


def test_limits_of_tables_are_shown_and_others_say_for_which_actions_they_hold_not(
    run: Run, environ: dict[str, str]
) -> None:
    Path(environ["HOOKLINE_CONFIG"]).write_text(
        """
        [plugins.limits]
        limits = ["60 requests / minute"]

        [plugins.limits.actions."acme.*"]
        limits = ["8 requests / day"]

        [plugins.limits.actions."acme.look"]
        limits = ["9 requests / day"]
        """
    )

    everywhere = [("60 requests / minute", "all but acme.*, acme.look")]
    tables = [("8 requests / day", "acme.* but acme.look"), ("9 requests / day", "acme.look")]
    for arguments in (), ("--key", "k1", *OF_NOBODY):
        rows = told(run("--json", *arguments))
        assert [(row["limit"], row["actions"]) for row in rows] == everywhere + tables
    assert [row["limit"] for row in told(run("--json", "--action", "acme.look"))] == ["9 requests / day"]
    shown = run()
    assert shown.exit_code == 0
    assert "acme.look" in shown.stdout
