"""Other gateways: installing them into a folder of their own, and running them as they recommend.

``python tests/benchmarks/peers.py install DIR`` makes a virtual environment or an npm folder of each in DIR,
and ``check DIR`` sends one request through each. ``run.py --peers DIR`` measures those that are there. They
run with one worker, as the gateway does, with the settings that their documentation names for production,
and with all that would report usage to their makers switched off.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.load import check_answer
from tests.benchmarks.servers import Server, free_port, run_server, run_upstream
from tests.benchmarks.ways import Starter, Way
from tests.benchmarks.work import CHAT, EMBEDDINGS, LONG_PROMPT

_MODELS = {"gpt-5.4-mini": "chat", "text-embedding-3-small": "embeddings"}
_MASTER_KEY = "sk-benchmark-key-0123456789abcdef"
_QUIET = {"DO_NOT_TRACK": "true", "NO_COLOR": "1"}
_PORTKEY = Path("node_modules", "@portkey-ai", "gateway")


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """Another gateway.

    Attributes:
        name: What its row is called, and its folder.
        package: What is installed, from PyPI or from npm.
        program: What must be in its folder for it to count as installed.
        serve: Runs it from its folder in front of an upstream.
        beside: Distributions whose versions matter as well.
    """

    name: str
    package: str
    program: Path
    serve: Callable[[Path, Server], contextlib.AbstractContextManager[Way]]
    beside: tuple[str, ...] = ()

    @property
    def is_python(self) -> bool:
        """Whether it is installed into a virtual environment."""
        return self.program.parts[0] == "bin"

    def folder(self, root: Path) -> Path:
        """Return where it is installed."""
        return root / self.name.lower()

    def is_installed(self, root: Path) -> bool:
        """Return whether it can be run."""
        return (self.folder(root) / self.program).exists()

    def versions(self, root: Path) -> dict[str, str]:
        """Return the versions of what was installed."""
        folder = self.folder(root)
        if not self.is_python:
            return {
                self.package: str(json.loads((folder / _PORTKEY / "package.json").read_text())["version"])
            }
        names = {self.package.partition("[")[0], *self.beside}
        places = [str(place) for place in folder.glob("lib/python*/site-packages")]
        found = importlib.metadata.distributions(path=places)
        return dict(sorted((one.name, one.version) for one in found if one.name in names))


def installed(root: Path | None) -> tuple[list[Starter], dict[str, dict[str, str]], list[str]]:
    """Return how the installed peers are started, their versions, and the names of those that are missing."""
    if root is None:
        return [], {}, [peer.name for peer in PEERS]
    there = [peer for peer in PEERS if peer.is_installed(root)]
    starters = [
        Starter(name=peer.name, start=lambda upstream, peer=peer: peer.serve(peer.folder(root), upstream))  # type: ignore[misc]
        for peer in there
    ]
    versions = {peer.name: peer.versions(root) for peer in there}
    return starters, versions, [peer.name for peer in PEERS if peer not in there]


@contextlib.contextmanager
def _serve_litellm(folder: Path, upstream: Server) -> Iterator[Way]:
    """Run LiteLLM's proxy: master key, one worker, log level ERROR, no database."""
    config = {
        "model_list": [
            {
                "model_name": model,
                "litellm_params": {
                    "model": f"openai/{model}",
                    "api_base": f"{upstream.url}/v1",
                    "api_key": "benchmark-credential",
                },
            }
            for model in _MODELS
        ],
        "general_settings": {"master_key": _MASTER_KEY},
        "litellm_settings": {"set_verbose": False, "json_logs": False, "telemetry": False},
    }
    environ = {
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
        "LITELLM_TELEMETRY": "False",
    }
    port = free_port()
    command = ["bin/litellm", "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    with _run(folder, command, config, "--config", port, "/health/liveliness", environ) as server:
        yield Way(name="LiteLLM", kind="peer", server=server, key=_MASTER_KEY)


@contextlib.contextmanager
def _serve_mlflow(folder: Path, upstream: Server) -> Iterator[Way]:
    """Run MLflow's gateway: gunicorn with one uvicorn worker; it asks for no key."""
    config = {
        "endpoints": [
            {
                "name": model,
                "endpoint_type": f"llm/v1/{kind}",
                "model": {
                    "provider": "openai",
                    "name": model,
                    "config": {
                        "openai_api_key": "benchmark-credential",
                        "openai_api_base": f"{upstream.url}/v1",
                    },
                },
            }
            for model, kind in _MODELS.items()
        ]
    }
    port = free_port()
    command = ["bin/mlflow", "gateway", "start", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environ = {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}
    with _run(folder, command, config, "--config-path", port, "/health", environ) as server:
        yield Way(name="MLflow", kind="peer", server=server)


@contextlib.contextmanager
def _serve_portkey(folder: Path, upstream: Server) -> Iterator[Way]:
    """Run Portkey's gateway on node; it passes the caller's key on and asks for none of its own."""
    port = free_port()
    script = str(folder / _PORTKEY / "build" / "start-server.js")
    command = [shutil.which("node") or "node", script, f"--port={port}", "--headless"]
    environ = {**_QUIET, "NODE_ENV": "production"}
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream.url}/v1"}
    with run_server("portkey", command, port, ready_path="/", environ=environ) as server:
        yield Way(name="Portkey", kind="peer", server=server, headers=headers)


@contextlib.contextmanager
def _run(
    folder: Path,
    command: list[str],
    config: object,
    option: str,
    port: int,
    ready_path: str,
    environ: Mapping[str, str],
) -> Iterator[Server]:
    """Run a program of a virtual environment with a file of settings, which is JSON and so YAML as well."""
    binaries = folder / "bin"
    variables = {**_QUIET, "PATH": f"{binaries}:{os.environ.get('PATH', '')}", **environ}
    with tempfile.TemporaryDirectory(prefix="hookline-benchmark-") as own:
        file = Path(own, "config.yaml")
        file.write_text(json.dumps(config))
        words = [str(folder / command[0]), *command[1:], option, str(file)]
        variables["HOME"] = own
        name = folder.name
        with run_server(name, words, port, ready_path=ready_path, environ=variables) as server:
            yield server


PEERS = (
    Peer(
        name="LiteLLM",
        package="litellm[proxy]",
        program=Path("bin", "litellm"),
        serve=_serve_litellm,
        beside=("uvicorn", "fastapi", "openai"),
    ),
    Peer(
        name="Portkey",
        package="@portkey-ai/gateway",
        program=_PORTKEY / "build" / "start-server.js",
        serve=_serve_portkey,
    ),
    Peer(
        name="MLflow",
        package="mlflow[gateway]",
        program=Path("bin", "mlflow"),
        serve=_serve_mlflow,
        beside=("gunicorn", "uvicorn", "fastapi"),
    ),
)


def install(root: Path) -> int:
    """Install every peer into a folder of its own; 1 if one could not be."""
    failed = []
    for peer in PEERS:
        folder = peer.folder(root)
        print(f"{peer.name}: installing {peer.package} into {folder}", file=sys.stderr)
        if peer.is_python:
            commands = [
                [sys.executable, "-m", "venv", str(folder)],
                [str(folder / "bin" / "pip"), "install", "--quiet", "--upgrade", peer.package],
            ]
        else:
            folder.mkdir(parents=True, exist_ok=True)
            commands = [["npm", "install", "--silent", "--no-fund", "--prefix", str(folder), peer.package]]
        try:
            for command in commands:
                subprocess.run(command, check=True)
        except (OSError, subprocess.CalledProcessError) as exc:
            print(f"{peer.name}: {exc}", file=sys.stderr)
            failed.append(peer.name)
    return _report(root, failed)


def check(root: Path) -> int:
    """Send one request of each kind through each installed peer; 1 if one was not answered rightly."""
    failed = []
    starters, _, _ = installed(root)
    with run_upstream() as upstream:
        for starter in starters:
            try:
                with starter.start(upstream) as way:
                    for work in (CHAT, LONG_PROMPT, EMBEDDINGS):
                        print(f"{way.name}: {work.name}: {check_answer(way.target(work))} bytes")
            except RuntimeError as exc:
                print(f"{starter.name}: {exc}", file=sys.stderr)
                failed.append(starter.name)
    return _report(root, failed)


def _report(root: Path, failed: Sequence[str]) -> int:
    _, versions, missing = installed(root)
    for name, found in versions.items():
        print(f"{name}: " + ", ".join(f"{package} {version}" for package, version in found.items()))
    for name in missing:
        print(f"{name}: not installed")
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description="Install the gateways that are measured beside this one.")
    parser.add_argument("command", choices=("install", "check"))
    parser.add_argument("folder", type=Path, metavar="DIR", help="where they are, or will be")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    root = options.folder.resolve()
    return install(root) if options.command == "install" else check(root)


if __name__ == "__main__":
    sys.exit(main())
