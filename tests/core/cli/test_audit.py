from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from hookline.cli.audit import Since, _print_events
from hookline.store.audit import AuditLog
from hookline.store.database import Database
from hookline.store.tables import AUDIT_EVENTS, STORE_STATE

Run = Callable[..., Result]


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    return {"HOOKLINE_STATE_DIR": str(tmp_path)}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(None, state_dir=tmp_path)
    yield database
    database.close()


@pytest.fixture
def moments() -> list[datetime]:
    """When the next events happen."""
    return []


@pytest.fixture
def log(database: Database, moments: list[datetime]) -> AuditLog:
    return AuditLog(database, now_s=lambda: (moments.pop(0) if moments else datetime.now(UTC)).timestamp())


def write(log: AuditLog, action: str = "key.create", *, actor: str = "cli:ada", target: str = "abc") -> None:
    log.append(actor=actor, action=action, target=target, tenant="acme", client="", details={"n": 1})


def test_events_are_listed_newest_first(
    run: Run, log: AuditLog, moments: list[datetime], environ: Mapping[str, str]
) -> None:
    moments += [datetime(2027, 1, 31, 8, 5, 0, tzinfo=UTC), datetime(2027, 2, 1, 9, 0, 30, tzinfo=UTC)]
    write(log)
    write(log, "key.revoke")

    result = run("audit", "list", environ=environ)

    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines()]
    assert lines[0] == ["seq", "at", "(UTC)", "actor", "action", "target", "tenant", "from", "details"]
    assert lines[1:] == [
        ["2", "2027-02-01", "09:00:30", "cli:ada", "key.revoke", "abc", "acme", '{"n":1}'],
        ["1", "2027-01-31", "08:05:00", "cli:ada", "key.create", "abc", "acme", '{"n":1}'],
    ]


def test_details_stand_whole_at_the_end_of_a_line_that_is_piped(
    run: Run, log: AuditLog, environ: Mapping[str, str]
) -> None:
    details: dict[str, object] = {"label": "Zapier, invoices", "scopes": [f"scope:{n}" for n in range(40)]}
    log.append(actor="cli:ada", action="key.create", target="abc", tenant="acme", client="", details=details)

    lines = run("audit", "list", environ=environ).output.splitlines()

    assert len(lines) == 2
    assert json.loads(lines[1][lines[1].index("{") :]) == details


def test_details_are_told_below_an_event_on_a_terminal(
    log: AuditLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """S23: what callers chose cannot steer the terminal there either."""
    details: dict[str, object] = {
        "label": "Zapier, invoices",
        "scopes": ["actions:run", "usage:read"],
        "grace_s": 0,
        "models": [],
        "caps": {"max_choices": 2, "max_stream_s": None},
        "name": "a\x1b[2J",
    }
    log.append(actor="cli:ada", action="key.create", target="abc", tenant="acme", client="", details=details)

    _print_events(log.entries(), is_terminal=True)

    head, event, below = capsys.readouterr().out.splitlines()
    assert head.split()[-1] == "from"
    assert event.endswith("acme")
    assert " grace_s=0 " in below
    assert 'label="Zapier, invoices"' in below
    assert "scopes=actions:run,usage:read" in below
    assert "caps.max_choices=2 " in below
    assert "models" not in below
    assert "max_stream_s" not in below
    assert "a\\x1b[2J" in below


def test_events_are_listed_by_what_they_are(
    run: Run, log: AuditLog, moments: list[datetime], environ: Mapping[str, str]
) -> None:
    now = datetime.now(UTC)
    moments += [now - timedelta(days=8), now, now, now]
    write(log)
    write(log, "key.revoke")
    write(log, "connection.add")
    write(log, actor="bob")

    def seqs(*options: str) -> list[int]:
        result = run("audit", "list", "--json", *options, environ=environ)
        assert result.exit_code == 0
        return [event["seq"] for event in json.loads(result.output)["events"]]

    assert seqs() == [4, 3, 2, 1]
    assert seqs("--limit", "2") == [4, 3]
    assert seqs("--since", "7d") == [4, 3, 2]
    assert seqs("--since", (now - timedelta(days=9)).date().isoformat()) == [4, 3, 2, 1]
    assert seqs("--action", "key.*") == [4, 2, 1]
    assert seqs("--action", "key.revoke", "--actor", "cli:ada") == [2]
    assert seqs("--tenant", "other") == []


def test_nothing_found_is_said(run: Run, environ: Mapping[str, str]) -> None:
    result = run("audit", "list", environ=environ)

    assert (result.exit_code, result.output) == (0, "No event fits.\n")


def test_what_callers_chose_cannot_steer_the_terminal(
    run: Run, log: AuditLog, environ: Mapping[str, str]
) -> None:
    """S23."""
    write(log, target="a\x1b[2Jb\x9bc\r\nd\u202e")

    result = run("audit", "list", environ=environ)

    assert "a\\x1b[2Jb\\x9bc\\x0d\\x0ad\\u202e" in result.output


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_a_time_ago_is_counted_from_now(text: str, seconds: int) -> None:
    found = Since().convert(text, None, None)

    assert abs((datetime.now(UTC) - found).total_seconds() - seconds) < 5


def test_a_date_without_a_zone_is_in_utc() -> None:
    assert Since().convert("2027-01-31", None, None) == datetime(2027, 1, 31, tzinfo=UTC)
    assert Since().convert("2027-01-31T10:00:00+02:00", None, None) == datetime(2027, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "7", "-7d", "999999w", "d", "2027-13-01"])
