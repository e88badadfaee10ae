"""Plugins: found by entry point, checked one by one, and left out with a reason when they are not sound.

pluggy's own loader lets one broken plugin stop the host and lets a second distribution replace a plugin
silently, so entry points are loaded here.
"""

from __future__ import annotations

import difflib
import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Literal

import pluggy

from hookline import hookspecs
from hookline.connector import Connector
from hookline.errors import ConfigurationError, HooklineError, PluginError
from hookline.plugin_files import load_plugin_files

ENTRY_POINT_GROUP = "hookline"
Status = Literal["active", "disabled", "refused", "broken"]


@dataclass(kw_only=True, slots=True)
class PluginInfo:
    """What became of one plugin.

    Attributes:
        name: Entry-point name.
        distribution: Distribution that ships it; empty for built-in ones.
        version: Version of that distribution.
        module: Module that holds its hooks.
        status: ``active``, ``disabled``, ``refused`` (it breaks a rule) or ``broken`` (its import failed).
        hooks: Hooks that it implements.
        problem: Why it is not active, and what to do.
    """

    name: str
    distribution: str = ""
    version: str = ""
    module: str = ""
    status: Status = "active"
    hooks: list[str] = field(default_factory=list)
    problem: str = ""


class PluginHost:
    """Holds the active plugins and calls their hooks."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._arguments = {
            name: frozenset(inspect.signature(spec).parameters)
            for name, spec in vars(hookspecs).items()
            if name.startswith("hookline_") and callable(spec)
        }
        self.plugins: dict[str, PluginInfo] = {}

    @property
    def hook(self) -> pluggy.HookRelay:
        """The hooks, to be called by name with keyword arguments."""
        return self._manager.hook

    def load(
        self,
        points: Iterable[EntryPoint] | None = None,
        *,
        disabled: Collection[str] = (),
        required: Collection[str] = (),
        files: Iterable[Path | str] = (),
    ) -> None:
        """Load every plugin that is installed, and those that are files.

        Args:
            points: Entry points; those of the group ``hookline`` by default.
            disabled: Names that are left out.
            required: Names that must end up active.
            files: Plugins that are one file each; see `hookline.plugin_files`.

        Raises:
            ConfigurationError: If a required plugin is not active, or a file cannot be one.
        """
        by_name: dict[str, list[EntryPoint]] = defaultdict(list)
        for point in entry_points(group=ENTRY_POINT_GROUP) if points is None else points:
            by_name[point.name].append(point)
        for name in sorted(by_name):
            if name in disabled:
                self.plugins[name] = _describe(
                    by_name[name][0], status="disabled", problem="Switched off by setting."
                )
            elif len(by_name[name]) > 1:
                self.plugins[name] = _refuse_duplicate(by_name[name])
            else:
                self._load_one(by_name[name][0])
        load_plugin_files(self, files, disabled=disabled)
        self._check_names(disabled, setting="disabled")
        self._check_names(required, setting="required")
        for name in required:
            if self.plugins[name].status != "active":
                raise ConfigurationError(
                    f"The required plugin {name!r} is not active: {self.plugins[name].problem}"
                )

    def register(self, plugin: object, *, name: str, info: PluginInfo | None = None) -> PluginInfo:
        """Add one plugin object, after checking every hook in it.

        Raises:
            ConfigurationError: If it breaks a rule; the message names the rule and how to keep it.
        """
        hooks = self._check(plugin, name)
        info = info or PluginInfo(name=name, module=_module_of(plugin))
        info.hooks = hooks
        try:
            self._manager.register(plugin, name=name)
        except ValueError as exc:  # pluggy's way to say that it has this name or this object already
            raise ConfigurationError(
                f"Plugin {name!r} is registered already, under this name or another; each is used once."
            ) from exc
        self.plugins[name] = info
        return info

    def leave_out(self, name: str, problem: str) -> None:
        """Remove a plugin that turned out to be unusable after it was loaded."""
        self._manager.unregister(name=name)
        self.plugins[name].status = "refused"
        self.plugins[name].problem = problem

    def implementations(self, hook_name: str) -> list[tuple[str, Callable[..., object]]]:
        """Return plugin name and a caller of every implementation, in the order they run.

        Each caller takes all arguments of the hook by keyword and hands on those that are wanted.
        """
        hook: pluggy.HookCaller = getattr(self.hook, hook_name)
        return [(impl.plugin_name, _caller_of(impl)) for impl in reversed(hook.get_hookimpls())]

    def connectors(self) -> Iterator[tuple[str, Connector]]:
        """Yield plugin name and connector of every plugin that has one under the name ``connector``."""
        for name in list(self.plugins):
            connector = connector_of(self._manager.get_plugin(name))
            if connector is not None:
                yield name, connector

    def options(self) -> Iterator[tuple[str, object]]:
        """Yield plugin name and what it declares as ``options``, of every plugin that has options."""
        for name in list(self.plugins):
            declared = getattr(self._manager.get_plugin(name), "options", None)
            if isinstance(declared, (str, type)):
                yield name, declared

    def has(self, hook_name: str) -> bool:
        """Tell whether any plugin implements a hook."""
        return bool(getattr(self.hook, hook_name).get_hookimpls())

    def order(self) -> dict[str, list[str]]:
        """Return, for every hook in call order, who implements it, in running order."""
        return {name: [plugin for plugin, _ in self.implementations(name)] for name in self._arguments}

    def to_error(self, exc: BaseException) -> HooklineError:
        """Return an error for whatever a hook raised, naming the plugin that raised it."""
        if isinstance(exc, HooklineError):
            return exc
        info = self._blame(exc.__traceback__)
        if info is None:
            return HooklineError("The gateway failed while handling this call.")
        error = PluginError(
            f"The plugin {info.name!r} failed with {type(exc).__name__} while handling this call.",
            plugin=info.name,
            distribution=info.distribution or None,
        )
        error.__cause__ = exc
        return error

    def _load_one(self, point: EntryPoint) -> None:
        info = _describe(point)
        self.plugins[point.name] = info
        try:
            plugin = point.load()
            if inspect.isclass(plugin):
                plugin = plugin()
        except (Exception, SystemExit) as exc:  # a plugin may fail in any way while it is imported
            info.status = "broken"
            info.problem = f"Its import failed with {type(exc).__name__}: {exc}"
            return
        try:
            self.register(plugin, name=point.name, info=info)
        except ConfigurationError as exc:
            info.status = "refused"
            info.problem = exc.message
        except Exception as exc:  # looking at its members runs its code, too
            info.status = "refused"
            info.problem = f"Looking for its hooks failed with {type(exc).__name__}: {exc}"

    def _check(self, plugin: object, name: str) -> list[str]:
        found = []
        for attribute in dir(plugin):
            function = getattr(plugin, attribute, None)
            options = getattr(function, f"{hookspecs.PROJECT}_impl", None)
            if not inspect.isroutine(function):
                continue
            if options is None:
                if attribute.startswith("hookline_") and inspect.getmodule(function) is inspect.getmodule(
                    plugin
                ):
                    raise ConfigurationError(
                        f"Plugin {name!r}: {attribute}() is not marked and would never run; "
                        "put @hookimpl above it."
                    )
                continue
            self._check_hook(function, options.get("specname") or attribute, options, name)
            found.append(options.get("specname") or attribute)
        if not found and connector_of(plugin) is None:
            raise ConfigurationError(
                f"Plugin {name!r} implements no hook; mark at least one function with @hookimpl, "
                "or call its Connector `connector`."
            )
        return sorted(found, key=list(self._arguments).index)

    def _check_hook(
        self, function: Callable[..., object], hook_name: str, options: dict[str, object], name: str
    ) -> None:
        where = f"Plugin {name!r}: {hook_name}()"
        if hook_name not in self._arguments:
            near = difflib.get_close_matches(hook_name, self._arguments, n=1)
            raise ConfigurationError(
                f"{where} is not a hook of this version." + (f" Did you mean {near[0]}()?" if near else "")
            )
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(
                f"{where} is declared with `async def`; hooks are plain functions. Write `def`."
            )
        known = self._arguments[hook_name]
        parameters = inspect.signature(function).parameters
        unknown = [argument for argument in parameters if argument not in known]
        if unknown:
            raise ConfigurationError(
                f"{where} takes unknown argument(s) {', '.join(unknown)}; "
                f"it may take any of: {', '.join(sorted(known)) or 'none'}."
            )
        for parameter in parameters.values():
            if parameter.default is not parameter.empty:  # pluggy leaves such an argument out of the call
                raise ConfigurationError(
                    f"{where} gives its argument {parameter.name} a default and would never be handed a "
                    f"value; write `{parameter.name}` alone."
                )
        is_wrapper = bool(options.get("wrapper") or options.get("hookwrapper"))
        if is_wrapper and hook_name in hookspecs.SECURITY_HOOKS:
            raise ConfigurationError(
                f"{where} is a wrapper; hooks that decide about rights, secrets and money take none."
            )
        if is_wrapper and hook_name in hookspecs.SETUP_HOOKS | hookspecs.OBSERVER_HOOKS:
            raise ConfigurationError(
                f"{where} is a wrapper; this hook is called one plugin after another, so there is nothing to "
                "wrap."
            )
        if is_wrapper and hook_name in hookspecs.AROUND_HOOKS:
            raise ConfigurationError(
                f"{where} is a wrapper; this hook stands around the others by itself: call `proceed`."
            )
        if is_wrapper is not inspect.isgeneratorfunction(function):
            raise ConfigurationError(
                f"{where} must yield exactly once if it is a wrapper, and not at all if it is none."
            )

    def _check_names(self, names: Collection[str], *, setting: str) -> None:
        for name in names:
            if name not in self.plugins:
                near = difflib.get_close_matches(name, self.plugins, n=1)
                raise ConfigurationError(
                    f"plugins.{setting} names {name!r}, which is not installed."
                    + (f" Did you mean {near[0]!r}?" if near else "")
                )

    def _blame(self, traceback: TracebackType | None) -> PluginInfo | None:
        by_package = {
            info.module.partition(".")[0]: info for info in self.plugins.values() if info.status == "active"
        }
        by_package.pop("hookline", None)
        blamed = None
        while traceback is not None:
            module = str(traceback.tb_frame.f_globals.get("__name__", ""))
            blamed = by_package.get(module.partition(".")[0], blamed)
            traceback = traceback.tb_next
        return blamed


def connector_of(plugin: object) -> Connector | None:
    """Return the connector that a plugin has under the name ``connector``, if it has one."""
    found = getattr(plugin, "connector", None)
    return found if isinstance(found, Connector) else None


def _describe(point: EntryPoint, *, status: Status = "active", problem: str = "") -> PluginInfo:
    dist = point.dist
    return PluginInfo(
        name=point.name,
        distribution=dist.name if dist else "",
        version=dist.version if dist else "",
        module=point.module,
        status=status,
        problem=problem,
    )


def _refuse_duplicate(points: list[EntryPoint]) -> PluginInfo:
    owners = sorted(point.dist.name if point.dist else point.value for point in points)
    info = _describe(points[0])
    info.distribution, info.version = ", ".join(owners), ""
    info.status = "refused"
    info.problem = (
        f"The distributions {' and '.join(owners)} both call a plugin {points[0].name!r}; "
        "neither is used. Uninstall one of them."
    )
    return info


def _caller_of(impl: pluggy.HookImpl) -> Callable[..., object]:
    def call(**arguments: object) -> object:
        return impl.function(*(arguments[name] for name in impl.argnames))

    return call


def _module_of(plugin: object) -> str:
    return plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
