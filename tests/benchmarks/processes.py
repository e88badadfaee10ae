"""What a process and all that it started took of the machine; read from ``/proc``, so Linux only."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def tree_of(pid: int) -> list[int]:
    """Return a process and its descendants; those that have ended are left out."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            tasks = os.listdir(f"/proc/{one}/task")
            children = [Path(f"/proc/{one}/task/{task}/children").read_text() for task in tasks]
        except OSError:
            continue
        found.append(one)
        waiting += [int(child) for text in children for child in text.split()]
    return found


def cpu_s(pid: int) -> float:
    """Return the processor seconds, of user and system, that a process and its descendants have taken.

    The kernel counts in steps of 10 ms, so differences over less than a second say little.
    """
    return sum(_ticks(one) for one in tree_of(pid)) / _TICKS_PER_S


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process and its descendants, with each shared page counted once."""
    return sum(_proportional_kib(one) for one in tree_of(pid)) / 1024


class MemoryWatch:
    """Looks at the memory of a process after a while, as a block runs; ``mib`` is what it saw last."""

    def __init__(self, pid: int, *, after_s: float) -> None:
        self.mib = 0.0
        self._pid = pid
        self._timer = threading.Timer(after_s, self._look)

    def __enter__(self) -> MemoryWatch:
        self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self.mib = self.mib or memory_mib(self._pid)

    def _look(self) -> None:
        self.mib = memory_mib(self._pid)


def _ticks(pid: int) -> int:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(after_name[11]) + int(after_name[12])  # utime and stime, fields 14 and 15 of proc(5)


def _proportional_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
