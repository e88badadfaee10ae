"""What the five upstream plugins cost: ``python tests/benchmarks/plugins.py [--calls 3000] [--json FILE]``.

One small chat through a gateway inside this process, with a transport that answers at once: without the
plugins, with each alone, and with all. The gateways take turns, so that a busy moment of the machine hits all
of them, and what counts is the difference of their medians.
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

from tests.benchmarks.inside import DOORS, make_caller, make_gateway

PLUGINS = ("context", "lifecycle", "moderation", "retry", "streams")
BUDGET_US = 150.0
_WARM_UP_CALLS = 200


def measure(door: str, *, calls: int) -> dict[str, float]:
    """Return the median microseconds of one call for every set of plugins."""
    sets: dict[str, tuple[str, ...]] = {"none": PLUGINS}
    sets |= {name: tuple(other for other in PLUGINS if other != name) for name in PLUGINS}
    sets["all five"] = ()
    callers = {name: make_caller(make_gateway(disabled=disabled), door) for name, disabled in sets.items()}
    took_ns: dict[str, list[int]] = {name: [] for name in callers}
    for number in range(_WARM_UP_CALLS + calls):
        for name, call_once in callers.items():
            started = time.perf_counter_ns()
            call_once()
            if number >= _WARM_UP_CALLS:
                took_ns[name].append(time.perf_counter_ns() - started)
    return {name: statistics.median(values) / 1000 for name, values in took_ns.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables; the exit status is 1 if all five together cost more than their budget."""
    parser = argparse.ArgumentParser(description="Show what the upstream plugins cost per call.")
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    options = parser.parse_args(arguments)
    report: dict[str, object] = {"calls": options.calls, "budget_us": BUDGET_US}
    is_over = False
    for door in DOORS:
        medians = report[door] = measure(door, calls=options.calls)
        print(f"\n{door} door, median of {options.calls} calls, µs")
        for name, median_us in medians.items():
            print(f"  {name:12} {median_us:7.1f}   {median_us - medians['none']:+7.1f}")
        is_over = is_over or medians["all five"] - medians["none"] > BUDGET_US
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    if is_over:
        sys.exit(f"the plugins cost more than {BUDGET_US:.0f} µs")


if __name__ == "__main__":
    main()
