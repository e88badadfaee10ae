"""S37: a PostgreSQL that is stopped, frozen, locked or read-only gives 503 in time, and comes back."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from hookline.errors import StoreUnavailableError
from hookline.store import bounds
from hookline.store.database import Database
from hookline.store.tables import STORE_STATE

if TYPE_CHECKING:
    from servers import PostgresServer


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    with closing(Database(postgres_url, state_dir=None)) as database:
        assert read(database) == 0
        yield database


def write(database: Database, name: str = "one") -> None:
    with database.begin() as connection:
        connection.execute(STORE_STATE.insert().values(name=name, value="x"))


def read(database: Database) -> int:
    with database.connect() as connection:
        return len(connection.execute(STORE_STATE.select()).all())


def look_anew(database: Database) -> str | None:
    database._pinged = None
    return database.ping()


def fails_after(database: Database) -> float:
    """Return how many seconds a block took to be refused."""
    began_at = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        read(database)
    assert caught.value.status == 503
    return time.monotonic() - began_at


def until_it_works(database: Database, within_s: float) -> float:
    began_at = time.monotonic()
    while True:
        try:
            read(database)
            return time.monotonic() - began_at
        except StoreUnavailableError:
            assert time.monotonic() - began_at < within_s
            time.sleep(0.05)


def test_a_stopped_server_is_refused_at_once_and_used_again_without_a_restart(
    database: Database, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    write(database)
    postgres_server.stop()
    try:
        assert fails_after(database) < 1.0
        assert all(fails_after(database) < 0.1 for _ in range(20))
        assert look_anew(database) == "The database cannot be reached."
        time.sleep(bounds.REST_S)
        assert fails_after(database) < 1.0  # it tries again by itself
    finally:
        postgres_server.start()

    assert until_it_works(database, within_s=5.0) < 2 * bounds.REST_S
    assert (read(database), look_anew(database)) == (1, None)
    assert caplog.text.count("cannot be reached") == 1
    assert postgres_server.password not in caplog.text


def test_a_server_that_was_restarted_between_two_calls_is_not_noticed(
    database: Database, postgres_server: PostgresServer
) -> None:
    read(database)
    time.sleep(1.1)  # from then on a connection is looked at before it is used
    postgres_server.stop(kill=True)
    postgres_server.start()

    assert read(database) == 0


def test_a_frozen_server_keeps_few_waiting_and_then_nobody(
    database: Database, postgres_server: PostgresServer
) -> None:
    """Slow is worse than dead: the first ones wait a bounded time, the others fail at once."""
    read(database)
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.append(fails_after(database))) for _ in range(30)]
    postgres_server.pause()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30.0)
        assert len(waits) == 30
        assert max(waits) < 9.0
        assert all(fails_after(database) < 0.1 for _ in range(20))
        assert look_anew(database) == "The database cannot be reached."
    finally:
        postgres_server.resume()

    until_it_works(database, within_s=8.0)
    assert look_anew(database) is None


def test_a_locked_row_is_waited_for_only_so_long(database: Database, postgres_url: str) -> None:
    write(database)
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT * FROM store_state FOR UPDATE")
        began_at = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="locked"), database.begin() as connection:
            connection.execute(STORE_STATE.update().values(value="y"))
        assert bounds.LOCK_WAIT_S * 0.9 < time.monotonic() - began_at < bounds.LOCK_WAIT_S + 2.0
        assert read(database) == 1  # others are served meanwhile


def test_a_server_that_became_read_only_says_so_and_recovers(
    database: Database, postgres_server: PostgresServer
) -> None:
    def set_read_only(is_on: bool) -> None:
        with psycopg.connect(postgres_server.url, autocommit=True) as admin:
            admin.execute(
                f"ALTER SYSTEM SET default_transaction_read_only = {'on' if is_on else 'off'}".encode()
            )
            admin.execute(b"SELECT pg_reload_conf()")

    set_read_only(True)
    try:
        deadline = time.monotonic() + 10.0
        while look_anew(database) is None and time.monotonic() < deadline:
            time.sleep(0.05)  # the server reads its settings in its own time
        with pytest.raises(StoreUnavailableError, match="read-only"):
            write(database)
        assert look_anew(database) == "The database cannot be written: it is read-only."
        assert read(database) <= 1
    finally:
        with psycopg.connect(postgres_server.url, autocommit=True) as admin:
            admin.execute(b"SET default_transaction_read_only = off")
            admin.execute(b"ALTER SYSTEM RESET default_transaction_read_only")
            admin.execute(b"SELECT pg_reload_conf()")

    deadline = time.monotonic() + 10.0
    while look_anew(database) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    write(database)


def test_a_wrong_password_is_an_outage_that_shows_no_password(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """S23."""
    url = postgres_url.replace(postgres_server.password, "not-the-w0rd")
    with closing(Database(url, state_dir=None)) as database:
        for _ in range(2):  # also while it has a rest after the first failure
            with pytest.raises(StoreUnavailableError, match="refused the gateway's user") as caught:
                read(database)

        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + database.url_shown
        assert "not-the-w0rd" not in shown + str(database.ping())
        assert "127.0.0.1" not in caught.value.message  # callers see this


def test_a_server_without_a_free_connection_is_an_outage(
    database: Database, postgres_server: PostgresServer, postgres_url: str
) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        name = postgres_url.rpartition("/")[2]
        admin.execute(b"CREATE ROLE narrow LOGIN PASSWORD 'w0rd-of-narrow' CONNECTION LIMIT 0")
        admin.execute(f'GRANT ALL ON DATABASE "{name}" TO narrow'.encode())
        url = postgres_url.replace("hookline:" + postgres_server.password, "narrow:w0rd-of-narrow")
        with closing(Database(url, state_dir=None)) as other, pytest.raises(StoreUnavailableError):
            read(other)
        admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM narrow'.encode())
        admin.execute(b"DROP ROLE narrow")


def test_an_address_where_nobody_answers_is_refused_in_bounded_time() -> None:
    with closing(Database("postgresql://ada:word@127.0.0.1:1/gate", state_dir=None)) as database:
        assert fails_after(database) < 3.0
        assert fails_after(database) < 0.1


def test_the_password_is_in_no_log_at_any_level(
    postgres_server: PostgresServer, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """S23: neither when all goes well, nor while the server is away."""
    with caplog.at_level("DEBUG"), closing(Database(postgres_url, state_dir=None)) as database:
        write(database)
        postgres_server.stop()
        try:
            fails_after(database)
        finally:
            postgres_server.start()
        until_it_works(database, within_s=5.0)
        assert database.status().rows["store_state"] == 1

    assert "cannot be reached" in caplog.text
    assert postgres_server.password not in caplog.text
    assert postgres_server.password not in repr(vars(database))
