"""The gateway: plugins, catalog, connections and pipeline put together from settings."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from hookline import __version__
from hookline.call_options import CORE_OPTIONS
from hookline.clock import SYSTEM_CLOCK, AtMostEvery
from hookline.config.surroundings import no_such_action, no_such_table
from hookline.connections import warn_of_unknown_variables
from hookline.engine.catalog import build_catalog
from hookline.engine.code import CodePlugin
from hookline.engine.default_accounts import DefaultAccounts
from hookline.engine.dropdowns import Dropdowns
from hookline.engine.pipeline import Pipeline
from hookline.engine.pump import PumpPool
from hookline.engine.runner import Runner
from hookline.engine.transport import TransportPlugin
from hookline.errors import ConfigurationError
from hookline.exports.target import collect_targets
from hookline.hook_trace import HookTrace
from hookline.option_tables import dotted
from hookline.options import LayeredOptions, PluginOptions, environment_names, load_model
from hookline.plugin_files import check_plugin_files
from hookline.plugins import PluginHost, PluginInfo
from hookline.routes import RouteRegistry
from hookline.settings import Settings, load_settings, with_secret_files
from hookline.settings_problems import located
from hookline.store.audit import AuditLog
from hookline.store.database import Database
from hookline.store.seals import Seals
from hookline.webhook.views import add_routes

if TYPE_CHECKING:
    from hookline.call_options import CallOption
    from hookline.clock import Clock
    from hookline.connections import ConfiguredConnection
    from hookline.connector import Connector
    from hookline.engine.transport import Transport
    from hookline.hook_watch import HangingHook
    from hookline.manifest.folder import ManifestFolder
    from hookline.manifest.following import FollowedManifests
    from hookline.operation import Answer
    from hookline.sources import Source

M = TypeVar("M", bound=PluginOptions)

_CHECK_EVERY_S = 1.0

_log = logging.getLogger("hookline.gateway")


class Gateway:
    """A running gateway, without any web framework.

    Attributes:
        clock: What time it is.
        settings: What is set.
        environ: Environment variables it was built from.
        host: The plugins.
        catalog: The actions.
        dropdowns: Where the options of forms come from.
        source_owners: Name of the plugin that adds a source of no connector, by the source's id.
        connections: Default upstream account of each connector, by connector id.
        all_connections: Every account of the settings.
        database: Where keys, accounts and usage are kept; not opened before it is used.
        seals: Seals and opens content that is stored; see `hookline.store.seals`.
        audit: Who changed what; see `hookline.store.audit`.
        routes: The HTTP routes.
        call_options: What a call may say besides its action's own input.
        call_answers: What a call may answer besides its action's own output, by status.
        export_targets: The platforms that the catalog can be written for, by name.
        pipeline: Runs calls.
        runner: Runs orders to replies.

    Args:
        settings: What is set; read from file and environment if not given.
        host: Plugins that were loaded already; by default all that are installed.
        transport: Carries upstream requests; by default the one that the settings name.
        environ: Environment variables; those of the process by default.
        clock: What time it is, and what waits.

    Raises:
        ConfigurationError: If a setting is wrong, or a plugin that is needed cannot start.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        host: PluginHost | None = None,
        transport: Transport | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.clock = clock
        self._closing = threading.Lock()
        self._is_closed = False
        self.environ = with_secret_files(os.environ if environ is None else environ)
        self.settings = settings or load_settings(self.environ)
        self.host = host or load_plugins(self.settings)
        self.host.watch.slow_s = self.settings.plugins.slow_hook_ms / 1000
        self.host.watch.hanging_s = self.settings.plugins.hanging_hook_s
        if self.settings.plugins.watched == "all":
            self.host.watch_all()
        if self.settings.trace_hooks != "off":
            self.host.start_trace(HookTrace(self.settings.trace_hooks))
        self._transport = transport or _make_transport(self.settings)
        limits = self.settings.limits
        code = CodePlugin(lambda: self.catalog, owner=self.plugin_of)
        self.host.register(code, name="code")  # before the transport, which is the very last
        self.host.register(
            TransportPlugin(
                self._transport,
                connect_timeout_s=limits.connect_timeout_s,
                read_timeout_s=limits.read_timeout_s,
            ),
            name="transport",
        )
        self.catalog = build_catalog(self.host)
        self._manifest_folder = self._load_manifests()
        self.dropdowns = Dropdowns(self.catalog, clock=clock)
        self._accounts = DefaultAccounts(self.settings, self.environ)
        self._replacing = threading.Lock()
        self._known_connectors: set[str] = set()
        connectors = self.catalog.connectors
        self._use_accounts(self._accounts.plan(connectors, absent=self._absent_connectors()), connectors)
        url = self.settings.database_url
        self.database = Database(
            None if url is None else url.get_secret_value(), state_dir=self.settings.state_dir
        )
        content_key = self.settings.content_key
        self.seals = Seals(
            state_dir=self.settings.state_dir,
            text="" if content_key is None else content_key.get_secret_value(),
            clock=clock,
        )
        self.audit = AuditLog(self.database)
        self._readiness_checks: dict[str, Callable[[], str | None]] = {}
        if url is not None or self.settings.state_dir is not None:
            self.add_readiness_check("database", self.database.ping)
        self._failed_checks = AtMostEvery(_CHECK_EVERY_S, self._run_checks, clock=clock)
        self._hanging = AtMostEvery(_CHECK_EVERY_S, self.host.watch.hanging, clock=clock)
        self._caller_checks: list[Callable[[], bool]] = []
        self._account_checks: list[Callable[[str], bool]] = []
        self._background: list[Callable[[], None]] = []
        self.source_owners: dict[str, str] = {}
        self._starting = ""
        self.call_options = list(CORE_OPTIONS)
        self.call_answers: dict[int, Answer] = {}
        self._options = self._read_options()
        warn_of_unknown_variables(
            self.environ, self.catalog.connectors.values(), known=self._options_variables()
        )
        self._start_plugins()
        self.routes = self._collect_routes()
        self.export_targets = collect_targets(self.host)
        self.pipeline = Pipeline(
            self.host,
            self.catalog,
            self._accounts.of,
            limits,
            user_agent=f"hookline/{__version__}",
            clock=clock,
        )
        self._pumps = PumpPool(max_streams=self.settings.server.threads, heartbeat_s=limits.heartbeat_s)
        self.runner = Runner(self.pipeline, self._pumps, self.host)
        self._manifests = self._follow_manifests()
        for name, info in self.host.plugins.items():
            if info.status in ("broken", "refused"):
                _log.warning("plugin %s is not used: %s", name, info.problem)
            for told in info.deprecated:
                _log.warning("plugin %s: %s", name, told)

    @property
    def transport(self) -> Transport:
        """What carries upstream requests: no redirects, no cookies. For plugins that ask somebody else."""
        return self._transport

    @property
    def state_dir(self) -> Path | None:
        """Folder for what is kept; None if all of it is in memory."""
        return self.settings.state_dir

    def options_of(self, model: type[M]) -> LayeredOptions[M]:
        """Return what is set for the plugin that declares a model of options.

        Raises:
            ConfigurationError: If no active plugin declares it.
        """
        found = self._options.get(model)
        if found is None:
            raise ConfigurationError(f"No active plugin declares the options {model.__name__}.")
        return cast("LayeredOptions[M]", found)

    def keys_with_options(self) -> dict[str, str]:
        """Return the ids of keys that plugins have options for, each with the name of such a plugin.

        For plugins that know which keys there are: a table for a key that does not exist sets nothing.
        """
        return {id: layers.name for layers in self._options.values() for id in layers.key_ids}

    def plugin_of(self, connector_id: str) -> PluginInfo | None:
        """Return the plugin that a connector comes from; None if there is none of that id."""
        return self.host.plugins.get(self.catalog.owners.get(connector_id, ""))

    def missing_parts(self) -> list[str]:
        """Return what calls need and is not there; empty when the gateway is ready."""
        missing = [] if len(self.catalog) else ["no plugin adds an action"]
        needed = ("hookline_authenticate", "hookline_authorize")
        missing += [f"no plugin implements {hook}" for hook in needed if not self.host.has(hook)]
        return missing + self._failed_checks()

    def hanging_hooks(self) -> list[HangingHook]:
        """Return the calls of hooks that have not returned for too long; looked for at most once a second."""
        return self._hanging()

    def _run_checks(self) -> list[str]:
        found = {name: _ask(check) for name, check in self._readiness_checks.items()}
        return [f"{name}: {problem}" for name, problem in found.items() if problem is not None]

    def add_readiness_check(self, name: str, check: Callable[[], str | None]) -> None:
        """Let a plugin say that calls cannot be taken now.

        Args:
            name: What is checked.
            check: Returns what is wrong, for anybody to read, or None; must answer within a few seconds.
        """
        self._readiness_checks[name] = check

    def add_caller_check(self, check: Callable[[], bool]) -> None:
        """Let a plugin say whether anybody holds a credential that it would take; for `has_callers`."""
        self._caller_checks.append(check)

    def add_account_check(self, check: Callable[[str], bool]) -> None:
        """Let a plugin say whether it has an upstream account for a connector; for `has_account`."""
        self._account_checks.append(check)

    def add_source(self, source: Source) -> None:
        """Let a plugin add a source of options that belongs to no connector.

        Raises:
            ConfigurationError: If its id is taken.
        """
        self.dropdowns.add(source)
        self.source_owners[source.id] = self._starting

    def add_call_option(self, *options: CallOption) -> None:
        """Let a plugin say what it listens to in every call, so that exports can tell it to platforms.

        Raises:
            ConfigurationError: If there is an option of that name in the same place.
        """
        for option in options:
            if any((one.name, one.place) == (option.name, option.place) for one in self.call_options):
                raise ConfigurationError(f"There is a {option.place} {option.name!r} for calls already.")
            self.call_options.append(option)

    def add_call_answer(self, status: int, answer: Answer) -> None:
        """Let a plugin say what it answers in place of an action's own output, so that exports can tell it.

        Raises:
            ConfigurationError: If there is an answer of that status.
        """
        if status in self.call_answers:
            raise ConfigurationError(f"There is an answer {status} of calls already.")
        self.call_answers[status] = answer

    def has_account(self, connector_id: str) -> bool:
        """Tell whether plugins have an account for a connector, besides that of the settings."""
        return any(check(connector_id) for check in self._account_checks)

    def has_callers(self) -> bool:
        """Tell whether anybody holds a credential: a key of the settings, or one that a plugin knows."""
        return bool(self.settings.api_keys) or any(check() for check in self._caller_checks)

    def add_background(self, begin: Callable[[], None]) -> None:
        """Let a plugin begin work that no call asks for; only where `start_background` is called."""
        self._background.append(begin)

    def start_background(self) -> None:
        """Let plugins begin work that no call asks for: what servers and workers do, and commands do not."""
        self.host.watch.start()
        for begin in self._background:
            try:
                begin()
            except Exception:  # calls can be taken all the same
                _log.exception("work in the background could not be begun")

    def url_of(self, path: str) -> str:
        """Return the address of a path for callers; the path alone if ``server.public_url`` is not set."""
        base = self.settings.server.public_url
        return path if base is None else base.rstrip("/") + path

    def close(self) -> None:
        """Take no more streams, let plugins write what is left, and close connections; once."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
        if self._manifests is not None:
            self._manifests.close()
        self._pumps.close()
        for name, stop in reversed(self.host.implementations("hookline_shutdown")):
            try:
                stop(gateway=self)
            except Exception:  # the others must still be closed
                _log.exception("the plugin %r failed while it was closed", name)
        self.host.watch.close()
        self.audit.close()
        self.database.close()
        self._transport.close()

    # ------------------------------------------------------------ connectors that come and go

    def replace_connectors(self, *, removed: Iterable[Connector], added: Iterable[Connector]) -> None:
        """Take connectors out and others in while calls run.

        A call finds all of the old ones or all of the new ones, and goes on to its end with what it found.

        Args:
            removed: Connectors of the catalog.
            added: Others; one may have the id of one that is removed.

        Raises:
            ConfigurationError: If an id is taken, or a schema or setting is not valid; nothing changed then.
        """
        with self._replacing:
            removed, added = list(removed), list(added)
            gone = {id(one) for one in removed}
            kept = {one.id: one for one in self.catalog.connectors.values() if id(one) not in gone}
            after = {**kept, **{one.id: one for one in added}}
            absent = self._absent_connectors() | self._known_connectors
            accounts = self._accounts.plan(after, absent=absent)

            def prepare() -> None:
                self._use_accounts(accounts, after)
                self.dropdowns.replace(removed, added)
                for name, tell in self.host.implementations("hookline_catalog_changed"):
                    try:
                        tell(gateway=self)
                    except Exception:  # the others must know all the same
                        _log.exception("the plugin %r failed when connectors changed", name)

            self.catalog.replace(removed, added, before=prepare)

    @property
    def manifests(self) -> FollowedManifests | None:
        """The connectors of the folder ``connectors_dir``; None if there is no such folder."""
        return self._manifests

    def warnings(self) -> list[str]:
        """Return what is not as it should be although calls can be taken; shown to anybody."""
        folder = self._manifest_folder
        if folder is None:
            return []
        found = ["the folder of manifests cannot be read as a whole; the log tells why"]
        return (found if folder.folder_problem else []) + [
            f"the manifest {file.name} has a problem; the log tells which"
            for file in folder.files
            if file.problem
        ]

    def _load_manifests(self) -> ManifestFolder | None:
        path = self.settings.connectors_dir
        if path is None:
            return None
        if not path.is_dir():
            raise ConfigurationError(
                self._located(("connectors_dir",), f"`connectors_dir`: there is no folder {str(path)!r}."),
                hint="Make the folder, or correct the setting (`connectors_dir`, HOOKLINE_CONNECTORS_DIR).",
            )
        from hookline.manifest.folder import ManifestFolder
        from hookline.manifest.following import PLUGIN_PREFIX, note_manifests

        folder = ManifestFolder(path, taken=self.catalog.connectors)
        for connector in folder.load().added:
            try:
                self.catalog.add(connector)
            except ConfigurationError as exc:  # one file must not take the others with it
                folder.give_up(connector, exc.message, instead=None)
                continue
            self.catalog.owners[connector.id] = f"{PLUGIN_PREFIX}{connector.id}"
        note_manifests(self.host, folder)
        return folder

    def _follow_manifests(self) -> FollowedManifests | None:
        if self._manifest_folder is None:
            return None
        from hookline.manifest.following import FollowedManifests

        followed = FollowedManifests(self, self._manifest_folder)
        self.add_background(followed.begin)
        return followed

    def _absent_connectors(self) -> frozenset[str]:
        """Return the ids of manifests that cannot be used now: settings may name them all the same."""
        files = () if self._manifest_folder is None else self._manifest_folder.files
        return frozenset(file.id for file in files if file.connector is None)

    def _use_accounts(
        self, accounts: tuple[ConfiguredConnection, ...], connectors: Mapping[str, Connector]
    ) -> None:
        self._accounts.use(accounts, connectors)
        self.all_connections, self.connections = self._accounts.all, self._accounts.by_id
        self._known_connectors |= connectors.keys()

    def _read_options(self) -> dict[type[PluginOptions], LayeredOptions[PluginOptions]]:
        tables = self.settings.plugins.options
        found: dict[type[PluginOptions], LayeredOptions[PluginOptions]] = {}
        names = set()
        for name, declared in self.host.options():
            model = load_model(declared, plugin=name)
            table = tables.get(name, {})
            if not isinstance(table, dict):
                raise ConfigurationError(
                    self._located(("plugins", name), f"`plugins.{name}` must be a table.")
                )
            found[model] = LayeredOptions(model, table, self.environ, name=name, origin=self.settings.origin)
            self._check_patterns(found[model])
            names.add(name)
        for name in tables:
            is_active = name not in self.host.plugins or self.host.plugins[name].status == "active"
            if name not in names and is_active:
                message = no_such_table(name, names, self.host)
                raise ConfigurationError(self._located(("plugins", name), message))
        return found

    def _check_patterns(self, options: LayeredOptions[PluginOptions]) -> None:
        """Refuse tables for actions that do not exist: what they switch on would be off."""
        known = {action.id for action in self.catalog.every()} | {f"{id}.*" for id in self.catalog.connectors}
        absent = self._absent_connectors()
        for pattern, key in options.pattern_keys.items():
            if pattern not in known and pattern.partition(".")[0] not in absent:
                message = f"{dotted(key)}: {no_such_action(pattern, known)}"
                raise ConfigurationError(self._located(key, message))

    def _located(self, key: tuple[str, ...], message: str) -> str:
        return located(self.settings.origin, key, message)

    def _options_variables(self) -> set[str]:
        return self.host.variables() | {
            variable
            for name, declared in self.host.options()
            for variable in environment_names(load_model(declared, plugin=name), name=name)
        }

    def _start_plugins(self) -> None:
        for name, start in self.host.implementations("hookline_startup"):
            self._starting = name
            try:
                start(gateway=self)
            except ConfigurationError:
                raise
            except Exception as exc:
                raise ConfigurationError(
                    f"Plugin {name!r} could not start: {type(exc).__name__}: {exc}"
                ) from exc

    def _collect_routes(self) -> RouteRegistry:
        routes = RouteRegistry()
        add_routes(routes)
        for name, register in self.host.implementations("hookline_register_routes"):
            routes.plugin = name
            try:
                register(routes=routes)
            except ConfigurationError:
                raise
            except Exception as exc:
                raise ConfigurationError(
                    f"Plugin {name!r} could not add its routes: {type(exc).__name__}: {exc}"
                ) from exc
        return routes


def _ask(check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Exception as exc:  # a check may fail in any way; then the gateway is not ready
        return f"its check failed with {type(exc).__name__}"


def load_plugins(settings: Settings) -> PluginHost:
    """Return a host with every plugin that is installed or a file, and that the settings do not switch off.

    Raises:
        ConfigurationError: If one that is needed is not active.
    """
    host = PluginHost()
    plugins = settings.plugins
    try:
        host.load(
            disabled=plugins.disabled, required=plugins.required, files=plugins.files, order=plugins.order
        )
    except ConfigurationError as exc:
        if exc.field is None:
            raise
        raise ConfigurationError(
            located(settings.origin, tuple(exc.field.split(".")), exc.message), field=exc.field
        ) from exc
    check_plugin_files(host, plugins.files)
    return host


def _make_transport(settings: Settings) -> Transport:
    if settings.transport == "httpx":
        from hookline.engine.httpx_transport import HttpxTransport

        return HttpxTransport()
    from hookline.engine.http1 import Http1Transport

    return Http1Transport()
