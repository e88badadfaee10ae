"""Counting instructions with valgrind's callgrind: starts `counting` and reads what it leaves."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from tests.benchmarks.counting import FIRST_LANE, LANES_PER_PATH
from tests.benchmarks.servers import run_upstream

_PROGRAM = Path(__file__).with_name("counting.py")
_PACKAGES = ("flask", "werkzeug", "orjson", "pydantic", "jsonschema-rs", "pluggy", "sqlalchemy")
_TIMEOUT_S = 540.0


class Counted(TypedDict):
    """What was counted, and with what.

    Attributes:
        instructions: Of one call, or one event of a stream, by path.
        measured_with: Versions by name.
    """

    instructions: dict[str, int]
    measured_with: dict[str, str]


def missing_programs() -> list[str]:
    """Return what has to be installed before anything can be counted."""
    return [name for name in ("valgrind", "vgdb") if shutil.which(name) is None]


def count(names: Sequence[str], *, keep: Path | None = None) -> Counted:
    """Return the instructions of some paths.

    Args:
        names: Which paths.
        keep: Folder for callgrind's profiles, ``callgrind.out.PATH``; none are kept without.

    Raises:
        RuntimeError: If something is not installed or the program failed; its output is in the message.
    """
    if missing := missing_programs():
        raise RuntimeError(f"{' and '.join(missing)} must be installed (Debian: apt-get install valgrind).")
    with tempfile.TemporaryDirectory(prefix="hookline-instructions-") as name, run_upstream() as upstream:
        folder = Path(name)
        parts = _run(folder, upstream.url, names)
        counted: dict[str, int] = {}
        for path, parts_of_path in parts.items():
            first = FIRST_LANE + len(counted) * LANES_PER_PATH
            profiles = [folder / f"profile-{lane:02}" for lane in range(first, first + LANES_PER_PATH)]
            # What happens now and then, such as a new connection, is in one lane and not in all.
            least = min(profiles, key=_total)
            counted[path] = _total(least) // parts_of_path
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(least, keep / f"callgrind.out.{path}")
    return Counted(instructions=counted, measured_with=_versions())


def _run(folder: Path, upstream_url: str, names: Sequence[str]) -> dict[str, int]:
    """Return how many calls or events each path's figures are for; leave the profiles in the folder."""
    state = folder / "state"
    state.mkdir()
    vgdb = shutil.which("vgdb")
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--instr-atstart=no",
            "--separate-threads=yes",
            f"--callgrind-out-file={folder / 'profile'}",
            f"--vgdb-prefix={folder / 'vgdb'}",
            sys.executable,
            str(_PROGRAM),
            *(str(vgdb), str(folder / "vgdb"), str(state), upstream_url),
            *names,
        ],
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "PYTHONHASHSEED": "0"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The counting ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    parts: dict[str, int] = json.loads(done.stdout)
    return parts


def _total(profile: Path) -> int:
    found = re.search(r"^totals: (\d+)$", profile.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"callgrind wrote no total to {profile.name}")
    return int(found[1])


def _versions() -> dict[str, str]:
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        **{package: version(package) for package in _PACKAGES},
    }
