"""What programs take before they do anything: time to start, time to help, packages."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.servers import Server, clean_environ

if TYPE_CHECKING:
    from tests.benchmarks.ways import Starter


def measure(*, helps: int = 5) -> dict[str, float]:
    """Return what needs no server: ``help_s``, the median of some ``hookline --help``, and ``packages``.

    Packages are the distributions that installing hookline installs, itself included.

    Raises:
        RuntimeError: If ``--help`` fails.
    """
    _time_help()  # reads files and compiles modules that the others find ready
    return {
        "help_s": statistics.median(_time_help() for _ in range(helps)),
        "packages": len(installed_packages("hookline")),
    }


def measure_starts(
    starters: Sequence[Starter],
    upstream: Server,
    *,
    times: int,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, list[float]]:
    """Start and stop every program some times, in turns; return the seconds from start to the first 200."""
    took_s: dict[str, list[float]] = {starter.name: [] for starter in starters}
    for number in range(times):
        for starter in starters:
            with starter.start(upstream) as way:
                took_s[starter.name].append(way.server.started_in_s)
            say(f"start {number + 1} of {times}: {starter.name:28} {took_s[starter.name][-1]:8.2f} s")
    return took_s


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
