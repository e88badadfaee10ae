"""What settings are about: the plugins, their options, the connectors, and variables that mean something."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.engine.catalog import Catalog, build_catalog
from hookline.errors import ConfigurationError
from hookline.options import PluginOptions, environment_names, load_model
from hookline.plugins import PluginHost

if TYPE_CHECKING:
    from hookline.settings import Settings
    from hookline.settings_problems import Key

CLIENT_VARIABLES = frozenset({"HOOKLINE_KEY", "HOOKLINE_API_KEY"})
"""Variables of those who call a gateway, which often are set on the same machine."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What there is to be set.

    Attributes:
        host: The plugins.
        catalog: The actions.
        models: What can be set for each plugin that has options.
        variables: Variables that plugins read.
        problems: What is wrong with settings that name plugins, by key.
    """

    host: PluginHost
    catalog: Catalog
    models: dict[str, type[PluginOptions]]
    variables: frozenset[str]
    problems: list[tuple[Key, str]] = field(default_factory=list)

    def unknown_action(self, pattern: str) -> str | None:
        """Return what is wrong with a pattern that tables are for; None if nothing is."""
        known = {action.id for action in self.catalog.every()} | {f"{id}.*" for id in self.catalog.connectors}
        return None if pattern in known else no_such_action(pattern, known)

    def no_options(self, name: str) -> str:
        """Return what is wrong with a table of a plugin that has no options, or is none."""
        return no_such_table(name, self.models, self.host)


def look_around(
    settings: Settings, *, make_host: Callable[[Settings], PluginHost] | None = None
) -> Surroundings:
    """Load the plugins as a gateway would, without stopping at the first that is wrong.

    Args:
        settings: Which plugins are switched off.
        make_host: Returns the plugins; those that are installed by default.
    """
    problems: list[tuple[Key, str]] = []
    host = make_host(settings) if make_host is not None else _load(settings, problems)
    return survey(host, build_catalog(host), problems)


def survey(host: PluginHost, catalog: Catalog, problems: Collection[tuple[Key, str]] = ()) -> Surroundings:
    """Return what there is to be set with plugins that were loaded.

    Args:
        host: The plugins.
        catalog: Their actions.
        problems: What is wrong with settings that name plugins, as far as that is known.
    """
    problems = list(problems)
    models: dict[str, type[PluginOptions]] = {}
    variables = set(CLIENT_VARIABLES) | host.variables()
    for name, declared in host.options():
        try:
            models[name] = load_model(declared, plugin=name)
        except ConfigurationError as exc:
            problems.append((("plugins", name), exc.message))
            continue
        variables |= set(environment_names(models[name], name=name))
    return Surroundings(
        host=host, catalog=catalog, models=models, variables=frozenset(variables), problems=problems
    )


def _load(settings: Settings, problems: list[tuple[Key, str]]) -> PluginHost:
    plugins = settings.plugins
    host = PluginHost()
    host.load(disabled=_known_only(plugins.disabled))
    checks: dict[str, Callable[[], None]] = {
        "disabled": lambda: host.check_names(plugins.disabled, setting="disabled"),
        "required": lambda: host.check_required(plugins.required),
        "order": lambda: host.arrange(plugins.order),
    }
    for key, check in checks.items():
        try:
            check()
        except ConfigurationError as exc:
            problems.append((("plugins", key), exc.message))
    return host


def _known_only(names: Collection[str]) -> list[str]:
    from importlib.metadata import entry_points

    from hookline.plugins import ENTRY_POINT_GROUP

    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return [name for name in names if name in installed]


def no_such_action(pattern: str, known: Collection[str]) -> str:
    """Return the words for a table of an action that does not exist."""
    near = difflib.get_close_matches(pattern, known, n=1)
    return f"there is no action {pattern!r}." + (
        f" Did you mean {near[0]!r}?" if near else " `hookline actions list` shows them all."
    )


def no_such_table(name: str, known: Collection[str], host: PluginHost) -> str:
    """Return the words for a table of a plugin that has no options, or is none."""
    if name in host.plugins:
        return f"plugins.{name}: this plugin has no options."
    from hookline.settings import PluginSettings

    near = difflib.get_close_matches(name, [*known, *PluginSettings.model_fields], n=1)
    return f"plugins.{name}: there is no such plugin or setting." + (
        f" Did you mean `plugins.{near[0]}`?" if near else ""
    )
