"""Four gateways on one database, fifty requests at once with one key, and owners that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fake_clock import FakeClock
from replay_lab import ReplayLab, body_of, code_of, is_replayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.store.database import Database

SUPPORT = Path(__file__).parents[2] / "support"

# Begins its share of the requests at once, and repeats each as long as it is told to come again. The service
# answers when all the others were told so.
ASK = """
import json, os, sys, threading, time
from pathlib import Path
from hookline.clock import SYSTEM_CLOCK
from replay_lab import ReplayLab
from small_service import whole

url, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def note(name):
    file = os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, b"x")
    os.close(file)

def answer(request):
    note("calls")
    until = time.monotonic() + 20
    while (folder / "refused").stat().st_size < 49 and time.monotonic() < until:
        time.sleep(0.01)
    return whole({"text": os.urandom(8).hex()})

lab = ReplayLab(answer, clock=SYSTEM_CLOCK, database_url=url)
with lab.gateway.database.connect():
    pass
barrier, told = threading.Barrier(number), []

def ask():
    barrier.wait(30)
    statuses = []
    until = time.monotonic() + 30
    while time.monotonic() < until:
        reply = lab.ask()
        statuses.append(reply.status)
        if reply.status == 200:
            break
        if len(statuses) == 1:
            note("refused")
        time.sleep(0.05)
    told.append([statuses, reply.content.decode()])

threads = [threading.Thread(target=ask) for _ in range(number)]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(told))
lab.close()
"""

# Stops in the middle of its call, before or after it was sent, and waits to be killed.
DIE = """
import sys, time
from hookline import hookimpl
from hookline.clock import SYSTEM_CLOCK
from replay_lab import ReplayLab

def stop(request=None):
    print("there", flush=True)
    time.sleep(60)

class Stop:
    @hookimpl
    def hookline_shape_request(self):
        if sys.argv[2] == "before":
            stop()

ReplayLab(stop, clock=SYSTEM_CLOCK, database_url=sys.argv[1], plugins={"stop": Stop()}).ask()
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_fifty_requests_at_once_over_four_processes_are_one_call(
    database_url: str, new_database: Callable[[], Database], tmp_path: Path
) -> None:
    with new_database().begin():
        pass  # the tables are there from now on
    (tmp_path / "refused").touch()
    workers = [start(ASK, database_url, str(tmp_path), number) for number in ("13", "13", "12", "12")]
    assert [line_of(worker) for worker in workers] == ["ready"] * 4
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    told = [answer for worker in workers for answer in json.loads(worker.communicate(timeout=60)[0])]

    assert (tmp_path / "calls").read_bytes() == b"x"
    assert len(told) == 50
    assert len({content for _, content in told}) == 1
    assert {statuses[-1] for statuses, _ in told} == {200}
    assert {status for statuses, _ in told for status in statuses[:-1]} == {409}
    assert sum(len(statuses) > 1 for statuses, _ in told) == 49


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_owner_that_was_killed_is_told_from_one_that_runs(
    database_url: str, new_database: Callable[[], Database], when: str
) -> None:
    """Killed before it sent anything, its call is run by another; after that, the truth is told."""
    with new_database().begin():
        pass
    worker = start(DIE, database_url, when)
    assert line_of(worker) == "there"
    worker.send_signal(signal.SIGKILL)
    worker.communicate(timeout=30)
    lab = ReplayLab(clock=FakeClock(datetime.now(UTC)), database_url=database_url)

    soon = lab.ask()
    lab.clock.advance(31)
    later, last = lab.ask(), lab.ask()
    lab.close()

    assert (soon.status, code_of(soon)) == (409, "still_running")
    if when == "before":
        assert (later.status, is_replayed(last), lab.sent) == (200, True, 1)
    else:
        assert [code_of(later), code_of(last)] == ["first_attempt_lost"] * 2
        assert "another `Idempotency-Key`" in body_of(later)["message"]
        assert lab.sent == 0
