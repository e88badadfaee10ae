"""The end of a worker, orderly or not: what was written is there once, and a kill costs the last moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from hookline.store.tables import USAGE_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.store.database import Database

# Runs calls on eight threads for ever, and tells the id of each call that is over.
WORKER = """
import os, sys, threading, time
from hookline.order import Order
from hookline.settings import Settings
from hookline_ledger import LedgerPlugin
from small_service import CALLER, make_gateway

gateway = make_gateway(LedgerPlugin(), settings=Settings(database_url=sys.argv[1]))

def run(thread):
    for number in range(1_000_000):
        id = f"call_{thread}_{number}"
        order = Order(action_id="acme.say", fields={"text": "hi"}, call_id=id)
        assert gateway.runner.run(CALLER, order).status == 200
        os.write(1, f"{id}\\n".encode())
        time.sleep(0.005)

for thread in range(8):
    threading.Thread(target=run, args=(thread,)).start()
"""
# Ends like any program, without closing the gateway.
ENDS = """
import sys
from hookline.settings import Settings
from hookline_ledger import LedgerPlugin
from small_service import CALLER, make_gateway, say

gateway = make_gateway(LedgerPlugin(), settings=Settings(database_url=sys.argv[1]))
assert gateway.runner.run(CALLER, say()).status == 200
"""
SUPPORT = Path(__file__).parents[2] / "support"
WINDOW_S = 0.25  # as the page says
SLACK_S = 2.0  # for a busy machine, on which the writer may have to wait for its turn


def run_and_kill(url: str) -> tuple[dict[str, float], float]:
    """Return when each call was over, and when the worker was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
    )
    assert process.stdout is not None
    over: dict[str, float] = {}
    end = float("inf")
    try:
        for line in process.stdout:
            now = time.monotonic()
            over[line.decode().strip()] = now
            end = min(end, now + WINDOW_S + SLACK_S + 1)
            if now > end:
                break
    finally:
        killed_at = time.monotonic()
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().decode().split()
        over |= dict.fromkeys(rest, killed_at)
        process.stdout.close()
        assert process.wait(timeout=30) == -signal.SIGKILL
    return over, killed_at


def test_a_killed_worker_loses_no_more_than_its_last_moments_and_doubles_nothing(
    database_url: str, new_database: Callable[[], Database]
) -> None:
    database = new_database()
    with database.begin():
        pass  # the tables are there from now on
    over, killed_at = run_and_kill(database_url)

    with database.connect() as connection:
        rows = list(connection.execute(select(USAGE_ROWS.c.call_id)).scalars())
    assert len(rows) == len(set(rows))
    long_over = {id for id, at in over.items() if at < killed_at - WINDOW_S - SLACK_S}
    assert len(long_over) > 50
    assert long_over - set(rows) == set()
    with database.begin() as connection:  # nothing that was killed stands in the way
        assert connection.execute(delete(USAGE_ROWS)).rowcount == len(rows)


def test_a_program_that_ends_without_closing_its_gateway_has_written_its_rows(
    database_url: str, new_database: Callable[[], Database]
) -> None:
    environ = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    subprocess.run([sys.executable, "-c", ENDS, database_url], env=environ, check=True, timeout=60)
    with new_database().connect() as connection:
        assert list(connection.execute(select(USAGE_ROWS.c.call_id)).scalars()) == ["call_1"]
