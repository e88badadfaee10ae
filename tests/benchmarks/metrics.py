"""What watching costs: ``python tests/benchmarks/metrics.py [--calls 3000] [--json FILE]``.

One small chat through a gateway inside this process: without the plugin `metrics`, with it, with all hooks
counted and timed, and traced. The gateways take turns; what counts are the ratios of their medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from typing import TYPE_CHECKING

from tests.benchmarks.inside import DOORS, make_caller, make_gateway

from hookline.hook_trace import HookTrace

if TYPE_CHECKING:
    from hookline.gateway import Gateway

_WARM_UP_CALLS = 200


def _traced() -> Gateway:
    gateway = make_gateway()
    gateway.host.start_trace(HookTrace("json", write=lambda line: None))
    return gateway


def measure(door: str, *, calls: int) -> dict[str, float]:
    """Return the median microseconds of one call for every way of watching."""
    sets: list[dict[str, Gateway]] = [
        {
            "without metrics": make_gateway(disabled=("metrics",)),
            "with metrics": make_gateway(),
            "all hooks watched": make_gateway(watched="all"),
        },
        {"all hooks traced": _traced()},  # alone: it takes so long that caches forget the others
    ]
    return {name: us for gateways in sets for name, us in _take_turns(gateways, door, calls=calls).items()}


def _take_turns(gateways: dict[str, Gateway], door: str, *, calls: int) -> dict[str, float]:
    callers = [(name, make_caller(gateway, door)) for name, gateway in gateways.items()]
    took_ns: dict[str, list[int]] = {name: [] for name in gateways}
    for number in range(_WARM_UP_CALLS + calls):
        callers.append(callers.pop(0))  # so that none is always the first
        for name, call_once in callers:
            started = time.perf_counter_ns()
            call_once()
            if number >= _WARM_UP_CALLS:
                took_ns[name].append(time.perf_counter_ns() - started)
    return {name: statistics.median(values) / 1000 for name, values in took_ns.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Show what metrics, counts and traces of hooks cost.")
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    options = parser.parse_args(arguments)
    report: dict[str, object] = {"calls": options.calls}
    for door in DOORS:
        medians = report[door] = measure(door, calls=options.calls)
        first = next(iter(medians.values()))
        print(f"\n{door} door, median of {options.calls} calls, µs")
        for name, median_us in medians.items():
            print(f"  {name:18} {median_us:8.1f}   {median_us - first:+8.1f}   x{median_us / first:.3f}")
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
