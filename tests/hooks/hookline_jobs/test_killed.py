"""Workers that are killed with -9: no job is lost, and none is paid for twice without saying so."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from hookline.store.tables import JOBS

if TYPE_CHECKING:
    from hookline.store.database import Database

JOBS_ASKED = int(os.environ.get("HOOKLINE_KILL_JOBS", "40"))
KILLS = int(os.environ.get("HOOKLINE_KILLS", "3"))
TAKES_S = 0.02
SOON_S = 90.0


class Worker:
    """A process that takes in and runs jobs."""

    def __init__(self, where: str, notes: Path, *, running: int = 8, key: str = "") -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("jobs_worker.py")),
                where,
                str(notes),
                str(TAKES_S),
                str(running),
                key,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert "ready" in self.hear()

    def tell(self, **order: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line.endswith("\n") else {}
        return found

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


@pytest.mark.parametrize("action", ["acme.say", "acme.count"])
def test_every_accepted_job_ends_although_its_workers_are_killed_again_and_again(
    database_url: str, new_database: Callable[[], Database], tmp_path: Path, action: str
) -> None:
    """An action that may be repeated runs again; another one tells that it may have been charged."""
    database = new_database()
    database.upgrade()
    notes, key = tmp_path / "notes", base64.b64encode(random.randbytes(32)).decode()
    accepted: list[str] = []
    texts = [f"job {number}" for number in range(JOBS_ASKED)]
    seed = random.Random(4)
    for kill in range(KILLS):
        worker = Worker(database_url, notes, key=key)
        part = texts[kill::KILLS]
        worker.tell(do="ask", texts=part, action=action)
        stop_after = seed.randrange(len(part) // 2, len(part))
        for _ in range(stop_after):
            accepted.append(worker.hear()["accepted"])
        time.sleep(seed.random() * 1.5)
        worker.kill()
        accepted += _accepted_meanwhile(database, accepted)

    last = Worker(database_url, notes, key=key)
    try:
        rows = _wait_until_over(database)
    finally:
        last.kill()

    assert set(rows) >= set(accepted)
    asked = Counter(notes.read_text().split("\n")[:-1])
    ends = Counter((row["state"], row["reply_status"]) for row in rows.values())
    print(f"{len(accepted)} accepted, {dict(ends)}, {sum(asked.values())} requests for {len(asked)} of them")
    if action == "acme.count":
        assert set(ends) == {("done", 200)}
        assert sum(asked.values()) - len(asked) <= 8 * KILLS  # only what ran when its worker was killed
    else:
        assert set(ends) <= {("done", 200), ("failed", 502)}
        assert max(asked.values()) == 1  # nothing was asked for twice
        assert ends["failed", 502] <= 8 * KILLS


def _accepted_meanwhile(database: Database, known: list[str]) -> list[str]:
    with database.connect() as connection:
        return [id for id in connection.execute(select(JOBS.c.id)).scalars() if id not in known]


def _wait_until_over(database: Database) -> dict[str, dict[str, Any]]:
    until = time.monotonic() + SOON_S
    while True:
        with database.connect() as connection:
            rows = connection.execute(
                select(JOBS.c.id, JOBS.c.state, JOBS.c.reply_status, JOBS.c.runs, JOBS.c.owner)
            ).mappings()
            found = {str(row["id"]): dict(row) for row in rows}
        if all(row["state"] not in ("queued", "running") for row in found.values()):
            return found
        assert time.monotonic() < until, Counter(row["state"] for row in found.values())
        time.sleep(0.1)
