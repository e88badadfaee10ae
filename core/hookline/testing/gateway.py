"""A real gateway for tests: every installed plugin and yours, state of its own, and a scripted service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import EntryPoints, entry_points
from types import ModuleType
from typing import TYPE_CHECKING

from hookline.connector import Connector
from hookline.credential import BasicCredential, OAuth2Credential
from hookline.gateway import Gateway
from hookline.plugin_checks import connector_of
from hookline.plugins import ENTRY_POINT_GROUP, PluginHost
from hookline.settings import Settings, load_settings
from hookline.testing.calling import ActionCaller
from hookline.testing.upstream import ScriptedUpstream
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from hookline.cli.context import CommandContext
    from hookline.clock import Clock
    from hookline.engine.transport import Transport

KEY = "key-of-the-testing-kit"
"""API key with which tests call their gateway."""


class PluginOfConnector:
    """A plugin that is nothing but a connector.

    Args:
        connector: The connector.
    """

    def __init__(self, connector: Connector) -> None:
        self.connector = connector


@dataclass(frozen=True, kw_only=True)
class GatewayRecipe:
    """What a test's gateway is made of.

    Attributes:
        plugins: Plugins under test: modules, instances, classes (each gateway gets an instance), or
            connectors. What is installed by an entry point is there anyway, and not loaded twice.
        disabled: Names of installed plugins that are left out.
        settings: Settings as in the file, such as ``{"limits": {"timeout_s": 5}}``.
        environ: Environment variables; those of the process are not read.
        credentials: Whether each connector gets a credential of the kit's; see `credential_of`.
        is_sandbox: Whether calls go to the simulated service.
        is_bare: Whether plugins that are installed are left out, but for those that are needed to call.
        with_connectors: Whether those with connectors are there nevertheless.
        state_dir: Folder for what is kept; None keeps it in memory.
    """

    plugins: tuple[object, ...] = ()
    disabled: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    credentials: bool = True
    is_sandbox: bool = False
    is_bare: bool = False
    with_connectors: bool = False
    state_dir: Path | None = None

    def make_settings(self) -> Settings:
        """Return the settings, from environment and those given.

        Raises:
            ConfigurationError: If one is not valid.
        """
        base = load_settings({"HOOKLINE_STATE_DIR": "none", **self.environ}).model_dump(exclude_unset=True)
        merged = _merge(base, self.settings)
        merged.setdefault("api_keys", [KEY])
        if self.is_sandbox:
            merged["sandbox"] = True
        if self.state_dir is not None:
            merged["state_dir"] = self.state_dir
        return Settings.model_validate(merged)

    def make_host(self, settings: Settings) -> PluginHost:
        """Return a host with the plugins.

        Raises:
            ConfigurationError: If a plugin under test breaks a rule; says which.
        """
        disabled = {*self.disabled, *settings.plugins.disabled}
        only = None
        if self.is_bare:
            only = _NEEDED | _with_connectors() if self.with_connectors else _NEEDED
        host = _load(disabled, settings, only=only)
        wanted = [_as_plugin(plugin) for plugin in self.plugins]
        others = {
            name
            for plugin in wanted
            for name, connector in host.connectors()
            if (own := connector_of(plugin)) is not None and connector.id == own.id and connector is not own
        }
        if others:
            host = _load(disabled | others, settings, only=only)
        present = [host.plugin(name) for name in host.plugins]
        for plugin in wanted:
            if any(_is_same(plugin, one) for one in present):
                continue
            host.register(plugin, name=_free_name(_name_of(plugin), host))
        return host

    def make_environ(self, host: PluginHost) -> dict[str, str]:
        """Return the environment: the credentials of the kit, and what was given."""
        environ = {}
        for connector in connectors_of(host):
            if self.credentials and connector.credential is not None:
                environ[f"HOOKLINE_{connector.id.upper()}_API_KEY"] = credential_of(connector)
        return {**environ, **self.environ}


_NEEDED = frozenset({"auth", "credentials", "sandbox", "exports"})


class GatewayUnderTest:
    """A gateway, a client for it, and what tests ask of the two.

    Args:
        recipe: What it is made of.
        upstream: The service that its calls go to.
        clock: What time it is.
        transport: Carries requests in place of ``upstream``, such as the real one.

    Attributes:
        app: The gateway itself; its ``catalog``, ``host`` and ``settings`` may be looked at.
        upstream: The scripted service.
        client: Flask's test client.
        headers: Headers that let a call in.
        call: Calls actions.

    Raises:
        ConfigurationError: If a setting or a plugin under test is wrong.
    """

    def __init__(
        self,
        recipe: GatewayRecipe | None = None,
        *,
        upstream: ScriptedUpstream | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.recipe = recipe or GatewayRecipe()
        self.upstream = upstream or ScriptedUpstream(clock=clock)
        self._transport = transport or self.upstream
        settings = self.recipe.make_settings()
        host = self.recipe.make_host(settings)
        self.app = Gateway(
            settings,
            host=host,
            transport=self._transport,
            environ=self.recipe.make_environ(host),
            clock=clock or self.upstream.clock,
        )
        self.headers: Mapping[str, str] = {"authorization": f"Bearer {KEY}"}
        self.call = ActionCaller(self)

    @cached_property
    def client(self) -> FlaskClient:
        """A client in this process."""
        return create_app(self.app).test_client()

    @property
    def connectors(self) -> Mapping[str, Connector]:
        """The connectors by id."""
        return self.app.catalog.connectors

    def credential(self, connector_id: str) -> str:
        """Return the credential that the kit set for a connector."""
        return credential_of(self.connectors[connector_id])

    def problems(self) -> dict[str, str]:
        """Return why plugins are not used, by name."""
        found = self.app.host.plugins.items()
        return {name: info.problem for name, info in found if info.status in ("broken", "refused")}

    def command_context(self) -> CommandContext:
        """Return the surroundings in which commands make a gateway like this one."""
        from hookline.cli.context import CommandContext

        environ = {"HOOKLINE_STATE_DIR": "none", **self.app.environ}
        if self.recipe.is_sandbox:
            environ["HOOKLINE_SANDBOX"] = "true"
        return CommandContext(
            environ=environ,
            make_host=self.recipe.make_host,
            transport=self._transport,
        )

    def close(self) -> None:
        """Close the gateway."""
        self.app.close()

    def __enter__(self) -> GatewayUnderTest:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def credential_of(connector: Connector) -> str:
    """Return the credential that the kit sets for a connector: made up, and found again wherever it leaks."""
    id = connector.id.replace("_", "-")
    if isinstance(connector.credential, BasicCredential):
        return f"kit-user-of-{id}:kit-password-of-{id}"
    if isinstance(connector.credential, OAuth2Credential):
        parts = f"kit-client-of-{id}:kit-secret-of-{id}"
        is_renewed = connector.credential.grant == "refresh_token"
        return f"{parts}:kit-refresh-token-of-{id}" if is_renewed else parts
    return f"kit-credential-of-{id}"


def connectors_of(host: PluginHost) -> list[Connector]:
    """Return every connector of a host's plugins, those of `hookline_register_connectors` among them."""
    found = [connector for _, connector in host.connectors()]
    for _, register in host.implementations("hookline_register_connectors"):
        try:
            more = register()
        except Exception:  # the catalog reports it
            continue
        if isinstance(more, (list, tuple)):
            found += [one for one in more if isinstance(one, Connector)]
    return found


