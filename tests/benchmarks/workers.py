"""What a second worker brings: ``python tests/benchmarks/workers.py [--seconds 4] [--json FILE]``.

A stored key with two limits, 32 connections, and one and two workers that count in the same SQLite file or in
the same Redis, side by side; beside them one worker that counts in memory. The processor time of the workers
per call tells what sharing costs, and the cores that all processes kept busy how much room there was: where
upstream and generator take one of two cores, a second worker cannot double anything.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.load import Generator, Target, check_answer, choose_generator, run
from tests.benchmarks.processes import cpu_s
from tests.benchmarks.servers import Server, free_port, run_gateway, run_upstream, workers_of
from tests.benchmarks.ways import make_key
from tests.benchmarks.work import WIRE_PATH, wire_body

CONNECTIONS = 32
_WARM_UP_S = 1.0
_REDIS_WAIT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What one way of counting with one number of workers comes to; medians over the rounds.

    Attributes:
        store: Where limits are counted.
        workers: Worker processes.
        per_s: Requests per second.
        cpu_us: Processor time of all workers for one call.
        busy_cores: Cores that workers and upstream kept busy, the generator not included.
        p50_ms: Median latency.
        p99_ms: Latency that 1 of 100 requests exceeds.
        failures: Answers that were no 200, over all rounds.
    """

    store: str
    workers: int
    per_s: float
    cpu_us: float
    busy_cores: float
    p50_ms: float
    p99_ms: float
    failures: int


@contextlib.contextmanager
def run_redis() -> Iterator[str | None]:
    """Run a Redis that keeps nothing, and give its address; None where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(20)


def measure(*, seconds: float, rounds: int, generator: Generator) -> list[Row]:
    """Return the rows; each round measures all of them, in turn.

    Raises:
        RuntimeError: If the first answer of a gateway is not the right one.
    """
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(run_redis())
        upstream = stack.enter_context(run_upstream())
        kinds = [("memory", 1), ("sqlite", 1), ("sqlite", 2)]
        kinds += [] if redis is None else [("redis", 1), ("redis", 2)]
        targets = {}
        for store, workers in kinds:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hookline-workers-"))
            key = make_key(Path(folder))
            environ = {"HOOKLINE_STATE_DIR": folder, "HOOKLINE_LIMITS_STORE": store}
            if store == "redis":
                environ["HOOKLINE_LIMITS_REDIS_URL"] = str(redis)
            gateway = stack.enter_context(run_gateway(upstream, workers=workers, environ=environ))
            target = Target(
                name=f"{store}, {workers}", url=gateway.url + WIRE_PATH, body=wire_body(),
                expect=b"chatcmpl-", key=key,
            )  # fmt: skip
            check_answer(target)
            run(target, generator=generator, connections=CONNECTIONS, seconds=min(_WARM_UP_S, seconds))
            targets[store, workers] = (gateway, target)
        found: dict[tuple[str, int], list[Row]] = {kind: [] for kind in targets}
        for _ in range(rounds):
            for (store, workers), (gateway, target) in targets.items():
                found[store, workers].append(
                    _round(
                        gateway,
                        upstream,
                        target,
                        kind=(store, workers),
                        generator=generator,
                        seconds=seconds,
                    )
                )
    return [_median(rows) for rows in found.values()]


def _round(
    gateway: Server,
    upstream: Server,
    target: Target,
    *,
    kind: tuple[str, int],
    generator: Generator,
    seconds: float,
) -> Row:
    pids, others = workers_of(gateway), workers_of(upstream)
    own, all_of_it = _cpu_s(pids), _cpu_s([*pids, *others])
    result = run(target, generator=generator, connections=CONNECTIONS, seconds=seconds)
    store, workers = kind
    return Row(
        store=store,
        workers=workers,
        per_s=result.per_s,
        cpu_us=(_cpu_s(pids) - own) / result.requests * 1e6,
        busy_cores=(_cpu_s([*pids, *others]) - all_of_it) / result.seconds,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        failures=result.failures,
    )


def _median(rows: Sequence[Row]) -> Row:
    figures = {
        name: statistics.median(getattr(row, name) for row in rows)
        for name in ("per_s", "cpu_us", "busy_cores", "p50_ms", "p99_ms")
    }
    failures = sum(row.failures for row in rows)
    return Row(store=rows[0].store, workers=rows[0].workers, failures=failures, **figures)


def _cpu_s(pids: Sequence[int]) -> float:
    return sum(cpu_s(pid) for pid in pids)


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + _REDIS_WAIT_S
    while time.monotonic() < give_up_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError("redis-server did not start")


def format_table(rows: Sequence[Row]) -> str:
    """Return the rows as text, each with its rate as a multiple of the same store's with one worker."""
    ones = {row.store: row.per_s for row in rows if row.workers == 1}
    headings = "limits in  workers    req/s  slope   CPU µs  cores  p50 ms  p99 ms"
    lines = [headings]
    lines += [
        f"{row.store:10}{row.workers:8}{row.per_s:9.0f}{row.per_s / ones[row.store]:7.2f}{row.cpu_us:9.0f}"
        f"{row.busy_cores:7.2f}{row.p50_ms:8.1f}{row.p99_ms:8.1f}"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; the exit status is 1 if an answer was not 200."""
    parser = argparse.ArgumentParser(description="Show what a second worker brings.")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one round of one row")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--generator", choices=("auto", "wrk", "python"), default="auto")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    options = parser.parse_args(arguments)
    generator = choose_generator(options.generator, seconds=options.seconds)
    rows = measure(seconds=options.seconds, rounds=options.rounds, generator=generator)
    cores = len(os.sched_getaffinity(0))
    print(f"{CONNECTIONS} connections, generator: {generator}, {cores} cores")
    print(format_table(rows))
    if options.json:
        report = {"generator": generator, "cores": cores, "rows": [asdict(row) for row in rows]}
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    if failures := sum(row.failures for row in rows):
        sys.exit(f"{failures} answers were not 200, so the figures mean nothing")


if __name__ == "__main__":
    main()
