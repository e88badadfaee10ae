"""Where and with what figures were made."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import TypedDict

_DISTRIBUTIONS = ("hookline", "flask", "granian", "orjson", "pluggy", "pydantic", "werkzeug")
_PROGRAMS = {"nginx": ["nginx", "-v"], "wrk": ["wrk", "-v"], "node": ["node", "--version"]}
_VERSION = re.compile(r"\d+(?:\.\d+)+")


class Machine(TypedDict):
    """What the figures depend on; units are in the names."""

    made_at: str
    cpu: str
    cores: int
    memory_mib: int
    kernel: str
    python: str
    load_before: float


def describe_machine() -> Machine:
    """Return the time, and what there is here."""
    return Machine(
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        cpu=_first(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$") or platform.processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=int(_first(Path("/proc/meminfo"), r"^MemTotal:\s*(\d+)") or 0) // 1024,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load_before=round(os.getloadavg()[0], 2),
    )


def versions() -> dict[str, str]:
    """Return the versions of what runs, but for the peers."""
    found = {name: importlib.metadata.version(name) for name in _DISTRIBUTIONS}
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    for name, command in _PROGRAMS.items():
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=10, env={"PATH": path}
            )
        except OSError:
            continue
        if said := _VERSION.search(done.stdout + done.stderr):
            found[name] = said[0]
    return found


def _first(file: Path, pattern: str) -> str | None:
    try:
        found = re.search(pattern, file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return found[1].strip() if found else None
