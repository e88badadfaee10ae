"""Measure the gateway beside what it can be compared with: ``python tests/benchmarks/run.py --help``.

Everything runs on this machine and on the loopback interface only. README.md beside this file says what
each figure means.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import footprint, machine, pace, peers, rates, stream_rows
from tests.benchmarks.chart import draw
from tests.benchmarks.load import check_answer, choose_generator
from tests.benchmarks.processes import memory_mib
from tests.benchmarks.report import Report
from tests.benchmarks.servers import HERE, Server, run_gateway, run_upstream
from tests.benchmarks.ways import STAGES, WIRE, Starter, Way, action_door, direct, starters
from tests.benchmarks.work import CHAT, EMBEDDINGS, LONG_PROMPT

_BEGAN_AT = time.monotonic()
PARTS = ("rates", "payloads", "pace", "footprint")
STREAMS = "streams"
PAYLOADS = ((LONG_PROMPT, 8), (EMBEDDINGS, 2))
"""Large works, and how many callers ask for them at once."""


_HELP = """
Measures requests per second, added latency, processor time, memory and start-up of the gateway, beside the
bare upstream, nginx, an empty Flask route, the gateway with fewer plugins, and other gateways.

examples:
  python tests/benchmarks/run.py --quick                      a look, in a minute and a half
  python tests/benchmarks/run.py --json f.json --chart f.svg  figures to publish; nothing else should run
  python tests/benchmarks/peers.py install ~/peers            other gateways, each in a folder of its own
  python tests/benchmarks/run.py --peers ~/peers              all of the above beside them
  python tests/benchmarks/run.py --parts rates --connections 32 --rows direct --rows hookline
  python tests/benchmarks/run.py --also "stages --calls 500"  figures of another script, in the same report

