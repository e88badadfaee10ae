"""Commands that plugins add with ``hookline_register_commands``."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.group import BUILT_IN
from hookline.errors import ConfigurationError
from hookline.plugin_files import load_plugin_files
from hookline.plugins import ENTRY_POINT_GROUP, PluginHost

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginCommands:
    """What plugins added.

    Attributes:
        commands: By name.
        problems: Why something was left out, in words.
        owners: Name of the plugin that adds a command, by the command's name.
    """

    commands: dict[str, click.Command] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)


def load_installed(environ: Mapping[str, str] | None = None) -> PluginCommands:
    """Return the commands of every installed plugin that is not switched off.

    Whatever is wrong with a plugin, the command line goes on without it. Settings are not validated here,
    because that would import much: only the names of plugins that are switched off are read.

    Args:
        environ: Environment variables; those of the process by default.
    """
    environ = os.environ if environ is None else environ
    host = PluginHost()
    names = switched_off(environ)
    host.load(_points_except(names))
    with suppress(ConfigurationError):  # the command that needs the file says what is wrong with it
        load_plugin_files(host, files_of(environ), disabled=names)
    return collect_commands(host)


def collect_commands(host: PluginHost) -> PluginCommands:
    """Return the commands that the plugins of a host add, asking one plugin after another."""
    found = PluginCommands(problems=_unsound(host))
    for plugin, register in host.implementations("hookline_register_commands"):
        group = click.Group()
        try:
            register(group=group)
        except Exception as exc:  # a plugin may fail in any way
            found.problems.append(
                f"the plugin {plugin!r} could not add its commands: {type(exc).__name__}: {exc}"
            )
            continue
        for name, command in group.commands.items():
            owner = "hookline" if name in BUILT_IN else found.owners.get(name)
            if owner is not None:
                found.problems.append(
                    f"the plugin {plugin!r} adds a command {name!r}, which is {owner!r}'s already; "
                    "it is left out."
                )
                continue
            found.owners[name] = plugin
            found.commands[name] = command
    return found


def switched_off(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the names of plugins that settings switch off; unreadable settings count as empty."""
    text = environ.get("HOOKLINE_DISABLED_PLUGINS", "")
    if text.strip():
        return frozenset(part.strip() for part in text.split(",") if part.strip())
    return frozenset(_list_of(environ, "disabled"))


def files_of(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the plugins that are files; unreadable settings count as empty."""
    text = environ.get("HOOKLINE_PLUGIN_FILES", "")
    if text.strip():
        return tuple(Path(part.strip()) for part in text.split(",") if part.strip())
    return tuple(Path(one) for one in _list_of(environ, "files"))


def _list_of(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return a list of the table ``plugins`` of the settings' file."""
    path = environ.get("HOOKLINE_CONFIG")
    if not path:
        return ()
    import tomllib

    try:
        return tuple(str(one) for one in tomllib.loads(Path(path).read_text("utf-8"))["plugins"][name])
    except (OSError, ValueError, KeyError, TypeError):
        return ()  # the command that needs the settings says what is wrong with them


def _points_except(names: frozenset[str]) -> list[EntryPoint]:
    return [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in names]


def _unsound(host: PluginHost) -> list[str]:
    return [
        f"the plugin {name!r} is not used: {info.problem}"
        for name, info in host.plugins.items()
        if info.status in ("broken", "refused")
    ]
