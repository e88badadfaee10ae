"""Plugins that are one file each, used without being installed.

A file is run once per process. What it is called by is its own name without ``.py``.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.hookspecs import BUILT_IN_PLUGINS

if TYPE_CHECKING:
    from types import ModuleType

    from hookline.plugins import PluginHost

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_MODULE_PREFIX = "hookline_file_"


def load_plugin_files(
    host: PluginHost, files: Iterable[Path | str], *, disabled: Collection[str] = ()
) -> None:
    """Load plugins from files, after those that are installed.

    What cannot be imported, or breaks a rule, is noted as with any plugin; `check_plugin_files` raises it.

    Args:
        host: Has the plugins that are installed.
        files: Their paths; relative ones from the working directory.
        disabled: Names that are left out.

    Raises:
        ConfigurationError: If there is no such file, or its name cannot be a plugin's or is taken.
    """
    from hookline.plugins import PluginInfo

    seen: set[Path] = set()
    for file in files:
        path = Path(file).absolute()
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        name = _name_of(path, host)
        info = PluginInfo(name=name, distribution=str(path), module=_MODULE_PREFIX + name)
        host.plugins[name] = info
        if name in disabled:
            info.status, info.problem = "disabled", "Switched off by setting."
            continue
        try:
            module = _import(path, info.module)
        except (Exception, SystemExit) as exc:  # a file may do anything while it is run
            info.status, info.problem = "broken", _why(exc, path)
            continue
        try:
            host.register(module, name=name, info=info)
        except ConfigurationError as exc:
            info.status, info.problem = "refused", exc.message


def check_plugin_files(host: PluginHost, files: Iterable[Path | str]) -> None:
    """Make sure that the files are in use: whoever names one wants it.

    Raises:
        ConfigurationError: If one is not; says why.
    """
    for file in files:
        info = host.plugins.get(Path(file).stem)
        if info is not None and info.status in ("broken", "refused"):
            raise ConfigurationError(
                f"The plugin file {info.distribution} is not used: {info.problem}",
                hint="Correct the file, then start again.",
            )


def _name_of(path: Path, host: PluginHost) -> str:
    if not path.is_file():
        what = (
            "is a folder: a plugin of several files has to be installed" if path.is_dir() else "is not there"
        )
        raise ConfigurationError(f"The plugin file {path} {what}.", hint="Name one file that ends with .py.")
    name = path.stem
    if path.suffix != ".py" or not _NAME.match(name):
        raise ConfigurationError(
            f"The plugin file {path} must be called like `my_hook.py`: small letters, digits, underscores.",
            hint="Rename the file; the plugin is called as it is.",
        )
    taken = host.plugins.get(name)
    if taken is not None or name in BUILT_IN_PLUGINS:
        owner = (taken.distribution if taken else "") or "Hookline itself"
        raise ConfigurationError(
            f"The plugin file {path} cannot be used: there is a plugin {name!r} already, from {owner}.",
            hint="Rename the file; the plugin is called as it is.",
        )
    return name


def _import(path: Path, name: str) -> ModuleType:
    """Run a file as a module of its own name, or return the module if this process has run it already."""
    found = sys.modules.get(name)
    if found is not None and found.__file__ == str(path):
        return found
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # models and dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _why(exc: BaseException, path: Path) -> str:
    if isinstance(exc, SyntaxError):
        return f"{exc.filename or path}:{exc.lineno}: {exc.msg}."
    lines = [frame.lineno for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == str(path)]
    where = f"{path}:{lines[-1]}" if lines else str(path)
    text = str(exc)
    return (
        f"{where}: {type(exc).__name__}" + (f": {text}" if text else "") + ("" if text[-1:] == "." else ".")
    )
