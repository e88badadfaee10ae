"""What the gateway takes before it does anything: memory, time to start, packages."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

from tests.benchmarks.load import Target, run_python
from tests.benchmarks.servers import Server, clean_environ, resident_mib, run_gateway, workers_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """The figures.

    Attributes:
        idle_mib: Resident memory of one worker after its first request.
        busy_mib: The same after ``requests`` more, 32 at a time.
        main_mib: Resident memory of the process that watches the worker.
        requests: How many were sent between the two.
        start_s: Median time from starting ``hookline serve`` to the first 200 of ``/readyz``.
        help_s: Median time that ``hookline --help`` takes.
        packages: Distributions that installing hookline installs, itself included.
    """

    idle_mib: float
    busy_mib: float
    main_mib: float
    requests: int
    start_s: float
    help_s: float
    packages: int


def measure(upstream: Server, *, requests: int = 2000, starts: int = 3, helps: int = 5) -> Footprint:
    """Measure a fresh gateway; memory on Linux only.

    Raises:
        RuntimeError: If an answer is not 200 or ``--help`` fails.
    """
    started_s = []
    for _ in range(starts - 1):
        with run_gateway(upstream) as gateway:
            started_s.append(gateway.started_in_s)
    with run_gateway(upstream) as gateway:
        started_s.append(gateway.started_in_s)
        target = Target(
            name="footprint",
            url=f"{gateway.url}/v1/chat/completions",
            body=b'{"model":"gpt-5.4-mini","messages":[{"role":"user","content":"Hello"}]}',
            expect=b"chatcmpl-",
        )
        (worker,) = workers_of(gateway)
        _load(target, connections=1, requests=1)
        idle_mib = resident_mib(worker)
        _load(target, connections=32, requests=requests)
        busy_mib, main_mib = resident_mib(worker), resident_mib(gateway.process.pid)
    return Footprint(
        idle_mib=idle_mib,
        busy_mib=busy_mib,
        main_mib=main_mib,
        requests=requests,
        start_s=statistics.median(started_s),
        help_s=statistics.median(_time_help() for _ in range(helps)),
        packages=len(installed_packages("hookline")),
    )


def installed_packages(distribution: str, *, extras: frozenset[str] = frozenset()) -> set[str]:
    """Return the normalised names of a distribution and all that it requires on this machine.

    Requirements whose marker does not hold here, and those of extras nobody asked for, are not counted.

    Raises:
        PackageNotFoundError: If a required distribution is not installed.
    """
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = [(distribution, extras)]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, wanted = waiting.pop()
        key = (re.sub(r"[-_.]+", "-", name).lower(), wanted)
        if key in done:
            continue
        done.add(key)
        found.add(key[0])
        for text in requires(name) or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return found


def _load(target: Target, *, connections: int, requests: int) -> None:
    result = run_python(target, connections=connections, max_requests=requests)
    if result.failures or result.requests != requests:
        raise RuntimeError(f"{result.failures} of {requests} requests failed")


def _time_help() -> float:
    script = shutil.which("hookline", path=str(Path(sys.executable).parent))
    command = [script] if script else [sys.executable, "-m", "hookline"]
    started = time.perf_counter()
    finished = subprocess.run(
        [*command, "--help"], env=clean_environ(), capture_output=True, timeout=60, check=False
    )
    took_s = time.perf_counter() - started
    if finished.returncode != 0:
        raise RuntimeError(f"hookline --help failed: {finished.stderr.decode(errors='replace')[-1000:]}")
    return took_s
