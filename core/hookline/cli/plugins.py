"""``hookline plugins``: which plugins there are, what they do, how they fare, and switching them off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from hookline.cli.context import CommandContext, pass_context, quiet_logs
from hookline.cli.messages import CommandError, CommandFailedError, echo_json, print_table, warn
from hookline.cli.plugin_option import plugin_option
from hookline.hookspecs import BUILT_IN_PLUGINS

if TYPE_CHECKING:
    from hookline.plugin_report import PluginReport
    from hookline.plugins import PluginHost, PluginInfo

_EPILOG = """\
\b
Examples:
  hookline plugins list                       every plugin, and who runs when
  hookline plugins show retry                 one of them: settings, routes, health
  hookline plugins check acme --level silver  is it made well?
  hookline plugins disable moderation         from the next start on

\b
Exit status: 0 all is well, 1 something is wrong or was not done, 2 wrong usage or configuration.
"""
_CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file; HOOKLINE_CONFIG unless set.",
)


@click.group("plugins", epilog=_EPILOG)
def command() -> None:
    """Show and check plugins, and switch them off."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plugin_option
@pass_context
def list_(context: CommandContext, as_json: bool) -> None:
    """List every plugin, its status, and who implements which hook in which order.

    A plugin is active, disabled (by setting), refused (it breaks a rule) or broken (its import failed).
    """
    host = _load(context)
    order = {hook: names for hook, names in host.order().items() if names}
    wanted = context.load_settings().plugins.order
    if as_json:
        described = [_describe(info) for info in host.plugins.values()]
        echo_json({"plugins": described, "hooks": order, "order": wanted})
        return
    rows = [
        [
            info.name,
            info.distribution or "built in",
            info.version,
            info.status,
            info.problem or " ".join(info.deprecated),
        ]
        for info in host.plugins.values()
    ]
    print_table(["plugin", "distribution", "version", "status", "problem"], rows, flexible="problem")
    click.echo()
    print_table(
        ["hook, in the order of a call", "who implements it, in running order"],
        [[hook, ", ".join(names)] for hook, names in order.items()],
        flexible="who implements it, in running order",
    )
    if wanted:
        lines = wanted.items() if isinstance(wanted, dict) else [("all hooks", wanted)]
        for hook, names in lines:
            click.echo(f"\nplugins.order, {hook}: {', '.join(names)}")


@command.command("show")
@plugin_option
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def show(context: CommandContext, name: str, as_json: bool) -> None:
    """Show all that can be said of one plugin.

    Version, hooks and their order, settings with their values and where these come from, routes and the
    scopes that they ask for, commands, actions, sources of dropdowns, exports, health, and what needs it.
    """
    report = _report(context, name)
    if as_json:
        echo_json(report.as_json())
    else:
        _print(report)
    if report.health not in ("ok", "disabled"):
        raise click.exceptions.Exit(CommandFailedError.exit_code)


