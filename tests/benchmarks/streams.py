"""Very many streams through one worker: ``python tests/benchmarks/streams.py --help``.

A fixed upstream and a reader run in processes of their own, both over raw sockets, so that the gateway is
what gets measured. README.md beside this file says what each figure means.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.servers import (
    API_KEY,
    HERE,
    Server,
    resident_mib,
    run_gateway,
    run_upstream,
    workers_of,
)
from tests.benchmarks.stream_client import Plan, Report
from tests.benchmarks.work import ACTION_PATH, WIRE_PATH, action_body, wire_body

Door = Literal["direct", "wire", "action"]

DELTAS = 64
GAP_MS = 20
_TIMEOUT_S = 120.0
_ENDS: dict[Door, str] = {"direct": "data: [DONE]", "wire": "data: [DONE]", "action": '"type":"output"'}
DOORS = tuple(_ENDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """How streams come in.

    Attributes:
        at_once: Most at a time.
        total: How many in all.
        per_s: How many begin in a second; 0 for all at once.
        deltas: Deltas of each.
        gap_ms: Pause of the upstream between two of them.
    """

    at_once: int
    total: int
    per_s: float = 0.0
    deltas: int = DELTAS
    gap_ms: int = GAP_MS

    @classmethod
    def wave(cls, streams: int, *, deltas: int = DELTAS, gap_ms: int = GAP_MS) -> Load:
        """Return streams that come in over the length of one, so that at last all of them run."""
        per_s = streams / (deltas * gap_ms / 1000)
        return cls(at_once=streams, total=streams, per_s=per_s, deltas=deltas, gap_ms=gap_ms)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What one load came to.

    Attributes:
        door: Which way the streams took.
        load: How they came in.
        report: What the reader saw.
        cpu_us_per_event: Processor time of the gateway's workers for each delta, the beginning and the end of
            streams included, in microseconds.
        cpu_share: The same, for each second.
        resident_mib: Memory of the workers afterwards.
    """

    door: Door
    load: Load
    report: Report
    cpu_us_per_event: float = 0.0
    cpu_share: float = 0.0
    resident_mib: float = 0.0


def measure(server: Server, door: Door, load: Load) -> Figures:
    """Put one load on a server, and return what became of it."""
    workers = [] if door == "direct" else workers_of(server)
    before_s = sum(map(_cpu_s, workers))
    report = _read(_plan(server, door, load))
    cpu_s = sum(map(_cpu_s, workers)) - before_s
    events = max(1.0, report.events_per_s * report.seconds)
    return Figures(
        door=door,
        load=load,
        report=report,
        cpu_us_per_event=cpu_s / events * 1_000_000,
        cpu_share=cpu_s / report.seconds if report.seconds else 0.0,
        resident_mib=sum(map(resident_mib, workers)),
    )


@contextlib.contextmanager
def run_stream_upstream() -> Iterator[Server]:
    """Run the upstream of many streams."""
    with run_upstream(script="stream_upstream.py") as server:
        yield server


def _plan(server: Server, door: Door, load: Load) -> Plan:
    model = f"gap-{load.gap_ms}-deltas-{load.deltas}"
    body = action_body if door == "action" else wire_body
    path = ACTION_PATH if door == "action" else WIRE_PATH
    return Plan(
        port=server.port,
        head=f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {API_KEY}\r\n",
        body=body(model=model, stream=True).decode(),
        at_once=load.at_once,
        total=load.total,
        per_s=load.per_s,
        deltas=load.deltas,
        end=_ENDS[door],
    )


def _read(plan: Plan) -> Report:
    finished = subprocess.run(
        [sys.executable, str(HERE / "stream_client.py")],
        input=json.dumps(asdict(plan)).encode(),
        stdout=subprocess.PIPE,
        timeout=_TIMEOUT_S,
        check=True,
    )
    return Report(**json.loads(finished.stdout))


def _cpu_s(pid: int) -> float:
    """Return the processor time that a process has taken so far, in seconds; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; 1 if any stream was not complete."""
    options = _parse(arguments)
    found: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="hookline-streams-") as folder, run_stream_upstream() as upstream:
        environ = {"HOOKLINE_STATE_DIR": folder, "HOOKLINE_WORKERS": str(options.workers)}
        if options.threads:
            environ["HOOKLINE_THREADS"] = str(options.threads)
        with run_gateway(upstream, environ=environ) as gateway:
            for door in options.doors:
                server = upstream if door == "direct" else gateway
                if door != "direct":
                    measure(server, door, Load.wave(50))  # connections and threads are there
                for streams in options.streams:
                    found.append(measure(server, door, _load(streams, options)))
                    show(found[-1:], with_head=len(found) == 1)
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(figures) for figures in found], indent=2) + "\n")
    return 0 if all(figures.report.complete == figures.report.streams for figures in found) else 1


def _load(streams: int, options: argparse.Namespace) -> Load:
    if options.herd:
        return Load(at_once=streams, total=streams, deltas=options.deltas, gap_ms=options.gap_ms)
    per_s = options.per_s or Load.wave(streams, deltas=options.deltas, gap_ms=options.gap_ms).per_s
    total = options.total or max(streams, int(per_s * options.seconds))
    return Load(at_once=streams, total=total, per_s=per_s, deltas=options.deltas, gap_ms=options.gap_ms)


def show(found: Sequence[Figures], *, with_head: bool = True) -> None:
    """Print figures as the lines of a table."""
    if with_head:
        print(
            "door     at once  streams complete   lost  seconds events/s /read "
            "first p50   p99  gap p50   p99  worst  late us/event  cpu   MiB"
        )
    for figures in found:
        report = figures.report
        print(
            f"{figures.door:8} {report.at_once:7} {report.streams:8} {report.complete:8} "
            f"{report.lost_events:6} {report.seconds:8.2f} {report.events_per_s:8.0f} "
            f"{report.events_per_read:5.1f} {report.first_p50_ms:9.1f} {report.first_p99_ms:5.1f} "
            f"{report.gap_p50_ms:8.1f} {report.gap_p99_ms:5.0f} {report.gap_worst_ms:6.0f} "
            f"{report.late_streams:5} {figures.cpu_us_per_event:8.1f} {figures.cpu_share:4.2f} "
            f"{figures.resident_mib:5.0f}",
            flush=True,
        )
        for problem in report.problems:
            print("  ", problem)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure very many streams through one gateway.")
    parser.add_argument("--streams", type=int, nargs="+", default=[100, 200, 400, 800, 1000, 1200])
    parser.add_argument("--doors", nargs="+", choices=list(_ENDS), default=["direct", "wire"])
    parser.add_argument("--seconds", type=float, default=5.0, help="for how long new streams come in")
    parser.add_argument(
        "--per-s", type=float, default=0.0, help="new streams in a second; else as many as end"
    )
    parser.add_argument("--total", type=int, default=0, help="streams in all, in place of --seconds")
    parser.add_argument("--herd", action="store_true", help="all streams begin at once")
    parser.add_argument("--deltas", type=int, default=DELTAS)
    parser.add_argument("--gap-ms", type=int, default=GAP_MS, help="pause of the upstream between two deltas")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="`server.threads`; else its default")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
