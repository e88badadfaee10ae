"""The ways that a request can take to the upstream, and how the programs on them are started."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.benchmarks import nginx
from tests.benchmarks.load import Target
from tests.benchmarks.servers import API_KEY, HERE, Server, clean_environ, run_empty, run_gateway

if TYPE_CHECKING:
    from tests.benchmarks.work import Work

Kind = Literal["reference", "gateway", "stage", "peer"]

DIRECT = "direct"
NGINX = "nginx"
EMPTY = "empty Flask route"
WIRE = "hookline, wire door"
ACTION = "hookline, action door"

LIMITS = ("100000000 requests / minute", "1000000000000 tokens / minute")
UPSTREAM_PLUGINS = ("context", "lifecycle", "moderation", "retry", "streams")
STAGES: Mapping[str, tuple[str, ...]] = {
    "bare pipeline": ("auth", "limits", "ledger", *UPSTREAM_PLUGINS),
    "+ auth": ("limits", "ledger", *UPSTREAM_PLUGINS),
    "+ limits": ("ledger", *UPSTREAM_PLUGINS),
    "+ upstream plugins": ("ledger",),
}
"""Which plugins each stage is without; with the ledger it is the default install, and called `WIRE`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to the upstream, ready to be used.

    Attributes:
        name: What the row is called.
        kind: What it is compared with.
        server: The program on it.
        is_action: Whether it takes the input of actions in place of OpenAI's format.
        key: API key that it is used with.
        headers: Further headers that it wants.
    """

    name: str
    kind: Kind
    server: Server
    is_action: bool = False
    key: str = field(default=API_KEY, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_upstream_behind(self) -> bool:
        """Whether it leads to the upstream, so that it can be asked for all work."""
        return self.name != EMPTY

    def target(self, work: Work) -> Target:
        """Return a request that takes this way."""
        request = work.action if self.is_action else work.wire
        return Target(
            name=self.name,
            url=self.server.url + request.path,
            body=request.body,
            expect=b"{}" if self.name == EMPTY else request.expect,
            key=self.key,
            headers=self.headers,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Starter:
    """How a program on a way is started; ``start`` takes the upstream and yields the way."""

    name: str
    start: Callable[[Server], contextlib.AbstractContextManager[Way]]


def starters() -> list[Starter]:
    """Return what is measured besides the upstream itself and the peers."""
    stages = [
        Starter(name=name, start=lambda upstream, name=name: start_gateway(upstream, name))  # type: ignore[misc]
        for name in (*STAGES, WIRE)
    ]
    found = [Starter(name=EMPTY, start=_start_empty), *stages]
    return [Starter(name=NGINX, start=_start_nginx), *found] if nginx.program() else found


def direct(upstream: Server) -> Way:
    """Return the way without anything between."""
    return Way(name=DIRECT, kind="reference", server=upstream)


def action_door(way: Way) -> Way:
    """Return the other door of the same gateway."""
    return replace(way, name=ACTION, is_action=True)


@contextlib.contextmanager
def start_gateway(upstream: Server, stage: str, *, state: Path | None = None) -> Iterator[Way]:
    """Run the gateway as the command line runs it, with the plugins of a stage.

    Wherever there is the plugin ``auth`` the caller has a stored key with two limits; without it a plugin
    file lets everybody in.

    Args:
        upstream: Where its calls go.
        stage: One of `STAGES`, or `WIRE` for the default install.
        state: Where it keeps keys and usage; a temporary folder if none is given.
    """
    without = STAGES.get(stage, ())
    environ = {"HOOKLINE_API_KEYS": "", "HOOKLINE_DISABLED_PLUGINS": ",".join(without)}
    with tempfile.TemporaryDirectory(prefix="hookline-benchmark-") as folder:
        kept = state or Path(folder)
        environ["HOOKLINE_STATE_DIR"] = str(kept)
        if "auth" in without:
            environ["HOOKLINE_PLUGIN_FILES"] = str(HERE / "open_door.py")
            key = API_KEY
        else:
            key = make_key(kept)
        with run_gateway(upstream, environ=environ) as server:
            yield Way(name=stage, kind="gateway" if stage == WIRE else "stage", server=server, key=key)


def make_key(folder: Path, *, limits: Sequence[str] = LIMITS) -> str:
    """Return a new stored key with limits.

    Args:
        folder: State folder of the gateway that will know it.
        limits: In words; so high that they are counted and never reached.
    """
    options = [word for limit in limits for word in ("--limit", limit)]
    done = subprocess.run(
        [sys.executable, "-m", "hookline", "keys", "create", "--label", "benchmark", "--json", *options],
        env={**clean_environ(), "HOOKLINE_STATE_DIR": str(folder)},
        capture_output=True,
        check=True,
    )
    return str(json.loads(done.stdout)["key"])


@contextlib.contextmanager
def _start_empty(upstream: Server) -> Iterator[Way]:
    with run_empty() as server:
        yield Way(name=EMPTY, kind="reference", server=server)


@contextlib.contextmanager
def _start_nginx(upstream: Server) -> Iterator[Way]:
    with nginx.run_nginx(upstream) as server:
        yield Way(name=NGINX, kind="reference", server=server)
