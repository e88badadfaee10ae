"""Targets of exports: what a plugin adds with ``hookline_register_exports``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint
    from hookline.plugins import PluginHost

Files = Mapping[str, object]
"""Content by file name: text as it is, anything else as JSON. Names use ``/`` for folders."""

MakeFiles = Callable[["Blueprint"], Files]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportTarget:
    """A platform, and how the catalog is written for it.

    Attributes:
        name: What it is called in commands and addresses, such as ``power-platform``.
        title: What people call it.
        summary: What comes out, in one sentence.
        next_step: What to do with it, in one sentence; ``{out}`` stands for what was written.
        file: Name of the file that comes out, or of the folder if there are several.
        make: Writes it, the main file first; or ``"module:function"``, which is imported when it is needed.
        out: Where it is best written to: a name that ends in ``.zip`` for an archive; ``file`` if not given.
        is_remote: Whether the platform runs on the internet, and reaches only public https addresses.
        plugin: Name of the plugin that added it; set when the gateway starts.
    """

    name: str
    title: str
    summary: str
    next_step: str
    file: str
    make: MakeFiles | str
    out: str = ""
    is_remote: bool = False
    plugin: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigurationError(
                f"Export target {self.name!r}: the name must be like `power-platform`, at most 40 long."
            )
        if not callable(self.make) and not (isinstance(self.make, str) and _FUNCTION.match(self.make)):
            raise ConfigurationError(
                f"Export target {self.name!r}: `make` must be a function, or its name as `module:function`."
            )

    def next_step_with(self, out: str) -> str:
        """Return what to do with what was written.

        Args:
            out: Name of the file or folder.
        """
        return self.next_step.replace("{out}", out)

    def write(self, blueprint: Blueprint) -> Files:
        """Return the files of this target.

        Raises:
            ConfigurationError: If the catalog cannot be written for this platform.
            PluginError: If what writes them cannot be imported.
        """
        return self._load()(blueprint)

    def failed(self, misdeed: str) -> PluginError:
        """Return the error for something that this target's plugin did wrong."""
        plugin = self.plugin or self.name
        return PluginError(
            f"The export {self.name!r} of the plugin {plugin!r} cannot be written: {misdeed}.", plugin=plugin
        )

    def _load(self) -> MakeFiles:
        if not isinstance(self.make, str):
            return self.make
        module, _, function = self.make.partition(":")
        try:
            found = getattr(import_module(module), function, None)
        except (Exception, SystemExit) as exc:  # a plugin may fail in any way while it is imported
            raise self.failed(f"the import of {module!r} failed with {type(exc).__name__}") from exc
        if not callable(found):
            raise self.failed(f"the module {module!r} has no function {function!r}")
        made: MakeFiles = found
        return made


def collect_targets(host: PluginHost) -> dict[str, ExportTarget]:
    """Return the targets of all active plugins, by name and in the order of their names.

    Raises:
        ConfigurationError: If a plugin fails, or a name is taken; names the plugin.
    """
    found: dict[str, ExportTarget] = {}
    owners: dict[str, str] = {}
    for plugin, register in host.implementations("hookline_register_exports"):
        try:
            targets = register()
        except ConfigurationError as exc:
            raise ConfigurationError(f"Plugin {plugin!r}: {exc.message}") from exc
        except Exception as exc:
            raise ConfigurationError(
                f"Plugin {plugin!r} could not add its exports: {type(exc).__name__}: {exc}"
            ) from exc
        if targets is None:
            continue
        if not isinstance(targets, (list, tuple)) or not all(
            isinstance(one, ExportTarget) for one in targets
        ):
            raise ConfigurationError(
                f"Plugin {plugin!r}: hookline_register_exports() must return a list of ExportTarget objects."
            )
        for target in targets:
            if target.name in owners:
                raise ConfigurationError(
                    f"The plugins {owners[target.name]!r} and {plugin!r} both export to {target.name!r}; "
                    "remove one."
                )
            owners[target.name] = plugin
            found[target.name] = replace(target, plugin=plugin)
    return dict(sorted(found.items()))
