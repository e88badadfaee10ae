"""The program that callgrind runs: see `callgrind`, which starts it.

Callgrind starts without instrumentation, so that imports and the making of a gateway take seconds and not
minutes, and keeps a count for each thread. So each figure has a thread of its own, a lane, and whatever the
gateway does in the background is in no figure. The lanes are the first threads of the process: the first
lane is callgrind's thread 2. Instrumentation is switched on when every path was warmed up.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

LANES_PER_PATH = 3
FIRST_LANE = 2
_LEAST_WARM_UPS = 3


class Lane:
    """A thread that does what it is given; it never ends, so that no other gets its number."""

    def __init__(self) -> None:
        self._work: Callable[[], object] = lambda: None
        self._failure: BaseException | None = None
        self._begun, self._done = threading.Lock(), threading.Lock()
        self._begun.acquire()
        self._done.acquire()
        threading.Thread(target=self._serve, daemon=True).start()

    def run(self, work: Callable[[], object], *, times: int) -> None:
        """Do it, and return when it is done; what it raises is raised here."""

        def repeat() -> None:
            for _ in range(times):
                work()

        self._work = repeat
        self._begun.release()
        self._done.acquire()
        if self._failure is not None:
            raise self._failure

    def _serve(self) -> None:
        while self._begun.acquire():
            try:
                self._work()
            except BaseException as exc:
                self._failure = exc
            self._done.release()


def switch_on(vgdb: str, prefix: str) -> None:
    """Have callgrind count from here on.

    Args:
        vgdb: The program that gives commands to valgrind.
        prefix: How the pipes are called through which it does.

    Raises:
        RuntimeError: If it could not be told.
    """
    command = [vgdb, f"--vgdb-prefix={prefix}", f"--pid={os.getpid()}", "instrumentation", "on"]
    told = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while told.poll() is None:  # not waited for: valgrind looks for commands while code runs
        pass
    if told.returncode:
        raise RuntimeError(f"{' '.join(command)}: {told.communicate()[1]}")


def main(arguments: Sequence[str]) -> None:
    """Run the named paths on their lanes, and print how many calls or events each lane has run.

    Args:
        arguments: vgdb and the prefix of its pipes, the gateway's folder, the upstream's URL, names.
    """
    vgdb, prefix, folder, upstream_url, *names = arguments
    lanes = {name: [Lane() for _ in range(LANES_PER_PATH)] for name in names}

    from tests.benchmarks.paths import open_paths  # its imports may start threads

    with open_paths(Path(folder), upstream_url) as paths:
        for name in names:
            for lane in lanes[name]:
                lane.run(paths[name].run, times=max(paths[name].repeats, _LEAST_WARM_UPS))
        gc.collect()
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(3600)  # nobody takes the interpreter from a lane
        switch_on(vgdb, prefix)
        for name in names:
            for lane in lanes[name]:
                lane.run(paths[name].run, times=paths[name].repeats)
        print(json.dumps({name: paths[name].repeats * paths[name].parts for name in names}), flush=True)
        os._exit(0)  # closing a gateway takes long where every instruction is counted


if __name__ == "__main__":
    main(sys.argv[1:])