The exit status is 1 if any answer was not 200 or not whole: such figures mean nothing.
A bound that is missed is told and changes nothing.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 1 if any answer was not 200 or not whole."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    report = Report(
        machine=machine.describe_machine(),
        generator=choose_generator(options.generator, seconds=options.seconds),
        rounds=options.rounds,
        seconds=options.seconds,
        rate_per_s=options.rate,
    )
    others, peer_versions, report.missing = peers.installed(options.peers)
    there = [one for one in [*starters(), *others] if _is_wanted(one.name, options)]
    if options.parts == [STREAMS]:
        there = []  # streams have a gateway of their own
    with run_upstream() as upstream:
        if "footprint" in options.parts:
            report.figures = footprint.measure(helps=options.helps)
            timed = [one for one in there if one.name not in STAGES and not (options.quick and one in others)]
            report.starts_s = footprint.measure_starts(timed, upstream, times=options.starts, say=_say)
        with contextlib.ExitStack() as stack:
            ways = _start(stack, there, upstream, report)
            _measure(ways, options, report)
        if STREAMS in options.parts:
            report.streams = _measure_streams(upstream, options)
    for words in options.also:
        report.also[words.split()[0]] = _run_script(words)
    print(f"\n{report.to_text()}")
    if options.chart and report.rows:
        for file in draw(report.rows, options.chart, machine=report.headline):
            _say(f"wrote {file}")
    if options.json:
        figures = {
            **report.to_dict(),
            "command": shlex.join(["python", "tests/benchmarks/run.py", *_told(arguments)]),
            "took_s": round(time.monotonic() - _BEGAN_AT, 1),
            "versions": {**machine.versions(), "peers": peer_versions},
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if report.failures else 0


def _start(
    stack: contextlib.ExitStack, there: Sequence[Starter], upstream: Server, report: Report
) -> list[Way]:
    """Start everything, look at its memory after one answer, and return all ways, the direct one first."""
    ways = [direct(upstream)]
    _say(f"starting {', '.join(one.name for one in there)}")
    with ThreadPoolExecutor(max_workers=3) as pool:
        started = list(pool.map(lambda one: stack.enter_context(one.start(upstream)), there))
    for way in started:
        check_answer(way.target(CHAT))
        report.idle_mib[way.name] = memory_mib(way.server.process.pid)
        ways += [way, action_door(way)] if way.name == WIRE else [way]
    return ways


def _measure(ways: Sequence[Way], options: argparse.Namespace, report: Report) -> None:
    main_ways = [way for way in ways if way.kind != "stage"]
    stages = [way for way in ways if way.kind == "stage"]
    carriers = [way for way in main_ways if way.is_upstream_behind]
    cells: list[rates.Cell] = []
    if "rates" in options.parts:
        for connections in options.connections:
            chosen = [*main_ways, *(stages if connections in options.stages_at else ())]
            cells.append(rates.Cell(work=CHAT, connections=connections, ways=chosen))
    if "payloads" in options.parts:
        cells += [
            rates.Cell(work=work, connections=connections, ways=carriers)
            for work, connections in (PAYLOADS[:1] if options.quick else PAYLOADS)
        ]
    report.rows, report.left_out = rates.measure(
        cells, generator=report.generator, seconds=options.seconds, rounds=options.rounds, say=_say
    )
    if "pace" in options.parts:
        report.paced = pace.measure(
            main_ways,
            rate_per_s=options.rate,
            seconds=options.pace_seconds,
            rounds=options.rounds,
            say=_say,
        )


def _measure_streams(upstream: Server, options: argparse.Namespace) -> stream_rows.Streams:
    _say(f"{options.sequential} streams one by one, and {options.crowd} at once")
    with run_gateway(upstream) as gateway:
        return stream_rows.measure(
            upstream,
            gateway,
            sequential=options.sequential,
            crowd=options.crowd,
            gap_ms=options.gap_ms,
        )


def _run_script(words: str) -> object:
    """Run another script of this folder, let it print, and return the figures it wrote."""
    name, *arguments = shlex.split(words)
    _say(f"running {name}")
    with tempfile.TemporaryDirectory(prefix="hookline-benchmark-") as folder:
        file = Path(folder, "figures.json")
        command = [sys.executable, str(HERE / f"{name}.py"), *arguments, "--json", str(file)]
        print(f"\n{words}", flush=True)
        subprocess.run(command, check=False)
        if not file.exists():
            raise RuntimeError(f"{name} wrote no figures")
        return json.loads(file.read_text())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter, usage="run.py [options]"
    )
    add = parser.add_argument
    add(
        "--quick",
        action="store_true",
        help="one round of one second at 1 and 32 connections, one start, no embeddings",
    )
    add("--peers", type=Path, metavar="DIR", help="where peers.py has installed other gateways")
    add(
        "--parts",
        nargs="+",
        choices=(*PARTS, "streams"),
        default=list(PARTS),
        help="what to measure; if not given, all but streams",
    )
    add("--rows", action="append", metavar="TEXT", help="only rows with this in their name; may be repeated")
    add("--rounds", type=int, help="how often each row is measured, taking turns (3)")
    add("--seconds", type=float, help="length of one round of one row; whole seconds for wrk (2)")
    add("--connections", type=int, nargs="+", help="how many callers at once (1 8 32 128)")
    add("--rate", type=float, default=50.0, help="requests/s of the part `pace` (50)")
    add("--pace-seconds", type=float, help="length of one round of one row of the part `pace` (4)")
    add("--starts", type=int, help="how often each program is started (3)")
    add("--sequential", type=int, default=60, help="streams for the latency of the first byte (60)")
    add("--crowd", type=int, default=200, help="streams at once (200)")
    add("--gap-ms", type=int, default=20, help="pause of the upstream between two deltas (20)")
    add("--helps", type=int, default=5, help="how often `hookline --help` is timed (5)")
    add("--generator", choices=("auto", "wrk", "python"), default="auto", help="what sends the requests")
    add("--also", action="append", default=[], metavar="SCRIPT", help="run a script of this folder as well")
    add("--json", type=Path, metavar="FILE", help="write the figures, the machine and all versions to a file")
    add("--chart", type=Path, metavar="FILE", help="draw FILE.svg, and FILE-stages.svg beside it")
    options = parser.parse_args(arguments)
    usual = {"rounds": 3, "seconds": 2.0, "connections": [1, 8, 32, 128], "pace_seconds": 4.0, "starts": 3}
    quick = {"rounds": 1, "seconds": 1.0, "connections": [1, 32], "pace_seconds": 1.0, "starts": 1}
    options.stages_at = (32,) if options.quick else (1, 32)
    for name, value in (quick if options.quick else usual).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.chart is not None and options.chart.suffix != ".svg":
        parser.error("--chart wants a file that ends with .svg")
    if options.peers is not None:
        options.peers = options.peers.resolve()
    return options


def _is_wanted(name: str, options: argparse.Namespace) -> bool:
    return not options.rows or any(text.lower() in name.lower() for text in options.rows)


def _told(arguments: Sequence[str] | None) -> list[str]:
    """Return the words of the command line, without where files are on this machine."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return [Path(word).name if word.startswith(("/", "~", ".")) else word for word in words]


def _say(line: str) -> None:
    print(f"[{time.monotonic() - _BEGAN_AT:4.0f} s] {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
