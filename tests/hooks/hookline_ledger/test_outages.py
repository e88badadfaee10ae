"""A database that is really down: calls go on, rows are kept, and each is written once when it is back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hookline.order import Order
from hookline.settings import Settings
from hookline.store.database import Database
from hookline.store.tables import USAGE_ROWS
from hookline.webhook.app import create_app
from hookline_ledger import LedgerPlugin
from servers import PostgresServer, new_postgres
from small_service import CALLER, make_gateway

if TYPE_CHECKING:
    from hookline.gateway import Gateway


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that is stopped and frozen here, and nobody else's."""
    server = new_postgres()
    yield server
    server.remove()


def run(gateway: Gateway, numbers: range) -> None:
    for number in numbers:
        order = Order(action_id="acme.say", fields={"text": "hi"}, call_id=f"call_{number}")
        began = time.monotonic()
        assert gateway.runner.run(CALLER, order).status == 200
        assert time.monotonic() - began < 1  # no call waits for the database


def wait_until(condition: Callable[[], bool], *, seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def written(url: str) -> list[str]:
    database = Database(url, state_dir=None)
    with database.connect() as connection:
        found = list(connection.execute(select(USAGE_ROWS.c.call_id).order_by(USAGE_ROWS.c.id)).scalars())
    database.close()
    return found


def ids(count: int) -> list[str]:
    return [f"call_{number}" for number in range(count)]


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_postgresql_goes_and_comes_back(own_postgres: PostgresServer, how: str) -> None:
    """S37: nothing is lost or doubled, and the gateway need not be started again."""
    url = own_postgres.new_database()
    gateway = make_gateway(LedgerPlugin(), settings=Settings(database_url=url))
    client = create_app(gateway).test_client()
    run(gateway, range(5))
    wait_until(lambda: len(written(url)) == 5)

    own_postgres.stop(kill=True) if how == "stopped" else own_postgres.pause()
    run(gateway, range(5, 10))
    wait_until(lambda: "ledger: " in client.get("/readyz").text)
    run(gateway, range(10, 15))
    own_postgres.start() if how == "stopped" else own_postgres.resume()

    wait_until(lambda: "ledger: " not in client.get("/readyz").text)
    gateway.close()
    assert written(url) == ids(15)


def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    """S37: another program holds SQLite's only write lock for longer than anybody waits for it."""
    file = tmp_path / "hookline.sqlite3"
    url = f"sqlite:///{file}"
    gateway = make_gateway(LedgerPlugin(), settings=Settings(database_url=url))
    client = create_app(gateway).test_client()
    run(gateway, range(1))
    wait_until(lambda: file.exists() and written(url) == ids(1))

    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    run(gateway, range(1, 5))
    wait_until(lambda: "ledger: " in client.get("/readyz").text)
    other.execute("ROLLBACK")
    other.close()

    wait_until(lambda: "ledger: " not in client.get("/readyz").text)
    gateway.close()
    assert written(url) == ids(5)
