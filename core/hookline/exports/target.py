"""Targets of exports: what a plugin adds with ``hookline_register_exports``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint
    from hookline.plugins import PluginHost

Files = Mapping[str, object]
"""Content by file name: text as it is, anything else as JSON. Names use ``/`` for folders."""

MakeFiles = Callable[["Blueprint"], Files]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportTarget:
    """A platform, and how the catalog is written for it.

    Attributes:
        name: What it is called in commands and addresses, such as ``power-platform``.
        title: What people call it.
        summary: What comes out, in one sentence.
        next_step: What to do with it, in one sentence.
        file: Name of the file that comes out, or of the folder if there are several.
        make: Writes it, the main file first; or ``"module:function"``, which is imported when it is needed.
        out: Where it is best written to: a name that ends in ``.zip`` for an archive; ``file`` if not given.
    """

    name: str
    title: str
    summary: str
    next_step: str
    file: str
    make: MakeFiles | str
    out: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigurationError(
                f"Export target {self.name!r}: the name must be like `power-platform`, at most 40 long."
            )

    def write(self, blueprint: Blueprint) -> Files:
        """Return the files of this target.

        Raises:
            ConfigurationError: If two names of the catalog become one on this platform.
        """
        make = self.make
        if isinstance(make, str):
            module, _, function = make.partition(":")
            make = getattr(import_module(module), function)
        return make(blueprint)


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
        except ConfigurationError:
            raise
        except Exception as exc:
            raise ConfigurationError(
                f"Plugin {plugin!r} could not add its exports: {type(exc).__name__}: {exc}"
            ) from exc
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
            found[target.name] = target
    return dict(sorted(found.items()))
