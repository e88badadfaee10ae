"""Plugins: found by entry point, checked one by one, and left out with a reason when they are not sound.

pluggy's own loader lets one broken plugin stop the host and lets a second distribution replace a plugin
silently, so entry points are loaded here.
"""

from __future__ import annotations

import difflib
import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Literal

import pluggy

from hookline import hookspecs
from hookline.api_version import CONTRACT, Contract
from hookline.errors import ConfigurationError, HooklineError, PluginError
from hookline.hook_calls import HookCalls, caller_of
from hookline.hook_watch import BLAME, HookWatch
from hookline.plugin_checks import HOOK_ARGUMENTS, connector_of, find_hooks
from hookline.plugin_files import load_plugin_files
from hookline.plugin_order import arrange

if TYPE_CHECKING:
    from hookline.connector import Connector
    from hookline.hook_trace import HookTrace
    from hookline.plugin_order import Order

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
        api_version: Version of the contract that it says it is written for.
        deprecated: What it uses that is going to go, in words.
    """

    name: str
    distribution: str = ""
    version: str = ""
    module: str = ""
    status: Status = "active"
    hooks: list[str] = field(default_factory=list)
    problem: str = ""
    api_version: str = ""
    deprecated: list[str] = field(default_factory=list)


class _Manager(pluggy.PluginManager):
    """Looks only where `find_hooks` found something; pluggy's own look takes long at every attribute.

    Attributes:
        places: Attributes of the plugin that is being registered.
    """

    places: Collection[str] = ()

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Return what was said in ``@hookimpl(...)``; None for what is no hook."""
        return super().parse_hookimpl_opts(plugin, name) if name in self.places else None


