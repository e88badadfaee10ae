"""How many jobs are taken in and run: ``python tests/benchmarks/jobs.py [--calls 500] [--json FILE]``.

The same small call through a gateway inside this process, with a service that answers at once: made plainly,
with a deadline that it keeps, and as a job on SQLite. They take turns, and what counts is their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from hookline import Order
from hookline.settings import Settings
from hookline_jobs import JobsPlugin
from small_service import CALLER, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from hookline.gateway import Gateway

_ROUNDS = 3
_PATIENCE_S = 300.0


def order(prefer: str = "") -> Order:
    return Order(action_id="acme.say", fields={"text": "hi"}, headers={"prefer": prefer} if prefer else {})


def per_second(count: int, step: Callable[[], object]) -> float:
    """Return how often a step can be made in a second."""
    began_at = time.perf_counter()
    for _ in range(count):
        step()
    return count / (time.perf_counter() - began_at)


def wait_until_over(gateway: Gateway) -> None:
    from hookline_jobs.job_table import JobTable

    table, until = JobTable(gateway.database), time.monotonic() + _PATIENCE_S
    while table.count_of("default") != (0, 0):
        if time.monotonic() > until:
            raise SystemExit("the jobs did not end in time")
        time.sleep(0.02)


def measure(calls: int) -> dict[str, float]:
    """Return the rates, each the median of some rounds."""
    rates: dict[str, list[float]] = {"plain": [], "within": [], "taken in": [], "run": []}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"state_dir": folder})
        gateway = make_gateway(
            JobsPlugin(), upstream=Upstream(lambda request: whole({"text": "hi"})), settings=settings
        )
        try:
            run = gateway.runner.run
            run(CALLER, order("respond-async"))  # loads the queue
            wait_until_over(gateway)
            for _ in range(_ROUNDS):
                rates["plain"].append(per_second(calls, lambda: run(CALLER, order())))
                rates["within"].append(per_second(calls, lambda: run(CALLER, order("wait=60"))))
                began_at = time.perf_counter()
                rates["taken in"].append(per_second(calls, lambda: run(CALLER, order("respond-async"))))
                wait_until_over(gateway)
                rates["run"].append(calls / (time.perf_counter() - began_at))
        finally:
            gateway.close()
    return {name: statistics.median(values) for name, values in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=500, help="calls of each kind in each round")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    rates = measure(arguments.calls)
    names = {
        "plain": "plain calls",
        "within": "calls with a deadline that they keep",
        "taken in": "jobs taken in",
        "run": "jobs taken in and run to their end",
    }
    for name, rate in rates.items():
        print(f"{names[name]:<40}{rate:>10,.0f} /s  {rate / rates['plain']:>7.3f} of plain")
    if arguments.json:
        arguments.json.write_text(json.dumps(rates, indent=2))


if __name__ == "__main__":
    main()
