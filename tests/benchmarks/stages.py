"""Where the microseconds of one call go: ``python tests/benchmarks/stages.py [--calls 2000] [--json FILE]``.

The gateway runs inside this process behind its WSGI application, with a transport that answers at once, so
what is measured is the gateway's own work on one thread. Each stage is timed without the stages inside it.
A last row gives the processor time that the real transport takes for one call to the fixed upstream.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.inside import DOORS, make_caller, make_gateway
from tests.benchmarks.servers import run_upstream
from tests.benchmarks.work import CHAT

from hookline.call import Cancellation
from hookline.engine import pipeline
from hookline.engine.http1 import Http1Transport
from hookline.engine.transport import Timeouts
from hookline.upstream import UpstreamRequest
from hookline.webhook import app, front, views

if TYPE_CHECKING:
    from hookline.gateway import Gateway

_WARM_UP_CALLS = 200


class Stopwatch:
    """Times stages that may hold each other; a stage's time is without the stages inside it."""

    def __init__(self) -> None:
        self._inner_ns = [0]
        self._of_this_call: dict[str, int] = defaultdict(int)
        self.calls: list[dict[str, int]] = []

    def watch(self, owner: object, name: str, label: str) -> None:
        """Time every call of a function; several functions may share a label."""
        function: Callable[..., object] = getattr(owner, name)

        def timed(*arguments: object, **options: object) -> object:
            return self.run(label, lambda: function(*arguments, **options))

        setattr(owner, name, timed)

    def run(self, label: str, work: Callable[[], object]) -> object:
        """Time one piece of work."""
        self._inner_ns.append(0)
        started = time.perf_counter_ns()
        try:
            return work()
        finally:
            took_ns = time.perf_counter_ns() - started
            self._of_this_call[label] += took_ns - self._inner_ns.pop()
            self._inner_ns[-1] += took_ns

    def end_call(self) -> None:
        """Keep the figures of one call and begin the next."""
        self.calls.append(dict(self._of_this_call))
        self._of_this_call.clear()

    def medians_us(self) -> dict[str, float]:
        """Return the median of each stage over all calls, largest first."""
        labels = {label for call in self.calls for label in call}
        medians = {
            label: statistics.median(call.get(label, 0) for call in self.calls) / 1000 for label in labels
        }
        return dict(sorted(medians.items(), key=lambda item: -item[1]))


def measure_stages(door: str, *, calls: int) -> dict[str, float]:
    """Return microseconds by stage for one door.

    Raises:
        RuntimeError: If an answer is not 200.
    """
    gateway = make_gateway()
    watch = Stopwatch()
    _watch_stages(watch, gateway)
    call_once = make_caller(gateway, door)
    for _ in range(_WARM_UP_CALLS + calls):
        watch.run("find the route, and the rest", call_once)
        watch.end_call()
    del watch.calls[:_WARM_UP_CALLS]
    return watch.medians_us()


def measure_transport(*, calls: int) -> float:
    """Return the processor time, in microseconds, of one call of the real transport on one thread."""
    transport = Http1Transport()
    with run_upstream() as upstream:
        request = UpstreamRequest(
            method="POST",
            base_url=f"{upstream.url}/v1",
            path="/chat/completions",
            headers={"content-type": "application/json", "authorization": "Bearer benchmark-credential"},
            content=CHAT.wire.body,
        )
        timeouts = Timeouts(connect_s=5.0, read_s=60.0)
        spent_ns = 0
        for number in range(_WARM_UP_CALLS + calls):
            started = time.thread_time_ns()
            transport.send(request, timeouts=timeouts, cancellation=Cancellation()).read(max_bytes=1 << 20)
            if number >= _WARM_UP_CALLS:
                spent_ns += time.thread_time_ns() - started
    transport.close()
    return spent_ns / calls / 1000


def _watch_stages(watch: Stopwatch, gateway: Gateway) -> None:
    calls = gateway.pipeline
    watch.watch(app, "read_request", "read headers")
    watch.watch(calls, "authenticate", "authenticate")
    watch.watch(app, "read_json", "read and parse the body")
    watch.watch(views, "read_fields", "read and parse the body")
    watch.watch(gateway.runner, "run", "runner and pipeline, in between")
    watch.watch(calls, "_open", "open the call")
    watch.watch(calls, "_authorize", "authorize")
    watch.watch(calls, "_validate", "validate")
    watch.watch(pipeline, "build_request", "build the request")
    watch.watch(calls, "_shape", "shape")
    watch.watch(calls._accounts, "sign", "find the credential and sign")
    watch.watch(calls, "_attempt", "execute (no network)")
    watch.watch(calls._answers, "make", "make the answer")
    watch.watch(front, "answer", "respond")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Show where the microseconds of one call go.")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    options = parser.parse_args(arguments)
    report: dict[str, object] = {"calls": options.calls}
    for door in DOORS:
        stages = measure_stages(door, calls=options.calls)
        report[door] = stages
        print(f"\n{door} door, median of {options.calls} calls, µs")
        for label, median_us in stages.items():
            print(f"  {label:34} {median_us:7.1f}")
        print(f"  {'sum':34} {sum(stages.values()):7.1f}")
    report["transport_cpu"] = transport_us = measure_transport(calls=options.calls)
    print(f"\nreal transport, processor time of one call  {transport_us:7.1f}")
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
