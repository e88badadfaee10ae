"""Measure the gateway against a fixed upstream: ``python tests/benchmarks/run.py --help``.

Everything runs on this machine and on the loopback interface only. README.md beside this file says what
each figure means.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import first_byte, footprint, rates, streams
from tests.benchmarks.load import Target, choose_generator
from tests.benchmarks.servers import Server, run_empty, run_gateway, run_upstream
from tests.benchmarks.upstream import DELTAS, STREAM_EVENTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 1 if any answer was not 200 or any stream not complete."""
    options = _parse(arguments)
    report: dict[str, object] = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
    with run_upstream() as upstream:
        failures = 0
        if options.all or not (options.streams or options.footprint):
            failures += _report_rates(upstream, options, report)
        if options.all or options.streams:
            failures += _report_streams(upstream, options, report)
        if options.all or options.footprint:
            figures = asdict(footprint.measure(upstream))
            report["footprint"] = figures
            _print_figures("footprint", figures)
    report["failures"] = failures
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    if failures:
        print(f"\nFAILED: {failures} answers were not 200 or not complete, so the figures mean nothing.")
    return 1 if failures else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the gateway against a fixed upstream.")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one round of one row")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured, taking turns")
    parser.add_argument("--connections", type=int, default=32, help="connections of the load generator")
    parser.add_argument("--generator", choices=("auto", "wrk", "python"), default="auto")
    parser.add_argument("--large", action="store_true", help="also measure answers of half a megabyte")
    parser.add_argument("--streams", action="store_true", help="measure streams instead of requests/s")
    parser.add_argument("--sequential", type=int, default=60, help="streams for the first-byte latency")
    parser.add_argument("--crowd", type=int, default=200, help="streams at once")
    parser.add_argument("--gap-ms", type=int, default=20, help="pause of the upstream between two deltas")
    parser.add_argument("--footprint", action="store_true", help="measure memory and start instead")
    parser.add_argument("--all", action="store_true", help="measure everything")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    return parser.parse_args(arguments)


def _report_rates(upstream: Server, options: argparse.Namespace, report: dict[str, object]) -> int:
    generator = choose_generator(options.generator, seconds=options.seconds)
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(run_gateway(upstream))
        chatty = stack.enter_context(run_gateway(upstream, log_level="info"))
        empty = stack.enter_context(run_empty())
        rows = rates.measure(
            rates.make_targets(upstream, empty, gateway, chatty, large=options.large),
            generator=generator,
            connections=options.connections,
            seconds=options.seconds,
            rounds=options.rounds,
        )
    report.update(
        rates=rows,
        generator=generator,
        connections=options.connections,
        seconds=options.seconds,
        rounds=options.rounds,
    )
    print(
        f"\nrequests per second, {options.connections} connections, {options.rounds} rounds of "
        f"{options.seconds:g} s, generator: {generator}, {report['cores']} cores"
    )
    if generator == "python":
        print("(the generator in Python takes time from the servers; install wrk for real figures)")
    print(rates.format_table(rows))
    return sum(row["failures"] for row in rows)


def _report_streams(upstream: Server, options: argparse.Namespace, report: dict[str, object]) -> int:
    with run_gateway(upstream) as gateway:
        first = first_byte.measure(_stream_targets(upstream, gateway), streams=options.sequential)
    report["first_byte"] = [asdict(row) for row in first]
    for byte in first:
        _print_figures(f"first byte of a stream: {byte.name}", asdict(byte))
    load = streams.Load(at_once=options.crowd, total=options.crowd, gap_ms=options.gap_ms)
    with streams.run_stream_upstream() as stream_upstream, run_gateway(stream_upstream) as gateway:
        crowds = [
            streams.measure(stream_upstream if door == "direct" else gateway, door, load)
            for door in streams.DOORS
        ]
    report["crowd"] = [asdict(row) for row in crowds]
    print(f"\n{DELTAS} deltas {options.gap_ms} ms apart, all streams at once")
    streams.show(crowds)
    return sum(crowd.report.streams - crowd.report.complete for crowd in crowds)


def _stream_targets(upstream: Server, gateway: Server) -> list[first_byte.StreamTarget]:
    wire = rates.wire_body(model="gap-1", stream=True)
    action = rates.action_body(model="gap-1", stream=True)
    done, output = b"data: [DONE]", b'"type":"output"'
    return [
        first_byte.StreamTarget(
            target=Target(name=name, url=url, body=body, expect=b""), events=events, end=end
        )
        for name, url, body, events, end in (
            (rates.DIRECT, upstream.url + rates.WIRE_PATH, wire, STREAM_EVENTS, done),
            ("gateway, wire door", gateway.url + rates.WIRE_PATH, wire, STREAM_EVENTS, done),
            ("gateway, action door", gateway.url + rates.ACTION_PATH, action, DELTAS + 1, output),
        )
    ]


def _print_figures(title: str, figures: Mapping[str, object]) -> None:
    print(f"\n{title}")
    for name, value in figures.items():
        if name != "name":
            print(f"  {name:22} {value:.2f}" if isinstance(value, float) else f"  {name:22} {value}")


if __name__ == "__main__":
    sys.exit(main())