class PluginHost:
    """Holds the active plugins and calls their hooks.

    Args:
        contract: What of plugins is taken, and what of it is going to go.

    Attributes:
        plugins: What became of each plugin, by name; another mapping after every change of a followed folder.
        calls: The hooks, as attributes, each called with all of its arguments by keyword.
        watch: Counts and times the hooks of plugins that others made, and with `watch_all` of all.
    """

    def __init__(self, *, contract: Contract = CONTRACT) -> None:
        self._manager = _Manager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.calls = HookCalls(self._manager.hook)
        self.watch = HookWatch()
        self._contract = contract
        self._trace: HookTrace | None = None
        self._watches_all = False
        self._unwatched: list[tuple[str, pluggy.HookImpl]] = []
        self.plugins: dict[str, PluginInfo] = {}

    @property
    def hook(self) -> pluggy.HookRelay:
        """The hooks as pluggy has them: their specifications, and who implements them."""
        return self._manager.hook

    def load(
        self,
        points: Iterable[EntryPoint] | None = None,
        *,
        disabled: Collection[str] = (),
        required: Collection[str] = (),
        files: Iterable[Path | str] = (),
        order: Order = (),
    ) -> None:
        """Load every plugin that is installed, and those that are files.

        Args:
            points: Entry points; those of the group ``hookline`` by default.
            disabled: Names that are left out.
            required: Names that must end up active.
            files: Plugins that are one file each; see `hookline.plugin_files`.
            order: Names that run first, in this order: for all hooks, or by hook; see
                `hookline.plugin_order`.

        Raises:
            ConfigurationError: If a required plugin is not active, a setting names one that is not there,
                or a file cannot be one.
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
        self.check_names(disabled, setting="disabled")
        self.check_required(required)
        self.arrange(order)

    def register(self, plugin: object, *, name: str, info: PluginInfo | None = None) -> PluginInfo:
        """Add one plugin object, after checking every hook in it.

        Raises:
            ConfigurationError: If it breaks a rule; the message names the rule and how to keep it.
        """
        info = info or PluginInfo(name=name, module=_module_of(plugin))
        info.api_version = self._contract.check_version(getattr(plugin, "api_version", None), plugin=name)
        found = find_hooks(plugin, name)
        info.hooks = [hook for _, hook, _, _ in found]
        info.deprecated = list(
            dict.fromkeys(
                str(use)
                for _, hook, function, options in found
                for use in self._contract.uses(hook, function, options)
            )
        )
        self._manager.places = {attribute for attribute, _, _, _ in found}
        try:
            self._manager.register(plugin, name=name)
        except ValueError as exc:  # pluggy's way to say that it has this name or this object already
            raise ConfigurationError(
                f"Plugin {name!r} is registered already, under this name or another; each is used once."
            ) from exc
        self.plugins[name] = info
        for hook, implementation in self._implementations_of(plugin):
            if self._watches_all or not _is_ours(info):
                self._watch_one(hook, implementation)
            else:
                self._unwatched.append((hook, implementation))
            if self._trace is not None:
                _trace_one(hook, implementation, self._trace)
        self.calls.forget()  # last, so that nobody finds an implementation that is not watched yet
        return info

    def watch_all(self) -> None:
        """Count and time the plugins that come with Hookline as well; by default only those of others."""
        self._watches_all = True
        unwatched, self._unwatched = self._unwatched, []
        for hook, implementation in unwatched:
            self._watch_one(hook, implementation)
        self.calls.forget()

    def start_trace(self, trace: HookTrace) -> None:
        """Write down every call of a hook from now on."""
        self._trace = trace
        for plugin in self._manager.get_plugins():
            for hook, implementation in self._implementations_of(plugin):
                _trace_one(hook, implementation, trace)
        self.calls.forget()

    def leave_out(self, name: str, problem: str) -> None:
        """Remove a plugin that turned out to be unusable after it was loaded."""
        self._manager.unregister(name=name)
        self.calls.forget()
        self.plugins[name].status = "refused"
        self.plugins[name].problem = problem

    def implementations(self, hook_name: str) -> list[tuple[str, Callable[..., object]]]:
        """Return plugin name and a caller of every implementation, in the order they run.

        Each caller takes all arguments of the hook by keyword and hands on those that are wanted.
        """
        hook: pluggy.HookCaller = getattr(self.hook, hook_name)
        return [(impl.plugin_name, caller_of(impl)) for impl in reversed(hook.get_hookimpls())]

    def plugin(self, name: str) -> object:
        """Return the plugin of a name; None if it is not active."""
        return self._manager.get_plugin(name)

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

    def variables(self) -> set[str]:
        """Return the variables that plugins name under ``variables``, besides those of their options."""
        found: set[str] = set()
        for name in list(self.plugins):
            declared = getattr(self._manager.get_plugin(name), "variables", ())
            if isinstance(declared, (tuple, list, frozenset, set)):
                found |= {variable for variable in declared if isinstance(variable, str)}
        return found

    def has(self, hook_name: str) -> bool:
        """Tell whether any plugin implements a hook."""
        return bool(getattr(self.hook, hook_name).get_hookimpls())

    def order(self) -> dict[str, list[str]]:
        """Return, for every hook in call order, who implements it, in running order."""
        return {name: [plugin for plugin, _ in self.implementations(name)] for name in HOOK_ARGUMENTS}

    def to_error(self, exc: BaseException) -> HooklineError:
        """Return an error for whatever a hook raised, naming the plugin that raised it."""
        if isinstance(exc, HooklineError):
            return exc
        info = self.plugins.get(getattr(exc, BLAME, "")) or self._blame(exc.__traceback__)
        if info is not None and info.module.partition(".")[0] == "hookline":
            info = None  # our own parts are plugins as well
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

    def _implementations_of(self, plugin: object) -> Iterator[tuple[str, pluggy.HookImpl]]:
        for caller in self._manager.get_hookcallers(plugin) or ():
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    yield caller.name, implementation

    def _watch_one(self, hook: str, implementation: pluggy.HookImpl) -> None:
        watched = self.watch.around(
            implementation.plugin_name,
            hook,
            implementation.function,
            is_wrapper=implementation.wrapper or implementation.hookwrapper,
        )
        _replace(implementation, watched, implementation.argnames)

    def check_required(self, names: Collection[str]) -> None:
        """Refuse to go on without plugins that must be there.

        Raises:
            ConfigurationError: If one is not active, or not installed.
        """
        self.check_names(names, setting="required")
        for name in names:
            if self.plugins[name].status != "active":
                raise ConfigurationError(
                    f"The required plugin {name!r} is not active: {self.plugins[name].problem}",
                    field="plugins.required",
                )

    def arrange(self, order: Order) -> None:
        """Put plugins into the order of the settings; see `hookline.plugin_order`.

        Raises:
            ConfigurationError: If it names what is not there.
        """
        if order:
            arrange(self, order)
            self.calls.forget()

    def check_names(self, names: Collection[str], *, setting: str) -> None:
        """Refuse names of plugins that are not installed.

        Args:
            names: The names.
            setting: Which setting holds them, such as ``disabled``.

        Raises:
            ConfigurationError: If there is one; names a similar plugin.
        """
        for name in names:
            if name not in self.plugins:
                near = difflib.get_close_matches(name, self.plugins, n=1)
                raise ConfigurationError(
                    f"plugins.{setting} names {name!r}, which is not installed."
                    + (f" Did you mean {near[0]!r}?" if near else ""),
                    field=f"plugins.{setting}",
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


def _describe(point: EntryPoint, *, status: Status = "active", problem: str = "") -> PluginInfo:
    distribution, version = ("", "") if point.dist is None else _name_and_version(point.dist)
    return PluginInfo(
        name=point.name,
        distribution=distribution,
        version=version,
        module=point.module,
        status=status,
        problem=problem,
    )


@lru_cache(maxsize=256)
def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Return what a distribution's metadata says, read once and not for each of its plugins."""
    return _shown(distribution.name), _shown(distribution.version)


def _shown(text: str | None) -> str:
    """Return a member of metadata, which may be missing, or no text that can be written."""
    return (text or "").encode(errors="replace").decode()


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


def _is_ours(info: PluginInfo) -> bool:
    return info.distribution == "hookline" or info.module.partition(".")[0] == "hookline"


def _trace_one(hook: str, implementation: pluggy.HookImpl, trace: HookTrace) -> None:
    given = HOOK_ARGUMENTS[hook]
    traced = trace.around(
        implementation.plugin_name,
        hook,
        implementation.function,
        given=given,
        taken=tuple(implementation.argnames),
        is_wrapper=implementation.wrapper or implementation.hookwrapper,
    )
    _replace(implementation, traced, given)


def _replace(
    implementation: pluggy.HookImpl, function: Callable[..., object], arguments: Sequence[str]
) -> None:
    """Have pluggy call another function; it reads both from here, and offers no other way."""
    object.__setattr__(implementation, "function", function)
    object.__setattr__(implementation, "argnames", tuple(arguments))


def _module_of(plugin: object) -> str:
    return plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
