"""``hookline usage``: for people, for programs, for spreadsheets and as a picture."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.later import LaterCommand
from hookline.cli.plugin_commands import PluginCommands
from hookline.plugins import PluginHost
from hookline.store.database import Database
from hookline.store.tables import USAGE_ROWS
from hookline.usage import Usage
from hookline_ledger import LedgerPlugin
from hookline_ledger.commands import _can_draw, usage
from hookline_ledger.purging import remove_with_progress
from hookline_ledger.retention import Purger
from hookline_ledger.rows import UsageRow, values_of

Run = Callable[..., Result]
NOW = datetime.now(UTC)
EVIL = "\x1b[2J\x9b31m\nforged $x$ [red]"


def row(number: int, *, days_ago: float = 0, **fields: Any) -> dict[str, object]:
    values: dict[str, Any] = {
        "call_id": f"call_{number}",
        "parent_id": None,
        "at": NOW - timedelta(days=days_ago, seconds=1),
        "key_id": "k1",
        "tenant": "acme",
        "end_user": "ada",
        "flow": None,
        "action": "openai.chat",
        "door": "action",
        "connection": "openai",
        "model": "gpt-5.4-mini",
        "usage": Usage(input_tokens=1000, output_tokens=100, cost_nano_usd=2_000_000),
        "status": 200,
        "error_code": None,
        "attempts": 1,
        "first_byte_s": 0.1,
        "total_s": 0.2,
        "is_stream": False,
        "is_internal": False,
        "took_nothing": False,
    }
    return values_of(UsageRow(**{**values, **fields}))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """The database that the command reads."""
    database = Database(None, state_dir=tmp_path)
    yield database
    database.close()


@pytest.fixture
def fill(database: Database) -> Callable[..., None]:
    def fill(*rows: dict[str, object]) -> None:
        with database.begin() as connection:
            connection.execute(insert(USAGE_ROWS), list(rows))

    return fill


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command as a part of the command line."""

    def make_host(_: object) -> PluginHost:
        host = PluginHost()
        host.register(LedgerPlugin(), name="ledger")
        return host

    def run(*arguments: str, stdin: str | None = None, **environ: str) -> Result:
        context = CommandContext(
            environ={"HOOKLINE_STATE_DIR": str(tmp_path), **environ}, make_host=make_host
        )
        cli = build_cli(load_commands=lambda: PluginCommands(commands={"usage": usage}))
        return CliRunner().invoke(
            cli, ["usage", *arguments], obj=context, input=stdin, catch_exceptions=False
        )

    return run


def squeezed(result: Result) -> list[str]:
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_the_plugin_adds_the_command() -> None:
    group = click.Group()
    LedgerPlugin().hookline_register_commands(group)
    assert list(group.commands) == ["usage"]
    added = group.commands["usage"]
    assert isinstance(added, LaterCommand)
    assert added.load() is usage


def test_a_row_for_each_of_the_last_days(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1), row(2, days_ago=1), row(3, days_ago=1, status=429, error_code="x"), row(4, days_ago=30))
    result = run()
    assert result.exit_code == 0
    days = [(NOW - timedelta(days=ago, seconds=1)).date().isoformat() for ago in (1, 0)]
    assert squeezed(result) == [
        "day calls errors tokens in tokens out cost USD",
        f"{days[0]} 2 1 2,000 200 0.004000",
        f"{days[1]} 1 0 1,000 100 0.002000",
        "all 3 1 3,000 300 0.006000",
    ]


def test_days_are_shown_whole(run: Run, fill: Callable[..., None]) -> None:
    """``--since 7d`` begins at midnight when days are summed up, so that the first bar is no shorter."""
    begin = (NOW - timedelta(days=7)).replace(hour=0, minute=0, second=0, microsecond=0)
    fill(row(1, at=begin), row(2, at=begin - timedelta(microseconds=1)))
    assert json.loads(run("--json").stdout)["total"]["calls"] == 1
    assert json.loads(run("--json").stdout)["since"] == begin.isoformat().replace("+00:00", "Z")


def test_programs_get_every_sum(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1), row(2, model=None, usage=None), row(3, parent_id="call_1"))
    told = json.loads(run("--by", "model", "--json").stdout)
    assert told["by"] == "model"
    assert told["truncated"] is False
    assert told["groups"] == [
        {
            "model": "gpt-5.4-mini",
            "calls": 1,
            "inner_calls": 1,
            "errors": 0,
            "input_tokens": 2000,
            "output_tokens": 200,
            "cached_tokens": 0,
            "reasoning_tokens": 0,
            "cost_usd": 0.004,
            "without_cost": 0,
            "estimated": 0,
        },
        {**told["groups"][1], "model": None, "calls": 1, "cost_usd": None, "without_cost": 1},
    ]
    assert (told["total"]["calls"], told["total"]["cost_usd"]) == (2, 0.004)


