"""Several processes with one database, and processes that are killed: SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from callbacks_lab import job, make_lab, receiving
from fake_clock import FakeClock
from hookline_callbacks.courier import LEASE_S
from hookline_callbacks.deliveries import delivery_id_of
from scripted_server import answer

if TYPE_CHECKING:
    from hookline.store.database import Database

JOBS = 60
SUPPORT = Path(__file__).parents[2] / "support"
CHILD = """
import sys
from pathlib import Path
from callbacks_lab import make_lab
lab = make_lab(Path(sys.argv[1]), sys.argv[2])
lab.take(sys.argv[3])
lab.carry()
print("noted", flush=True)
"""


def test_two_gateways_share_the_work_and_post_each_result_once(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    database.upgrade()
    with ExitStack() as stack:
        labs = [make_lab(tmp_path, database_url, clock=FakeClock()) for _ in range(2)]
        for lab in labs:
            stack.callback(lab.gateway.close)
        receiver = stack.enter_context(receiving())
        for number in range(JOBS):
            labs[number % 2].plugin.hookline_job_over(job=job(number, callback_url=receiver.url()))
        counts: list[int] = []
        threads = [threading.Thread(target=lambda lab=lab: counts.append(lab.carry())) for lab in labs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        states = Counter(one.state for one in labs[0].office.deliveries.search(tenant=None, limit=100))

    assert states == {"delivered": JOBS}
    assert sum(counts) == JOBS
    assert Counter(letter.id for letter in receiver.letters) == {
        delivery_id_of(job(number).id): 1 for number in range(JOBS)
    }


def test_two_gateways_sign_with_one_secret(database_url: str, database: Database, tmp_path: Path) -> None:
    database.upgrade()
    with ExitStack() as stack:
        labs = [make_lab(tmp_path, database_url, clock=FakeClock()) for _ in range(2)]
        for lab in labs:
            stack.callback(lab.gateway.close)
        found = [lab.office.secrets.signing("acme", now_us=lab.office.now_us()) for lab in labs]

    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_a_process_that_is_killed_between_sending_and_noting_loses_nothing(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    """At least once: the receiver got it, nobody knows, so it comes again with the same id."""
    database.upgrade()
    with receiving() as receiver:
        environ = {**os.environ, "PYTHONPATH": str(SUPPORT)}
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), database_url, receiver.url()],
            stdout=subprocess.PIPE,
            env=environ,
        )

        def kill() -> None:
            if len(receiver.letters) == 1:
                os.kill(child.pid, signal.SIGKILL)
                child.wait(20)

        receiver.on_letter = kill
        output, _ = child.communicate(timeout=60)
        assert (child.returncode, output) == (-signal.SIGKILL, b"")
        clock = FakeClock(datetime.now(UTC))  # the child's was the machine's
        lab = make_lab(tmp_path, database_url, clock=clock)
        try:
            assert lab.find().state == "waiting"
            assert lab.carry() == 0  # still the dead process's
            assert lab.carry(after_s=LEASE_S) == 1
            assert lab.find().state == "delivered"
            assert lab.carry(after_s=LEASE_S) == 0
        finally:
            lab.gateway.close()

    first, second = receiver.letters
    assert (first.id, first.content) == (second.id, second.content)


def test_who_lost_its_claim_writes_nothing_over_the_other_s_note(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    database.upgrade()
    slow, quick = (make_lab(tmp_path, database_url, clock=FakeClock()) for _ in range(2))
    with ExitStack() as stack, receiving(answer()) as receiver:
        stack.callback(slow.gateway.close)
        stack.callback(quick.gateway.close)
        slow.take(receiver.url())
        now_us = slow.office.now_us()
        claim = slow.office.deliveries.claim(now_us=now_us, until_us=now_us + 1000)
        assert claim is not None
        assert quick.carry(after_s=1) == 1
        assert slow.office.deliveries.note(claim, claim.delivery) is False

        assert quick.find().state == "delivered"