@command.command("check")
@plugin_option
@click.argument("name", required=False)
@click.option("--level", type=click.Choice(["bronze", "silver", "gold"]), default="bronze", show_default=True,
              help="Level of quality that is asked for.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Without NAME: fail for what is deprecated, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def check(context: CommandContext, name: str | None, level: str, strict: bool, as_json: bool) -> None:
    """Check that plugins are sound; with NAME, that one is made well.

    Without NAME: are all that are installed active, and what do they use that is going to go? With NAME, the
    rules of a level and of those below it are proved where that can be done, and the rest is a checklist.
    """
    if name is None:
        _check_all(context, strict=strict, as_json=as_json)
        return
    from hookline.cli.plugin_quality import check_quality

    host = _load(context)
    _check_name(host, name)
    check_quality(context, host, name, level=level, as_json=as_json)


@command.command("disable")
@click.argument("name")
@_CONFIG
@pass_context
def disable(context: CommandContext, name: str, config: Path | None) -> None:
    """Leave a plugin out, from the next start on.

    Its name is added to `plugins.disabled` of the settings file; all else in it stays as it is, comments too.
    """
    _switch(context, name, config, is_on=False)


@command.command("enable")
@click.argument("name")
@_CONFIG
@pass_context
def enable(context: CommandContext, name: str, config: Path | None) -> None:
    """Let a plugin run again that was switched off, from the next start on."""
    _switch(context, name, config, is_on=True)


def _switch(context: CommandContext, name: str, config: Path | None, *, is_on: bool) -> None:
    from hookline.settings_edit import switch_plugin

    given = config or context.environ.get("HOOKLINE_CONFIG")
    path = Path(given) if given else None
    environ = {**context.environ, **({"HOOKLINE_CONFIG": str(path)} if path and path.exists() else {})}
    here = CommandContext(environ=environ, make_host=context.make_host, transport=context.transport)
    host = _load(here)
    _check_name(host, name)
    by_variable = [
        one.strip() for one in environ.get("HOOKLINE_DISABLED_PLUGINS", "").split(",") if one.strip()
    ]
    if path is None:
        names = [one for one in _disabled(host) if one != name] + ([] if is_on else [name])
        raise CommandFailedError(
            "There is no settings file to write into.",
            hint=f"Set HOOKLINE_DISABLED_PLUGINS={','.join(names)}, or name a file with --config."
            if names
            else "Unset HOOKLINE_DISABLED_PLUGINS, or name a file with --config.",
        )
    needed_for = [] if is_on else _needs(here, host, name)
    changed = switch_plugin(path, name, is_on=is_on)
    what = "on" if is_on else "off"
    click.echo(
        f"{name} is switched {what} in {path}; a gateway that runs goes on as before until it starts again."
        if changed
        else f"{name} is switched {what} in {path} already."
    )
    for text in needed_for:
        warn(f"without {name}, {text}.")
    if by_variable:
        warn(f"HOOKLINE_DISABLED_PLUGINS={','.join(by_variable)} is set and wins over the file.")


def _needs(context: CommandContext, host: PluginHost, name: str) -> list[str]:
    from hookline.engine.catalog import build_catalog
    from hookline.plugin_report import needs_of

    catalog = build_catalog(host)
    connectors = sorted(id for id, owner in catalog.owners.items() if owner == name)
    return needs_of(name, host, context.load_settings(), connectors)


def _disabled(host: PluginHost) -> list[str]:
    return [name for name, info in host.plugins.items() if info.status == "disabled"]


def _check_all(context: CommandContext, *, strict: bool, as_json: bool) -> None:
    host = _load(context)
    bad = [info for info in host.plugins.values() if info.status in ("broken", "refused")]
    old = [info for info in host.plugins.values() if info.deprecated]
    is_sound = not bad and not (strict and old)
    if as_json:
        echo_json({"ok": is_sound, "plugins": [_describe(info) for info in host.plugins.values()]})
    else:
        for info in bad:
            click.echo(f"{info.name}: {info.status}: {info.problem}")
        for info in old:
            for told in info.deprecated:
                click.echo(f"{info.name}: warning: {told}")
        if not bad and not old:
            click.echo(f"{sum(name not in BUILT_IN_PLUGINS for name in host.plugins)} plugins, all sound.")
    if not is_sound:
        raise click.exceptions.Exit(CommandFailedError.exit_code)


def _check_name(host: PluginHost, name: str) -> None:
    if name not in host.plugins or name in BUILT_IN_PLUGINS:
        import difflib

        near = difflib.get_close_matches(name, host.plugins, n=1)
        raise CommandError(
            f"There is no plugin {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""),
            hint="`hookline plugins list` shows them all.",
        )


def _report(context: CommandContext, name: str) -> PluginReport:
    from hookline.config.surroundings import survey
    from hookline.engine.catalog import build_catalog
    from hookline.errors import HooklineError
    from hookline.plugin_report import report_on
    from hookline.settings_reading import with_secret_files

    environ = with_secret_files(context.environ)
    try:
        with context.open_gateway() as gateway:
            _check_name(gateway.host, name)
            return report_on(
                name,
                host=gateway.host,
                settings=gateway.settings,
                around=survey(gateway.host, gateway.catalog),
                environ=environ,
                gateway=gateway,
            )
    except HooklineError as exc:
        warn(f"no gateway can start, so that routes and health are not shown: {exc.message}")
    host = _load(context)
    _check_name(host, name)
    return report_on(
        name,
        host=host,
        settings=context.load_settings(),
        around=survey(host, build_catalog(host)),
        environ=environ,
        gateway=None,
    )


def _print(report: PluginReport) -> None:
    import json

    info = report.info
    about = {
        "plugin": info.name,
        "distribution": f"{info.distribution or 'built in'} {info.version}".strip(),
        "module": info.module,
        "status": info.status,
        "health": report.health,
        "api version": info.api_version or "not stated",
        "scopes": ", ".join(report.scopes),
        "commands": ", ".join(f"hookline {name}" for name in report.commands),
        "actions": ", ".join(report.actions),
        "sources": ", ".join(report.sources),
        "exports": ", ".join(report.exports),
    }
    for name, value in about.items():
        if value:
            click.echo(f"{name + ':':13} {value}")
    sections = {
        "hooks, in running order": [f"{hook}: {', '.join(names)}" for hook, names in report.hooks.items()],
        "routes": [f"{method} {path}  ({scope or 'public'})" for method, path, scope in report.routes],
        "settings": [
            f"{one.key} = {json.dumps(one.value, ensure_ascii=False)}  # {one.source}"
            for one in report.settings
        ],
        "without it": report.needed_for,
        "deprecated": info.deprecated,
        "problems": report.problems,
    }
    for title, lines in sections.items():
        if lines:
            click.echo(f"{title}:")
            for line in lines:
                click.echo(f"  {line}")


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
        host.load(
            disabled=settings.plugins.disabled, files=settings.plugins.files, order=settings.plugins.order
        )
    transport = cast("Transport", None)  # named in the order of hooks, never used
    host.register(CodePlugin(Catalog, owner=lambda id: None), name="code")
    host.register(TransportPlugin(transport, connect_timeout_s=1.0, read_timeout_s=1.0), name="transport")
    catalog = build_catalog(host)
    if settings.connectors_dir is not None:
        from hookline.manifest.folder import ManifestFolder
        from hookline.manifest.following import note_manifests

        folder = ManifestFolder(settings.connectors_dir, taken=catalog.connectors)
        with quiet_logs():  # the list tells it
            folder.load()
        note_manifests(host, folder)
    return host


def _describe(info: PluginInfo) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(info)