def test_a_time_that_is_none_is_refused(run: Run, text: str, environ: Mapping[str, str]) -> None:
    result = run("audit", "list", f"--since={text}", environ=environ)

    assert result.exit_code == 2
    assert "such as 2027-01-31" in result.stderr


def test_a_sound_log_is_said_to_be_so_with_its_end(
    run: Run, log: AuditLog, environ: Mapping[str, str]
) -> None:
    assert run("audit", "verify", environ=environ).output == "The audit log is empty.\n"
    write(log)
    write(log)
    head = f"2:{log.entries()[0].hash}"

    result = run("audit", "verify", environ=environ)

    assert result.exit_code == 0
    assert result.output.splitlines()[:2] == [
        "The 2 events of the audit log are as they were written.",
        f"It ends with {head}",
    ]
    assert run("audit", "verify", "--head", head, environ=environ).exit_code == 0


def test_a_log_that_was_changed_fails_and_names_the_event(
    run: Run, log: AuditLog, database: Database, environ: Mapping[str, str]
) -> None:
    for _ in range(3):
        write(log)
    with database.begin() as connection:
        connection.execute(AUDIT_EVENTS.update().where(AUDIT_EVENTS.c.seq == 2).values(actor="cli:eve"))

    result = run("audit", "verify", environ=environ)
    as_json = run("audit", "verify", "--json", environ=environ)

    assert result.exit_code == 1
    assert result.stdout == "2: was changed after it was written\n"
    assert "first at event 2" in result.stderr
    assert as_json.exit_code == 1
    found = json.loads(as_json.output)
    assert (found["is_sound"], found["rows"]) == (False, 3)
    assert found["problems"] == [{"seq": 2, "text": "was changed after it was written"}]


def test_a_log_that_was_made_anew_fails_against_a_noted_end(
    run: Run, log: AuditLog, database: Database, environ: Mapping[str, str]
) -> None:
    write(log)
    head = f"1:{log.entries()[0].hash}"
    with database.begin() as connection:
        connection.execute(AUDIT_EVENTS.delete())
        connection.execute(STORE_STATE.delete())
    write(log, actor="cli:eve")

    assert run("audit", "verify", environ=environ).exit_code == 0
    result = run("audit", "verify", "--head", head, environ=environ)
    assert (result.exit_code, result.stdout) == (1, "1: is not the entry that was noted elsewhere\n")


def test_a_noted_end_that_is_none_is_refused(run: Run, environ: Mapping[str, str]) -> None:
    result = run("audit", "verify", "--head", "12", environ=environ)

    assert result.exit_code == 2
    assert "the number, a colon and the hash" in result.stderr