def _load(disabled: Iterable[str], settings: Settings, *, only: frozenset[str] | None) -> PluginHost:
    host = PluginHost()
    points = _installed()
    if only is not None:
        host.load([point for point in points if point.name in only - set(disabled)])
        return host
    host.load(points, disabled=sorted(disabled), required=settings.plugins.required)
    return host


@cache
def _installed() -> EntryPoints:
    """Return the entry points of plugins; what is installed does not change while tests run."""
    return entry_points(group=ENTRY_POINT_GROUP)


@cache
def _with_connectors() -> frozenset[str]:
    """Return the names of installed plugins that add connectors."""
    host = PluginHost()
    host.load(_installed())
    register = host.implementations("hookline_register_connectors")
    return frozenset(name for name, _ in (*host.connectors(), *register))


def _as_plugin(plugin: object) -> object:
    if isinstance(plugin, Connector):
        return PluginOfConnector(plugin)
    return plugin() if isinstance(plugin, type) else plugin


def _is_same(plugin: object, present: object) -> bool:
    if plugin is present:
        return True
    if isinstance(plugin, PluginOfConnector):
        return connector_of(present) is plugin.connector
    return not isinstance(plugin, ModuleType) and type(plugin) is type(present)


def _name_of(plugin: object) -> str:
    if isinstance(plugin, PluginOfConnector):
        return plugin.connector.id
    module = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
    name = module.partition(".")[0].removeprefix("hookline_")
    return name if isinstance(plugin, ModuleType) or module.startswith("hookline_") else type(plugin).__name__


def _free_name(name: str, host: PluginHost) -> str:
    number, free = 1, name
    while free in host.plugins:
        number += 1
        free = f"{name}_{number}"
    return free


def _merge(base: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    merged = dict(base)
    for name, value in more.items():
        present = merged.get(name)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        merged[name] = _merge(present, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return merged
