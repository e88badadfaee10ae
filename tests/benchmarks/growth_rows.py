"""Many rows in the project's own tables, written in bulk so that a database is large within seconds."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from sqlalchemy import Table, insert, select, text

from hookline.store.database import Database
from hookline.store.tables import CONNECTIONS, JOBS, KEPT_REPLIES, KEYS
from hookline_auth.key_format import KeyText
from hookline_auth.pepper import PepperSource

KEYS_OF_LEDGER = 100
DAYS_OF_LEDGER = 30

_KEYS_IN_USE = 5_000
_BATCH = 50_000
_LEDGER_BATCH = 250_000
_TIMEOUT_S = 600.0
_DAY_US = 86_400_000_000

_NUMBERS = (
    "WITH RECURSIVE n(i) AS (SELECT :first WHERE :first < :end "
    "UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end)"
)
_HEX = "lower(hex(randomblob(8)))"
_RANDOM_ID = f"replace(replace(replace(replace({_HEX}, '0', 'w'), '1', 'x'), '8', 'y'), '9', 'z')"
_RANDOM_HASH = "substr(secret_hash, 1, 17) || lower(hex(randomblob(32)))"
_LEDGER_ROWS = f"""
{_NUMBERS} INSERT INTO usage_rows (call_id, at_us, key_id, tenant, end_user, action, door, connection, model,
input_tokens, output_tokens, cost_nano_usd, is_estimated, status, attempts, first_byte_ms, total_ms,
is_stream, is_internal)
SELECT 'call_' || printf('%024x', i), :begin_us + CAST(1.0 * (i - :already) / :more * :span_us AS INTEGER),
'key' || (i % {KEYS_OF_LEDGER}), 'tenant' || (i % 10), 'user' || (i % 1000), 'openai.chat', 'action',
'openai', 'model' || (i % 8), 100, 50, 1000000, 0, 200, 1, 100, 200, 0, 0 FROM n
"""


def fill_keys(folder: Path, count: int, *, first: str) -> list[str]:
    """Store keys that are like one that is there, and return those that somebody could use.

    Args:
        folder: Where the database is.
        count: Keys afterwards.
        first: The one that is there.
    """
    database = Database(None, state_dir=folder)
    pepper = PepperSource({}, folder).get()
    with database.connect() as connection:
        is_first = KEYS.c.id == first.split("_")[1]
        row = dict(connection.execute(select(KEYS).where(is_first)).mappings().one())
    keys = [_key(number) for number in range(min(count - 1, _KEYS_IN_USE))]
    _write(database, KEYS, ({**row, "id": key.id, "secret_hash": pepper.hash(key.secret)} for key in keys))
    others = ", ".join({"id": _RANDOM_ID, "secret_hash": _RANDOM_HASH}.get(name, name) for name in row)
    with database.begin(timeout_s=_TIMEOUT_S) as connection:
        connection.execute(
            text(f"{_NUMBERS} INSERT INTO keys SELECT {others} FROM keys, n WHERE id = :id ORDER BY 1"),
            {"first": 0, "end": count - 1 - len(keys), "id": row["id"]},
        )
    database.close()
    return [first, *(key.reveal() for key in keys)]


def fill_ledger(folder: Path, count: int, *, already: int = 0) -> None:
    """Write rows of the last days up to a number of them, evenly spread over keys, tenants and models.

    Args:
        folder: Where the database is.
        count: Rows afterwards.
        already: Rows that are there; the new ones are of the same days.
    """
    database = Database(None, state_dir=folder)
    span_us = DAYS_OF_LEDGER * _DAY_US
    begin_us = time.time_ns() // 1000 - span_us
    for first in range(already, count, _LEDGER_BATCH):
        values = {"first": first, "end": min(count, first + _LEDGER_BATCH)}
        values |= {"already": already, "more": count - already, "begin_us": begin_us, "span_us": span_us}
        with database.begin(timeout_s=_TIMEOUT_S) as connection:
            connection.execute(text(_LEDGER_ROWS), values)
    database.close()


def fill_jobs(folder: Path, count: int) -> None:
    """Write jobs of a hundred tenants that are in the queue and due tomorrow."""
    now_us = time.time_ns() // 1000
    common = dict.fromkeys(column.name for column in JOBS.c) | {
        "key_id": "somebody",
        "action": "openai.chat",
        "connection": "openai",
        "state": "queued",
        "priority": 1_000_001,
        "runs": 0,
        "owner": "queue",
        "is_sent": False,
        "is_cancelled": False,
        "is_told": False,
        "not_before_us": now_us + _DAY_US,
        "expires_at_us": now_us + 2 * _DAY_US,
        "order": bytes(1024),
    }
    rows = (
        {
            **common,
            "tenant": "somebody" if number % 100 == 0 else f"tenant{number % 100}",
            "id": f"job_{number:032x}",
            "call_id": f"call_{number:024x}",
            "created_at_us": now_us + number,
        }
        for number in range(count)
    )
    _fill(folder, JOBS, rows)


def fill_connections(folder: Path, count: int, *, tenant: str | None) -> None:
    """Write connections without a credential, two of each tenant, or all of them of whoever runs the gateway.

    Args:
        folder: Where the database is.
        count: How many.
        tenant: How tenants are called, before a number; None for shared connections.
    """
    common = {
        "connector": "openai",
        "base_url": None,
        "allowed_origins": "[]",
        "options": "{}",
        "credential_ref": None,
        "secret": None,
        "weight": 1,
        "priority": 0,
        "models": '["*"]',
        "created_at_us": 1,
        "updated_at_us": 1,
        "rotated_at_us": None,
        "is_disabled": False,
    }
    rows = (
        {**common, "tenant": f"{tenant}{number // 2}" if tenant else "", "name": f"account{number}"}
        for number in range(count)
    )
    _fill(folder, CONNECTIONS, rows)


def fill_replies(folder: Path, count: int) -> None:
    """Write kept replies that last until tomorrow."""
    now_us = time.time_ns() // 1000
    common = {
        "tenant": "somebody",
        "action": "openai.chat",
        "key_id": "somebody",
        "fingerprint": "0" * 64,
        "state": "kept",
        "owner": "0" * 16,
        "is_sent": True,
        "lease_until_us": 0,
        "created_at_us": now_us,
        "expires_at_us": now_us + _DAY_US,
        "reply": bytes(1200),
    }
    ids = sorted(hashlib.sha256(str(number).encode()).hexdigest() for number in range(count))
    _fill(folder, KEPT_REPLIES, ({**common, "id": id, "call_id": f"call_{id[:24]}"} for id in ids))


def _fill(folder: Path, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    database = Database(None, state_dir=folder)
    _write(database, table, rows)
    database.close()


def _write(database: Database, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        with database.begin(timeout_s=_TIMEOUT_S) as connection:
            connection.execute(insert(table), batch)


def _key(number: int) -> KeyText:
    digest = hashlib.sha256(str(number).encode()).digest()
    return KeyText(id=base64.b32encode(digest[:10]).decode().lower(), secret=digest.hex()[:43])
