"""Memory of a worker: ``python tests/benchmarks/memory.py [--calls 100000] [--json FILE] [--chart FILE]``.

A real ``hookline serve`` with everything on: a stored key with limits, the ledger, and the bundled plugins,
in front of the fixed upstream. Its resident memory is read from ``/proc``, so this needs Linux. The load is
that of the generator written in Python, which can send an exact number of calls.
``--from FILE`` draws what an earlier run wrote.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.load import Target, check_answer, run_python
from tests.benchmarks.servers import Server, resident_mib, run_gateway, run_upstream, threads_of, workers_of
from tests.benchmarks.ways import make_key
from tests.benchmarks.work import ACTION_PATH, WIRE_PATH, action_body, wire_body

BOUND_MIB = 150.0
GROWTH_BOUND_MIB = 2.0
"""Most that the fitted line may rise in 10,000 calls after the warm-up: what is noise on a busy machine."""

CONNECTIONS = 32
CROWD = 256
_STEPS = 10
_WARM_UP_STEPS = 2
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One part of the load.

    Attributes:
        calls: Calls so far.
        load_mib: The most resident memory that was seen meanwhile.
        after_mib: Resident memory after it.
    """

    calls: int
    load_mib: float
    after_mib: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The figures of one run.

    Attributes:
        start_s: From starting ``hookline serve`` to its first 200.
        idle_mib: One worker before its first call.
        main_mib: The process that watches the worker.
        steps: What became of the worker under load.
        growth_mib: By how much the fitted line rises in 10,000 calls after the warm-up.
        threads: Threads of the worker after the steps.
        per_thread_kib: What each further thread takes that a burst of callers has left behind, now idle.
        two_workers_mib: Each of two workers after one step.
    """

    start_s: float
    idle_mib: float
    main_mib: float
    steps: list[Step]
    growth_mib: float
    threads: int
    per_thread_kib: float
    two_workers_mib: list[float]


class Watch:
    """Looks at a process's memory while something runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most_mib = 0.0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(_LOOK_EVERY_S):
            self.most_mib = max(self.most_mib, resident_mib(self._pid))


