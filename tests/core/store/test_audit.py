"""The audit log: what is written stays as it is, or verifying says where it does not."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, select

from hookline.connection import Secret
from hookline.store import audit_rows
from hookline.store.audit import AuditLog
from hookline.store.audit_events import AuditEvent, hash_of
from hookline.store.audit_rows import AuditHead
from hookline.store.tables import AUDIT_EVENTS, KEYS, STORE_STATE

if TYPE_CHECKING:
    from hookline.store.database import Database

SEQ = AUDIT_EVENTS.c.seq


@pytest.fixture
def log(database: Database) -> AuditLog:
    return AuditLog(database, now_s=lambda: 1_795_000_000.25)


def write(log: AuditLog, count: int, *, action: str = "key.create", actor: str = "cli:ada") -> None:
    for number in range(1, count + 1):
        log.append(
            actor=actor, action=action, target=f"key{number}", tenant="t", client="", details={"n": number}
        )


def problems(log: AuditLog, noted: AuditHead | None = None) -> list[tuple[int, str]]:
    return [(problem.seq, problem.text) for problem in log.verify(noted=noted).problems]


def test_an_entry_holds_what_was_done_and_follows_the_one_before(log: AuditLog) -> None:
    write(log, 1)
    second = log.append(
        actor="key7", action="connection.rotate", target="openai", tenant="acme", client="192.0.2.7",
        details={"label": "Ünïcode", "models": ["*"], "before": None},
    )  # fmt: skip

    assert log.entries(limit=1) == [second]
    event = second.event
    assert (event.actor, event.action, event.target) == ("key7", "connection.rotate", "openai")
    assert (event.tenant, event.client, event.at_us) == ("acme", "192.0.2.7", 1_795_000_000_250_000)
    assert json.loads(event.details) == {"label": "Ünïcode", "models": ["*"], "before": None}
    assert (second.seq, second.previous_hash) == (2, log.entries()[1].hash)


def test_the_hash_is_the_documented_one(log: AuditLog) -> None:
    """Computed here by hand, so that anybody can verify the log without this program."""
    entry = log.append(
        actor="a", action="b.c", target="d", tenant="e", client="f", details={"y": 1, "x": "ü"}
    )

    text = (
        '[1,1795000000250000,"a","b.c","d","e","f","{\\"x\\":\\"\\\\u00fc\\",\\"y\\":1}","' + "0" * 64 + '"]'
    )
    assert entry.hash == hashlib.sha256(text.encode()).hexdigest()


def test_a_log_that_nobody_touched_is_sound(log: AuditLog) -> None:
    assert (log.verify().rows, log.verify().head, log.verify().is_sound) == (0, None, True)
    write(log, 5)

    report = log.verify()

    assert (report.rows, report.problems, report.is_sound) == (5, (), True)
    assert report.head == AuditHead(seq=5, hash=log.entries()[0].hash)


Tamper = Callable[[Connection], object]


def swap(connection: Connection) -> None:
    rows = {row.seq: dict(row._mapping) for row in connection.execute(AUDIT_EVENTS.select())}
    connection.execute(AUDIT_EVENTS.delete().where(SEQ.in_([2, 3])))
    connection.execute(AUDIT_EVENTS.insert(), [{**rows[2], "seq": 3}, {**rows[3], "seq": 2}])


def insert(connection: Connection) -> None:
    """Move the last two up, and put one in between that looks right by itself."""
    rows = {row.seq: dict(row._mapping) for row in connection.execute(AUDIT_EVENTS.select())}
    connection.execute(AUDIT_EVENTS.delete().where(SEQ >= 4))
    connection.execute(AUDIT_EVENTS.insert(), [forged(rows[4]), {**rows[4], "seq": 5}, {**rows[5], "seq": 6}])


def forged(row: dict[str, object]) -> dict[str, object]:
    """Return a row in which something else stands, with the hash that fits it."""
    row = {**row, "actor": "cli:mallory"}
    event = AuditEvent(**{name: row[name] for name in AuditEvent.__slots__})  # type: ignore[arg-type]
    return {**row, "hash": hash_of(int(str(row["seq"])), event, str(row["previous_hash"]))}


def forge(connection: Connection) -> None:
    row = connection.execute(AUDIT_EVENTS.select().where(SEQ == 3)).one()
    connection.execute(AUDIT_EVENTS.update().where(SEQ == 3).values(**forged(dict(row._mapping))))


def change(column: str) -> Tamper:
    def tamper(connection: Connection) -> None:
        value = 7 if column == "at_us" else "other"
        connection.execute(AUDIT_EVENTS.update().where(SEQ == 3).values({column: value}))

    return tamper


@pytest.mark.parametrize(
    ("tamper", "first", "words"),
    [
        *(
            (change(column), 3, "was changed after it was written")
            for column in ("at_us", "actor", "action", "target", "tenant", "client", "details", "hash")
        ),
        (change("previous_hash"), 3, "does not follow the entry before it"),
        (forge, 4, "does not follow the entry before it"),
        (lambda connection: connection.execute(AUDIT_EVENTS.delete().where(SEQ == 3)), 3, "are missing"),
        (lambda connection: connection.execute(AUDIT_EVENTS.delete().where(SEQ == 1)), 1, "are missing"),
        (swap, 2, "does not follow the entry before it"),
        (insert, 5, "does not follow the entry before it"),
        (
            lambda connection: connection.execute(AUDIT_EVENTS.delete().where(SEQ > 3)),
            4,
            "missing at the end",
        ),
        (
            lambda connection: connection.execute(AUDIT_EVENTS.delete()),
            1,
            "entries 1 to 5 are missing at the end",
        ),
        (
            lambda connection: connection.execute(STORE_STATE.delete()),
            5,
            "the note of the last one is missing",
        ),
        (
            lambda connection: connection.execute(STORE_STATE.update().values(value="nonsense")),
            5,
            "entry 0 was noted as the last one",
        ),
    ],
    ids=[
        *("at_us", "actor", "action", "target", "tenant", "client", "details", "hash"),
        *("previous_hash", "forged", "removed", "first removed", "moved", "put in"),
        *("end cut off", "all removed", "note removed", "note changed"),
    ],
)
def test_verifying_names_the_first_entry_that_is_wrong(
    log: AuditLog, database: Database, tamper: Tamper, first: int, words: str
) -> None:
    write(log, 5)
    with database.begin() as connection:
        tamper(connection)

    found = problems(log)

    assert found[0][0] == first
    assert words in found[0][1]


def test_a_hole_at_the_end_stays_when_the_log_goes_on(log: AuditLog, database: Database) -> None:
    write(log, 5)
    with database.begin() as connection:
        connection.execute(AUDIT_EVENTS.delete().where(SEQ > 3))

    write(log, 2)

    assert [entry.seq for entry in log.entries()] == [7, 6, 3, 2, 1]
    assert problems(log) == [(4, "entries 4 to 5 are missing")]


def test_a_log_made_anew_shows_only_by_an_end_that_was_kept_elsewhere(
    log: AuditLog, database: Database
) -> None:
    """What a chain without a key cannot prove by itself."""
    write(log, 5)
    noted = log.verify().head
    with database.begin() as connection:
        connection.execute(AUDIT_EVENTS.delete())
        connection.execute(STORE_STATE.delete())
    write(log, 5, actor="cli:mallory")

    assert log.verify().is_sound
    assert problems(log, noted) == [(5, "is not the entry that was noted elsewhere")]


def test_an_end_that_was_kept_elsewhere_still_fits_when_the_log_went_on(log: AuditLog) -> None:
    write(log, 3)
    noted = log.verify().head
    write(log, 3)

    assert log.verify(noted=noted).is_sound
    assert problems(log, AuditHead(seq=9, hash="0" * 64)) == [(7, "entries 7 to 9 are missing at the end")]


def test_a_long_log_is_read_in_pieces(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_rows, "CHUNK_ROWS", 3)
    write(log, 10)

    assert (log.verify().rows, log.verify().is_sound) == (10, True)


def test_verifying_while_others_write_finds_nothing_wrong(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_rows, "CHUNK_ROWS", 2)
    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(write, log, 30)
        reports = [log.verify()]
        while not writing.done():
            reports.append(log.verify())

    assert [problem for report in reports for problem in report.problems] == []
    assert log.verify().rows == 30


PROGRAM = """
import sys
from hookline.store.audit import AuditLog
from hookline.store.database import Database
database = Database(sys.argv[1], state_dir=None)
log = AuditLog(database)
with database.connect():
    pass
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    log.append(actor=sys.argv[2], action="key.create", target=str(number), tenant="t", client="", details={})
database.close()
"""


def test_processes_that_append_at_once_make_one_chain(
    log: AuditLog, database: Database, database_url: str
) -> None:
    with database.connect():
        pass
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, database_url, f"p{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("go\n", timeout=60.0) for process in processes]

    assert [error for _, error in outputs] == [""] * 4
    report = log.verify()
    assert (report.rows, report.problems) == (100, ())
    actors = [entry.event.actor for entry in log.entries()]
    assert {actor: actors.count(actor) for actor in actors} == {f"p{number}": 25 for number in range(4)}


def test_threads_that_append_at_once_make_one_chain(log: AuditLog) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: write(log, 5, actor=f"t{number}"), range(8)))

    assert (log.verify().rows, log.verify().is_sound) == (40, True)


def test_an_event_is_kept_together_with_its_change_or_not_at_all(log: AuditLog, database: Database) -> None:
    def change(connection: Connection) -> None:
        connection.execute(STORE_STATE.insert().values(name="setting", value="on"))
        log.append_to(
            connection, actor="a", action="setting.set", target="setting", tenant="t", client="", details={}
        )

    def fail(connection: Connection) -> None:
        change(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), database.begin() as connection:
        fail(connection)
    assert (log.entries(), log.verify().is_sound) == ([], True)

    with database.begin() as connection:
        change(connection)
    assert [entry.event.target for entry in log.entries()] == ["setting"]


@pytest.mark.parametrize(
    "details",
    [
        {"key": SecretStr("canary-word")},
        {"a": [{"b": Secret("canary-word", allowed_origins=frozenset())}]},
        {"a": b"canary-word"},
        {"a": object()},
        {"a": float("nan")},
        {1: "a"},
    ],
)
def test_a_secret_and_what_is_not_json_are_refused(log: AuditLog, details: dict[str, object]) -> None:
    """S23."""
    for append in (log.append, log.append_later):
        with pytest.raises(TypeError) as caught:
            append(actor="a", action="b", target="c", tenant="d", client="e", details=details)
        assert "canary" not in str(caught.value)

    assert log.entries() == []


def test_details_that_are_too_large_are_refused(log: AuditLog) -> None:
    with pytest.raises(ValueError, match="longer than 16384 bytes"):
        log.append(actor="a", action="b", target="c", tenant="d", client="e", details={"x": "y" * 20_000})


def test_texts_that_callers_chose_are_cut_and_cleaned(log: AuditLog) -> None:
    """S6, S23: no text makes an event impossible to write."""
    entry = log.append(
        actor="a", action="b", target="x" * 9999, tenant="\udc80\0", client="\0", details={"\0": "\0\udc80"}
    )

    assert entry == log.entries()[0]
    assert (entry.event.target, entry.event.tenant, entry.event.client) == (
        "x" * 512,
        "\\udc80\\x00",
        "\\x00",
    )
    assert log.verify().is_sound


def test_entries_are_found_by_time_actor_action_and_tenant(database: Database) -> None:
    """S6: nothing in a search is a wildcard but the star at the end."""
    moments = iter(range(1, 100))
    log = AuditLog(database, now_s=lambda: float(next(moments)))
    for actor, action, tenant in [
        ("ada", "key.create", "t1"),
        ("ada", "keyXrotate", "t1"),
        ("bob", "key.revoke", "t2"),
        ("b%", "connection.add", "t2"),
        ("ada", "KEY.create", "t1"),
    ]:
        log.append(actor=actor, action=action, target="", tenant=tenant, client="", details={})

    def seqs(**wanted: object) -> Sequence[int]:
        return [entry.seq for entry in log.entries(**wanted)]  # type: ignore[arg-type]

    assert seqs() == [5, 4, 3, 2, 1]
    assert seqs(limit=2) == [5, 4]
    assert seqs(since_us=4_000_000) == [5, 4]
    assert seqs(actor="ada") == [5, 2, 1]
    assert seqs(actor="b%") == [4]
    assert seqs(action="key.*") == [3, 1]
    assert seqs(action="key.create") == [1]
    assert seqs(action="k%*") == []
    assert seqs(action="*", tenant="t2") == [4, 3]
    assert seqs(actor="' OR 1=1 --") == []


def test_an_entry_reads_well_as_json(log: AuditLog) -> None:
    write(log, 1)

    shown = log.entries()[0].as_json()

    assert shown == {
        "seq": 1,
        "at": "2026-11-18T11:06:40.250+00:00",
        "actor": "cli:ada",
        "action": "key.create",
        "target": "key1",
        "tenant": "t",
        "client": "",
        "details": {"n": 1},
        "hash": log.entries()[0].hash,
    }


def test_the_log_writes_no_other_table_but_its_note(log: AuditLog, database: Database) -> None:
    write(log, 1)

    with database.connect() as connection:
        assert connection.execute(select(STORE_STATE.c.name)).scalars().all() == ["audit_head"]
        assert connection.execute(KEYS.select()).all() == []
