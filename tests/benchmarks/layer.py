"""What the gateway layer costs: ``python tests/benchmarks/layer.py [--calls 3000] [--json FILE]``.

One small chat through a gateway inside this process, with a transport that answers at once. Without the layer
a function lets everybody in and nothing is counted; with it a stored key is recognised, two limits of the key
are reserved and settled in memory, and a row is written to SQLite. The gateways take turns, so that a busy
moment hits all of them, and what counts is the difference of their medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import open_door
from tests.benchmarks.inside import DOORS, FixedTransport, make_caller
from tests.benchmarks.ways import make_key

from hookline.clock import SYSTEM_CLOCK
from hookline.gateway import Gateway, load_plugins
from hookline.settings import load_settings

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline.engine.transport import Transport

BUDGET_US = 100.0
PARTS = ("auth", "limits", "ledger")
_WARM_UP_CALLS = 300


def open_gateway(
    folder: Path,
    *,
    without: Sequence[str] = (),
    transport: Transport | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Gateway:
    """Return a gateway without some of the parts; its transport is the fixed one unless another is given."""
    environ = {
        "HOOKLINE_STATE_DIR": str(folder),
        "HOOKLINE_OPENAI_API_KEY": "benchmark-credential",
        "HOOKLINE_OPENAI_BASE_URL": "https://api.openai.com/v1",  # what models.json speaks for; never reached
        "HOOKLINE_DISABLED_PLUGINS": ",".join(without),
        "HOOKLINE_LIMITS_STORE": "memory",
    }
    if "limits" in without:
        del environ["HOOKLINE_LIMITS_STORE"]
    settings = load_settings(environ)
    host = load_plugins(settings)
    if "auth" in without:
        host.register(open_door, name="open_door")
    return Gateway(settings, host=host, transport=transport or FixedTransport(), environ=environ, clock=clock)


def measure(door: str, *, calls: int, folder: Path, key: str) -> dict[str, float]:
    """Return the median microseconds of one call for every set of parts."""
    sets = {"none": PARTS} | {part: tuple(other for other in PARTS if other != part) for part in PARTS}
    sets["all three"] = ()
    gateways = {name: open_gateway(folder, without=without) for name, without in sets.items()}
    callers: dict[str, Callable[[], None]] = {
        name: make_caller(gateway, door, key=key) for name, gateway in gateways.items()
    }
    took_ns: dict[str, list[int]] = {name: [] for name in callers}
    for number in range(_WARM_UP_CALLS + calls):
        for name, call_once in callers.items():
            started = time.perf_counter_ns()
            call_once()
            if number >= _WARM_UP_CALLS:
                took_ns[name].append(time.perf_counter_ns() - started)
    for gateway in gateways.values():
        gateway.close()
    return {name: statistics.median(values) / 1000 for name, values in took_ns.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables; the exit status is 1 if all three together cost more than their budget."""
    parser = argparse.ArgumentParser(description="Show what the gateway layer costs per call.")
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    options = parser.parse_args(arguments)
    report: dict[str, object] = {"calls": options.calls, "budget_us": BUDGET_US}
    is_over = False
    with tempfile.TemporaryDirectory() as folder:
        key = make_key(Path(folder))
        for door in DOORS:
            medians = measure(door, calls=options.calls, folder=Path(folder), key=key)
            report[door] = medians
            print(f"\n{door} door, median of {options.calls} calls, µs")
            for name, median_us in medians.items():
                print(f"  {name:12} {median_us:7.1f}   {median_us - medians['none']:+7.1f}")
            is_over = is_over or medians["all three"] - medians["none"] > BUDGET_US
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    if is_over:
        sys.exit(f"the gateway layer costs more than {BUDGET_US:.0f} µs")


if __name__ == "__main__":
    main()
