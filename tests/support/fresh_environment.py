"""An environment that somebody else might have: this checkout installed, and what a test adds, nothing more.

What Hookline depends on is lent by the environment that the tests run in, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_gateway import KEY, Server, free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 300
_PIP = ("--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index", "--quiet")


@dataclass(frozen=True, kw_only=True)
class FreshEnvironment:
    """A virtual environment.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *arguments: str | Path) -> None:
        """Install distributions from folders; ``-e`` in front of one for an editable one."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", *_PIP]
        self._check(subprocess.run([*command, *map(str, arguments)], **self._options()))

    def run(self, *command: str, cwd: Path | None = None, **environ: str) -> str:
        """Return what a command of the environment prints.

        Raises:
            AssertionError: If it fails; says what it printed.
        """
        program = [str(self.folder / "bin" / command[0]), *command[1:]]
        return self._check(subprocess.run(program, **self._options(cwd, environ)))

    @contextmanager
    def serve(self, folder: Path, *options: str, **environ: str) -> Iterator[Server]:
        """Run ``hookline serve`` on a free port until the end of the block."""
        port = free_port()
        settings = {"HOOKLINE_API_KEYS": KEY, "HOOKLINE_STATE_DIR": str(folder / "state"), **environ}
        log = folder / f"serve-{port}.log"
        command = [str(self.folder / "bin" / "hookline"), "serve", "--port", str(port), *options]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=self._environ(settings), cwd=folder, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            wait_until_ready(port, process, log)
            yield Server(port=port, pid=process.pid, log=log)
        finally:
            process.terminate()
            process.wait(timeout=60)

    def _environ(self, more: Mapping[str, str]) -> dict[str, str]:
        outer = ("HOOKLINE_", "OPENAI_", "PYTHON", "VIRTUAL_ENV", "COVERAGE_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        return inherited | {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}", **more}

    def _options(self, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        return {
            "env": self._environ(environ or {}),
            "cwd": cwd or self.folder,
            "capture_output": True,
            "text": True,
            "timeout": _TIMEOUT_S,
            "check": False,
        }

    @staticmethod
    def _check(done: subprocess.CompletedProcess[str]) -> str:
        assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def make_environment(folder: Path) -> FreshEnvironment:
    """Return a new environment in which this checkout is installed from a wheel."""
    venv.create(folder, symlinks=True, with_pip=False)
    environment = FreshEnvironment(folder=folder)
    lend_packages(folder)
    environment.install(build_wheel(folder / "wheels"))
    return environment


def lend_packages(folder: Path) -> None:
    """Let an environment import what is installed where the tests run, but for Hookline and its plugins."""
    lent = folder / "lent"
    lent.mkdir()
    places = [Path(path) for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    found = {entry.name: entry for place in reversed(places) for entry in place.iterdir()}
    for name, entry in found.items():
        if "hookline" not in name.lower() and not name.endswith(".pth"):
            (lent / name).symlink_to(entry)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{lent}\n")
    pytest = folder / "bin" / "pytest"
    pytest.write_text(f"#!{folder}/bin/python\nimport pytest\nraise SystemExit(pytest.main())\n")
    pytest.chmod(0o755)


def build_wheel(folder: Path) -> Path:
    """Return a wheel of this checkout, built into a folder."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel
