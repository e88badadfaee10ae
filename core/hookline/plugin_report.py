"""All that can be said of one plugin: what it is, what it adds, what is set, and how it fares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.config.show import ShownSetting, plugin_settings

if TYPE_CHECKING:
    from hookline.config.surroundings import Surroundings
    from hookline.exports.target import ExportTarget
    from hookline.gateway import Gateway
    from hookline.plugins import PluginHost, PluginInfo
    from hookline.settings import Settings

# What calls need, and what becomes of them when nobody does it any more.
NEEDED_HOOKS = {
    "hookline_authenticate": "nobody recognises callers: every call is answered with 401",
    "hookline_authorize": "nobody allows anything: every call is denied with 403",
    "hookline_resolve_credential": "no upstream credential is found: services are called without one",
    "hookline_apply_upstream_auth": "nobody signs upstream requests: calls with a credential fail",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginReport:
    """What there is to say of a plugin.

    Attributes:
        info: What became of it.
        hooks: Each hook that it implements, with all plugins that do, in running order.
        settings: What can be set for it, with its value and source.
        routes: Method, path and scope of each route that it adds; the scope is empty where it is public.
        commands: Commands that it adds.
        actions: Actions that it adds.
        sources: Sources of dropdowns that it adds.
        exports: Targets of exports that it adds.
        problems: What is wrong with it now.
        needed_for: What would not work without it.
    """

    info: PluginInfo
    hooks: Mapping[str, list[str]]
    settings: list[ShownSetting] = field(default_factory=list)
    routes: list[tuple[str, str, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    needed_for: list[str] = field(default_factory=list)

    @property
    def scopes(self) -> list[str]:
        """Scopes that its routes ask for."""
        return sorted({scope for _, _, scope in self.routes if scope})

    @property
    def health(self) -> str:
        """``ok``, or else what it is: ``disabled``, ``refused``, ``broken``, ``failing``."""
        if self.info.status != "active":
            return self.info.status
        return "failing" if self.problems else "ok"

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        info = self.info
        return {
            "name": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "module": info.module,
            "status": info.status,
            "health": self.health,
            "api_version": info.api_version,
            "hooks": dict(self.hooks),
            "settings": [{"key": one.key, "value": one.value, "source": one.source} for one in self.settings],
            "scopes": self.scopes,
            "routes": [
                {"method": method, "path": path, "scope": scope or None, "public": not scope}
                for method, path, scope in self.routes
            ],
            "commands": self.commands,
            "actions": self.actions,
            "sources": self.sources,
            "exports": self.exports,
            "deprecated": info.deprecated,
            "problems": self.problems,
            "needed_for": self.needed_for,
        }


def report_on(
    name: str,
    *,
    host: PluginHost,
    settings: Settings,
    around: Surroundings,
    environ: Mapping[str, str],
    gateway: Gateway | None,
) -> PluginReport:
    """Return all that can be said of a plugin.

    Args:
        name: Which one; it must be installed.
        host: The plugins.
        settings: What is set.
        around: What can be set.
        environ: Environment variables.
        gateway: A gateway with these plugins; None where none can start.
    """
    from hookline.cli.plugin_commands import collect_commands

    info = host.plugins[name]
    order = host.order()
    connectors = {id for id, owner in around.catalog.owners.items() if owner == name}
    commands = collect_commands(host)
    problems = [info.problem] if info.problem else []
    if gateway is not None:
        problems += [
            text.partition(": ")[2] for text in gateway.missing_parts() if text.partition(": ")[0] == name
        ]
    return PluginReport(
        info=info,
        hooks={hook: order[hook] for hook in info.hooks} if info.status == "active" else {},
        settings=plugin_settings(name, settings, around, environ),
        routes=_routes(gateway, name),
        commands=sorted(command for command, owner in commands.owners.items() if owner == name),
        actions=[action.id for action in around.catalog if action.connector.id in connectors],
        sources=sorted(
            [
                source
                for id in connectors
                for source in around.catalog.connectors[id].sources
            ]
            + [id for id, owner in (gateway.source_owners.items() if gateway else ()) if owner == name]
        ),
        exports=[target.name for target in _exports(gateway) if target.plugin == name],
        problems=problems,
        needed_for=needs_of(name, host, settings, sorted(connectors)),
    )  # fmt: skip


def needs_of(name: str, host: PluginHost, settings: Settings, connectors: list[str]) -> list[str]:
    """Return what would not work without a plugin.

    Args:
        name: Which one.
        host: The plugins.
        settings: What is set.
        connectors: Ids of the connectors that it adds.
    """
    if host.plugins[name].status != "active":
        return []
    order = host.order()
    found = [text for hook, text in NEEDED_HOOKS.items() if order[hook] == [name]]
    found += [f"the actions of {id} are gone" for id in connectors]
    if name in settings.plugins.required:
        found.append("`plugins.required` names it: the gateway does not start")
    return found


def _routes(gateway: Gateway | None, name: str) -> list[tuple[str, str, str]]:
    routes = gateway.routes if gateway is not None else ()
    return [
        (route.method, route.path, "" if route.is_public else route.scope or "actions:run")
        for route in routes
        if route.plugin == name
    ]


def _exports(gateway: Gateway | None) -> list[ExportTarget]:
    return list(gateway.export_targets.values()) if gateway is not None else []
