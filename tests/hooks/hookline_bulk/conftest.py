"""The command line with the small service and `hookline batch`, and files of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import pytest
from click.testing import CliRunner, Result

from bulk_lab import repeat
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.plugins import PluginHost
from hookline_bulk import BulkPlugin
from small_service import Acme, Allow, LetterMeter, Upstream, make_connector

if TYPE_CHECKING:
    from hookline.engine.transport import Transport

Batch = Callable[..., Result]


@pytest.fixture
def upstream() -> Upstream:
    """The service; a test may change what it answers, and see what was sent."""
    return Upstream(repeat)


@pytest.fixture
def plugins() -> list[object]:
    """Plugins besides the service; a test may add some before it runs a command."""
    return []


@pytest.fixture
def batch(upstream: Upstream, plugins: list[object], tmp_path: Path) -> Batch:
    """Run `hookline batch acme.say` in this process, with files in the test's own folder."""

    def make_host(_: object) -> PluginHost:
        host = PluginHost()
        host.register(Acme(make_connector(meter=LetterMeter())), name="acme")
        host.register(Allow(), name="allow")
        host.register(BulkPlugin(), name="bulk")
        for number, plugin in enumerate(plugins):
            host.register(plugin, name=f"plugin{number}")
        return host

    def run(
        *arguments: str,
        action: str = "acme.say",
        source: str = "rows.csv",
        target: str | None = "out.jsonl",
        environ: Mapping[str, str] | None = None,
    ) -> Result:
        group = click.Group()
        BulkPlugin().hookline_register_commands(group)
        context = CommandContext(
            environ=dict(environ or {}), make_host=make_host, transport=cast("Transport", upstream)
        )
        files = ["--in", str(tmp_path / source)]
        files += [] if target is None else ["--out", str(tmp_path / target)]
        cli = build_cli(load_commands=lambda: PluginCommands(commands=dict(group.commands)))
        return CliRunner().invoke(
            cli, ["batch", action, *files, *arguments], obj=context, catch_exceptions=False
        )

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of rows."""

    def write(content: str | bytes, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def results(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Read the results."""
    return lambda: [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