def test_a_spreadsheet_gets_them_too(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1, end_user="=1+1"), row(2))
    rows = list(csv.DictReader(run("--by", "user", "--csv").stdout.splitlines()))
    assert sorted(row["user"] for row in rows) == ["'=1+1", "ada"]
    assert {row["cost_usd"] for row in rows} == {"0.002"}


def test_filters(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1), row(2, tenant="other"), row(3, key_id="k2"), row(4, days_ago=3))

    def calls(*options: str) -> int:
        number: int = json.loads(run(*options, "--json").stdout)["total"]["calls"]
        return number

    assert calls() == 4
    assert calls("--tenant", "acme") == 3
    assert calls("--tenant", "acme", "--key", "k1") == 2
    assert calls("--since", "24h") == 3
    assert calls("--until", (NOW - timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")) == 1
    assert calls("--tenant", "a%") == 0


def test_costs_that_are_not_known_are_told(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1), row(2, usage=Usage(input_tokens=1, output_tokens=1, is_estimated=True)))
    result = run("--by", "action")
    assert squeezed(result)[1] == "openai.chat 2 0 1,001 101 >= 0.002000"
    assert result.stderr.splitlines() == [
        ">=  the cost of 1 call is not known and is left out",
        "~   the tokens of 1 call, and so their cost, are an estimate",
    ]


def test_costs_that_hold_estimates_are_marked(run: Run, fill: Callable[..., None]) -> None:
    guess = Usage(input_tokens=1, output_tokens=1, cost_nano_usd=1_000_000, is_estimated=True)
    fill(row(1, flow="sure"), row(2, flow="guessed", usage=guess))

    table, bars = run("--by", "flow"), run("--by", "flow", "--plot")

    assert squeezed(table)[1:] == [
        "sure 1 0 1,000 100 0.002000",
        "guessed 1 0 1 1 ~0.001000",
        "all 2 0 1,001 101 ~0.003000",
    ]
    assert bars.stdout.splitlines()[1].endswith("█ 0.002000")
    assert bars.stdout.splitlines()[2].endswith(" ~0.001000")
    for result in (table, bars):
        assert "~   the tokens of 1 call, and so their cost, are an estimate" in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",), ("--csv",), ("--plot",)])
def test_nothing_that_a_caller_named_reaches_the_terminal_as_a_command(
    run: Run, database: Database, options: tuple[str, ...]
) -> None:
    """S23: also if something else wrote the row; nothing but line ends is a control character."""
    with database.begin() as connection:
        connection.execute(insert(USAGE_ROWS), [{**row(1), "end_user": EVIL, "model": EVIL}])
    result = run("--by", "user", *options)
    assert result.exit_code == 0
    assert "�[2J�31m�forged $x$ [red]" in result.stdout
    assert all(char.isprintable() or char == "\n" for char in result.output)


def test_nothing_to_show_says_how_to_get_something(run: Run, tmp_path: Path) -> None:
    result = run("--since", "2026-11-01", "--until", "2026-11-02")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("No call between 2026-11-01 00:00 and 2026-11-02 00:00 UTC is in ")
    assert str(tmp_path) in lines[0]
    assert "HOOKLINE_STATE_DIR" in lines[1]
    assert json.loads(run("--json").stdout)["groups"] == []
    assert len(run("--csv").stdout.splitlines()) == 1


def test_bars_in_the_terminal(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1), row(2, days_ago=2))
    lines = run("--plot").stdout.splitlines()
    assert lines[0] == "US dollars by day"
    assert [line.split()[-1] for line in lines[1:]] == ["0.002000", "0", "0.002000"]
    assert "█" in lines[1]
    lines = run("--plot", "--of", "calls", "--by", "model").stdout.splitlines()
    assert lines[0] == "calls by model"
    assert lines[1].endswith("█ 1") or lines[1].endswith("█ 2")


def test_without_a_known_cost_bars_stand_for_tokens(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1, usage=Usage(input_tokens=7, output_tokens=1)))
    assert run("--plot").stdout.splitlines()[0] == "tokens by day"


def test_a_picture_is_written_to_the_file(run: Run, fill: Callable[..., None], tmp_path: Path) -> None:
    fill(row(1, model=EVIL))
    for name in ("a.png", "b.svg"):
        file = tmp_path / name
        result = run("--by", "model", "--plot", str(file))
        assert (result.exit_code, result.stdout) == (0, f"Wrote {file}.\n")
        assert file.stat().st_size > 1000