def measure(*, calls: int, steps: int = _STEPS, say: Callable[[str], None] = print) -> Report:
    """Return the figures.

    Args:
        calls: Calls of the long load.
        steps: In how many parts it is sent; memory is read after each.
        say: Told how far it is.

    Raises:
        RuntimeError: If an answer is not 200.
    """
    size = max(1, calls // steps)
    with tempfile.TemporaryDirectory() as folder, run_upstream() as upstream:
        key = make_key(Path(folder))
        environ = {"HOOKLINE_STATE_DIR": folder}
        with run_gateway(upstream, environ=environ) as gateway:
            (worker,) = workers_of(gateway)
            idle_mib = resident_mib(worker)
            say(f"idle {idle_mib:.1f} MiB")
            found = [_step(gateway, worker, key, number=number, size=size) for number in range(steps)]
            for step in found:
                say(f"after {step.calls:7,} calls {step.after_mib:.1f} MiB, meanwhile {step.load_mib:.1f}")
            before, before_mib = threads_of(worker), resident_mib(worker)
            _send(gateway, key, door=0, calls=20 * CROWD, connections=CROWD)
            more = max(1, threads_of(worker) - before)
            report = Report(
                start_s=gateway.started_in_s,
                idle_mib=idle_mib,
                main_mib=resident_mib(gateway.process.pid),
                steps=found,
                growth_mib=_slope(found[_WARM_UP_STEPS:]) * 10_000,
                threads=before,
                per_thread_kib=(resident_mib(worker) - before_mib) * 1024 / more,
                two_workers_mib=[],
            )
        with run_gateway(upstream, workers=2, environ=environ) as gateway:
            _send(gateway, key, door=0, calls=size, connections=CONNECTIONS)
            report.two_workers_mib.extend(resident_mib(pid) for pid in workers_of(gateway))
    return report


def _step(gateway: Server, worker: int, key: str, *, number: int, size: int) -> Step:
    """Send one part of the load; the doors take turns."""
    with Watch(worker) as watch:
        _send(gateway, key, door=number % 2, calls=size, connections=CONNECTIONS)
    time.sleep(2 * _LOOK_EVERY_S)
    after_mib = resident_mib(worker)
    return Step(calls=(number + 1) * size, load_mib=max(watch.most_mib, after_mib), after_mib=after_mib)


def _send(gateway: Server, key: str, *, door: int, calls: int, connections: int) -> None:
    path, body, expect = (
        (WIRE_PATH, wire_body(), b"chatcmpl-"),
        (ACTION_PATH, action_body(), b'"text":"A gateway'),
    )[door]
    target = Target(name=path, url=gateway.url + path, body=body, expect=expect, key=key)
    check_answer(target)
    result = run_python(target, connections=connections, max_requests=calls)
    if result.failures or result.requests != calls:
        raise RuntimeError(f"{result.failures} of {calls} calls failed")


def _slope(steps: Sequence[Step]) -> float:
    """Return the fitted rise in MiB of each call."""
    if len(steps) < 2:
        return 0.0
    return statistics.linear_regression(
        [step.calls for step in steps], [step.after_mib for step in steps]
    ).slope


def read(file: Path) -> Report:
    """Return the report that an earlier run wrote."""
    told = json.loads(file.read_text())
    names = {one.name for one in fields(Report)}
    kept = {name: value for name, value in told.items() if name in names}
    return Report(**{**kept, "steps": [Step(**step) for step in told["steps"]]})


def draw(report: Report, file: Path) -> None:
    """Draw memory over calls."""
    from tests.benchmarks.pictures import BLUE, GREY, RED, Picture

    calls = [0, *(step.calls for step in report.steps)]
    most = [report.idle_mib, *(step.load_mib for step in report.steps)]
    after = [report.idle_mib, *(step.after_mib for step in report.steps)]
    with Picture("Resident memory of a worker, MiB", panel_size=(9.5, 3.6)) as picture:
        (axes,) = picture.axes
        axes.plot(calls, most, ls=":", color=GREY, label="the most under load")
        axes.plot(calls, after, "o-", color=BLUE, label="after it")
        axes.axhline(BOUND_MIB, color=RED, lw=1, label="bound")
        axes.set_ylim(0, BOUND_MIB * 1.1)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel(f"calls so far, {CONNECTIONS} at a time")
        axes.legend(loc="lower right")
        picture.save(
            file, described=[f"after {n:,} calls {mib:.0f}" for n, mib in zip(calls, after, strict=True)]
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures; the exit status is 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description="Show what memory a worker takes over many calls.")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    parser.add_argument(
        "--chart", type=Path, metavar="FILE", help="draw the figures into an .svg or .png file"
    )
    parser.add_argument(
        "--from", dest="read", type=Path, metavar="FILE", help="take the figures from such a file"
    )
    options = parser.parse_args(arguments)
    report = read(options.read) if options.read else measure(calls=options.calls)
    last = report.steps[-1]
    print(f"main process          {report.main_mib:7.1f} MiB")
    print(f"growth by 10,000 calls{report.growth_mib:+7.2f} MiB, after the first {_WARM_UP_STEPS} steps")
    print(f"threads               {report.threads:7}, an idle one takes {report.per_thread_kib:.0f} KiB")
    print("each of two workers   " + ", ".join(f"{mib:7.1f}" for mib in report.two_workers_mib) + " MiB")
    print(f"start to first answer {report.start_s:7.2f} s")
    figures = {**asdict(report), "bound_mib": BOUND_MIB, "growth_bound_mib": GROWTH_BOUND_MIB}
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    if options.chart:
        draw(report, options.chart)
    if last.load_mib > BOUND_MIB:
        sys.exit(f"a worker takes more than {BOUND_MIB:.0f} MiB")
    if last.calls >= 50_000 and report.growth_mib > GROWTH_BOUND_MIB:
        sys.exit(f"a worker grows by more than {GROWTH_BOUND_MIB:g} MiB in 10,000 calls")


if __name__ == "__main__":
    main()
