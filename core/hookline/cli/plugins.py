"""``hookline plugins``: which plugins there are, what became of them, and which hooks they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import echo_json, print_table

if TYPE_CHECKING:
    from hookline.plugins import PluginHost


@click.group("plugins")
def command() -> None:
    """Show plugins and the order of their hooks."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def list_(context: CommandContext, as_json: bool) -> None:
    """List every plugin, its status, and who implements which hook in which order.

    A plugin is active, disabled (by setting), refused (it breaks a rule) or broken (its import failed).
    """
    host = _load(context)
    order = {hook: names for hook, names in host.order().items() if names}
    if as_json:
        echo_json({"plugins": [_describe(info) for info in host.plugins.values()], "hooks": order})
        return
    rows = [
        [info.name, info.distribution or "built in", info.version, info.status, info.problem]
        for info in host.plugins.values()
    ]
    print_table(["plugin", "distribution", "version", "status", "problem"], rows, flexible="problem")
    click.echo()
    print_table(
        ["hook, in the order of a call", "who implements it, in running order"],
        [[hook, ", ".join(names)] for hook, names in order.items()],
        flexible="who implements it, in running order",
    )


def _load(context: CommandContext) -> PluginHost:
    """Return the plugins as a gateway would have them, also where a gateway could not start."""
    from hookline.engine.catalog import Catalog, build_catalog
    from hookline.engine.code import CodePlugin
    from hookline.engine.transport import Transport, TransportPlugin
    from hookline.plugins import PluginHost

    settings = context.load_settings()
    if context.make_host is not None:
        host = context.make_host(settings)
    else:
        host = PluginHost()
        host.load(disabled=settings.plugins.disabled)
    transport = cast("Transport", None)  # named in the order of hooks, never used
    host.register(CodePlugin(Catalog, owner=lambda id: None), name="code")
    host.register(TransportPlugin(transport, connect_timeout_s=1.0, read_timeout_s=1.0), name="transport")
    catalog = build_catalog(host)
    if settings.connectors_dir is not None:
        from hookline.manifest.folder import ManifestFolder
        from hookline.manifest.following import note_manifests

        folder = ManifestFolder(settings.connectors_dir, taken=catalog.connectors)
        folder.load()
        note_manifests(host.plugins, folder)
    return host


def _describe(info: object) -> dict[str, object]:
    from dataclasses import asdict, is_dataclass

    assert is_dataclass(info)  # every PluginInfo is
    assert not isinstance(info, type)
    return asdict(info)
