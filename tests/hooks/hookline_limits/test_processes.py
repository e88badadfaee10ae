"""Several processes that share limits: races, processes that are killed, and ones that only slept.

``HOOKLINE_RACE_REPEATS=20`` runs each race twenty times; the default is two.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hookline.clock import SYSTEM_CLOCK
from hookline_limits.memory_store import MemoryStore
from hookline_limits.redis_store import RedisStore
from hookline_limits.sqlite_store import SqliteStore
from hookline_limits.store import Refusal, Store
from limits_lab import counter, must_refuse, must_take, take

PROCESSES = 4
THREADS = 200
REPEATS = int(os.environ.get("HOOKLINE_RACE_REPEATS", "2"))
START_S = 1.0  # until every thread of every process stands at the line
SHARED = pytest.mark.parametrize("shared", ["sqlite", "redis"], indirect=True)


class Worker:
    """A process of its own that takes what it is told to."""

    def __init__(self, where: str, *, lease_s: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py")), where, str(lease_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, **order: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, int]:
        assert self.process.stdout is not None
        answer: dict[str, int] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def workers(where: str, number: int, *, lease_s: float = 30.0) -> Iterator[list[Worker]]:
    """Start processes, and end them."""
    started = [Worker(where, lease_s=lease_s) for _ in range(number)]
    try:
        for worker in started:
            assert worker.hear() == {"ready": True}
        yield started
    finally:
        for worker in started:
            worker.process.send_signal(signal.SIGCONT)
            worker.process.kill()
            worker.process.wait(10)
            for pipe in (worker.process.stdin, worker.process.stdout):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where several processes count together."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_server").url)
    return str(tmp_path / "limits.sqlite3")


@contextmanager
def opened(where: str, *, lease_s: float = 30.0) -> Iterator[Store]:
    """Open the shared store in this process."""
    store: Store
    if where.startswith("redis:"):
        store = RedisStore(where, SYSTEM_CLOCK, lease_s=lease_s, patience_s=5.0)
    else:
        store = SqliteStore(Path(where), SYSTEM_CLOCK, lease_s=lease_s)
    try:
        yield store
    finally:
        store.close()


def run_race(started: list[Worker], **order: object) -> dict[str, int]:
    """Let all threads of all processes go at the same instant, and return what came of it together."""
    at = time.monotonic() + START_S
    for worker in started:
        worker.tell(do="race", at=at, threads=THREADS, **order)
    answers = [worker.hear() for worker in started]
    return {name: sum(answer[name] for answer in answers) for name in answers[0]}


@SHARED
def test_no_race_of_800_threads_in_4_processes_admits_more_or_less_than_the_limit(shared: str) -> None:
    with workers(shared, PROCESSES) as started, opened(shared) as store:
        for number in range(REPEATS):
            k = 50 + 37 * number % 300
            texts = [f"{k} requests / hour per user", "100000000 tokens / hour per tenant", "5000 concurrent"]
            user = f"seen for the first time in round {number}"
            takes = [(texts[0], user, 1), (texts[1], user, 1000), (texts[2], user, 1)]

            came = run_race(started, takes=takes, settle=None)

            assert came == {"admitted": k, "refused": 800 - k, "failed": 0, "settled": 0}
            counters = [counter(text, user, tenant="t") for text in texts]
            assert store.look(counters) == [k, 1000 * k, k]


@SHARED
def test_what_a_race_really_spends_is_counted_to_the_last_bit_and_never_over_the_budget(shared: str) -> None:
    with workers(shared, PROCESSES) as started, opened(shared) as store:
        for number in range(REPEATS):
            budget = counter("0.000001 usd / month", f"round {number}", tenant="t")

            came = run_race(started, takes=[("0.000001 usd / month", f"round {number}", 10)], settle=10)

            assert came["failed"] == 0
            assert came["admitted"] >= 100
            assert came["settled"] <= 1000
            assert store.look([budget]) == [came["settled"]]


def test_no_race_of_800_threads_in_memory_admits_more_or_less_than_the_limit() -> None:
    for number in range(REPEATS):
        store = MemoryStore(SYSTEM_CLOCK)
        k = 50 + 37 * number % 300
        limited = [counter(f"{k} requests / hour per user", "new"), counter("100000000 tokens / hour")]
        barrier = threading.Barrier(PROCESSES * THREADS)
        admitted: list[int] = []

        def call(
            store: Store = store, barrier: threading.Barrier = barrier, admitted: list[int] = admitted
        ) -> None:
            barrier.wait(60)
            if not isinstance(take(store, (limited[0], 1), (limited[1], 1000)), Refusal):  # noqa: B023 - joined below
                admitted.append(1)

        threads = [threading.Thread(target=call) for _ in range(PROCESSES * THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert len(admitted) == k
        assert store.look(limited) == [k, 1000 * k]


RUNNING, TOKENS = counter("50 concurrent", tenant="t"), counter("50000 tokens / hour", tenant="t")
HELD = [("50 concurrent", "k1", 1), ("50000 tokens / hour", "k1", 1000)]


@SHARED
def test_what_a_killed_process_had_set_aside_comes_back_with_its_lease(shared: str) -> None:
    """Fifty calls run when a worker is killed with -9."""
    lease_s = 1.5
    with workers(shared, 1, lease_s=lease_s) as (worker,), opened(shared, lease_s=lease_s) as store:
        worker.tell(do="hold", times=50, takes=HELD)
        assert worker.hear() == {"held": 50}
        time.sleep(2 * lease_s)
        assert store.look([RUNNING, TOKENS]) == [50, 50_000]  # it lives, so its lease goes on
        must_refuse(store, (RUNNING, 1))

        worker.process.kill()
        worker.process.wait(10)

        must_refuse(store, (RUNNING, 1))
        end = time.monotonic() + 10 * lease_s
        while isinstance(take(store, (RUNNING, 50), (TOKENS, 50_000)), Refusal):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert store.look([RUNNING, TOKENS]) == [50, 50_000]


@SHARED
def test_a_process_that_was_taken_for_dead_still_settles_what_it_truly_took(shared: str) -> None:
    lease_s = 1.0
    with workers(shared, 1, lease_s=lease_s) as (worker,), opened(shared, lease_s=lease_s) as store:
        worker.tell(do="hold", times=5, takes=HELD)
        assert worker.hear() == {"held": 5}
        worker.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + 10 * lease_s
        while store.look([RUNNING, TOKENS]) != [0, 0] or store.check() is not None:
            assert time.monotonic() < end
            time.sleep(0.05)
        other = must_take(store, (RUNNING, 50), (TOKENS, 100))

        worker.process.send_signal(signal.SIGCONT)
        worker.tell(do="settle", actuals=[0, 900])
        assert worker.hear() == {"settled": 5}

        assert store.look([RUNNING, TOKENS]) == [50, 100 + 5 * 900]
        other.settle([0, 100])
        assert store.look([RUNNING, TOKENS]) == [0, 100 + 5 * 900]


@SHARED
def test_a_process_that_ends_well_leaves_nothing_set_aside(shared: str) -> None:
    with opened(shared) as store:
        with opened(shared) as other:
            must_take(other, (RUNNING, 50))
            must_refuse(store, (RUNNING, 1))
        must_take(store, (RUNNING, 50))