def test_without_matplotlib_the_message_says_how_to_get_it(
    run: Run, fill: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(row(1))
    monkeypatch.delitem(sys.modules, "hookline_ledger.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("--plot", str(tmp_path / "a.png"))
    assert result.exit_code == 2
    assert "Pictures need matplotlib" in result.stderr
    assert "pip install 'hookline[plot]'" in result.stderr
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "modle"), "'modle' is not one of"),
        (("--since", "yesterday"), "--since: 'yesterday' is no time"),
        (("--until", "7 d"), "--until: '7 d' is no time"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "--until must be later than --since"),
        (("--json", "--csv"), "Choose one of --json, --csv and --plot."),
        (("--plot", "a.pdf"), "'a.pdf' must end in .png or .svg"),
        (("--top", "0"), "'--top'"),
        (("purge",), "Missing option '--older-than'"),
        (("purge", "--older-than", "old"), "--older-than: 'old' is no time"),
        (("purge", "--older-than", "30d", "--json"), "--json needs --yes"),
        (("purge", "--older-than", "3m", "--yes"), "'3m' would be minutes"),
        (("--tenant", "acme", "purge", "--older-than", "1d", "--yes"), "--tenant does not go with `purge`"),
        (("--key", "k1", "purge", "--older-than", "1d"), "--key does not go with `purge`"),
        (("--since", "7d", "purge", "--older-than", "1d"), "--since does not go with `purge`"),
    ],
)
def test_wrong_usage_is_refused_and_named(run: Run, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_picture_that_cannot_be_written_is_an_error(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1))
    result = run("--plot", "missing/folder/a.png")
    assert result.exit_code == 2
    assert "a.png cannot be written: No such file or directory." in result.stderr


def test_a_database_that_cannot_be_used_is_a_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hookline.sqlite3").write_bytes(b"this is no database" * 100)
    for arguments in ((), ("purge", "--older-than", "1d", "--yes")):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "Error: The database's file is damaged, or is none." in result.stderr


# ------------------------------------------------------------ purge


def test_purging_asks_first(run: Run, fill: Callable[..., None]) -> None:
    fill(row(1), row(2, days_ago=40), row(3, days_ago=50))
    result = run("purge", "--older-than", "30d", stdin="n\n")
    assert result.exit_code == 130
    assert "Remove 2 rows of calls before" in result.stdout
    result = run("purge", "--older-than", "30d", stdin="y\n")
    assert result.exit_code == 0
    assert result.stdout.endswith("Removed 2 rows.\n")
    assert json.loads(run("--since", "90d", "--json").stdout)["total"]["calls"] == 1


def test_purging_without_a_question(run: Run, fill: Callable[..., None], database: Database) -> None:
    fill(*(row(number, days_ago=40) for number in range(1200)), row(9999))
    told = json.loads(run("purge", "--older-than", "30d", "--yes", "--json").stdout)
    assert told["removed"] == 1200
    result = run("purge", "--older-than", "30d", "--yes")
    assert result.exit_code == 0
    assert "There are no rows of calls before" in result.stdout


def test_purging_is_in_the_audit_log(run: Run, fill: Callable[..., None], tmp_path: Path) -> None:
    from hookline.store.audit import AuditLog

    fill(row(1, days_ago=40))
    run("purge", "--older-than", "30d", "--yes")
    database = Database(None, state_dir=tmp_path)
    (entry,) = AuditLog(database).entries()
    database.close()
    event = entry.event
    assert (event.action, event.target, event.actor[:3]) == ("usage.purge", "usage_rows", "cli")
    assert json.loads(event.details)["rows"] == 1


def test_purging_shows_how_far_it_is(
    fill: Callable[..., None], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    fill(*(row(number, days_ago=40) for number in range(1200)))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert remove_with_progress(Purger(database), NOW - timedelta(days=30), 1200, is_shown=True) == 1200
    assert "Removing rows" in terminal.getvalue()


def test_a_terminal_without_blocks_gets_number_signs(
    run: Run, fill: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline_ledger.commands._can_draw", lambda: False)
    fill(row(1))
    assert run("--plot").stdout.splitlines()[1].split()[1].strip("#") == ""


@pytest.mark.parametrize(("encoding", "can"), [("utf-8", True), ("latin-1", False), ("none-such", False)])
def test_the_encoding_of_the_terminal_decides(
    encoding: str, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        pass

    terminal = Terminal()
    monkeypatch.setattr(Terminal, "encoding", encoding, raising=False)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert _can_draw() is can
