"""Changing the settings file: one list in it, with every comment and the order of lines kept."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.file_output import PRIVATE, write_over

if TYPE_CHECKING:
    import tomlkit


def switch_plugin(path: Path, name: str, *, is_on: bool) -> bool:
    """Take a plugin out of ``plugins.disabled`` of a file, or put it in.

    The file is replaced as a whole, so that a reader sees the old or the new one; its mode is kept.

    Args:
        path: The file; it need not exist to switch a plugin off.
        name: Name of the plugin.
        is_on: Whether the plugin is to run.

    Returns:
        Whether the file was changed.

    Raises:
        ConfigurationError: If it cannot be read or written, or is not as settings are.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = path.resolve()  # what a link leads to is changed, not the link
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        document = tomlkit.parse(text)
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not text"
        raise ConfigurationError(f"{path} cannot be read: {reason}.") from exc
    except TOMLKitError as exc:
        raise ConfigurationError(f"{path} is not valid TOML: {exc}.") from exc
    if not _change(document, name, is_on=is_on):
        return False
    changed = tomlkit.dumps(document)
    found = tomllib.loads(changed)["plugins"]["disabled"]
    assert (name in found) is not is_on  # what is written says what was asked for
    _replace(path, changed)
    return True


def _change(document: tomlkit.TOMLDocument, name: str, *, is_on: bool) -> bool:
    import tomlkit
    from tomlkit.items import Array, Table

    plugins = document.get("plugins")
    if plugins is None:
        if is_on:
            return False
        plugins = tomlkit.table()
        document["plugins"] = plugins
    if not isinstance(plugins, dict):
        raise ConfigurationError("`plugins` must be a table.")
    names = plugins.get("disabled")
    if names is None:
        if is_on:
            return False
        if isinstance(plugins, Table) and plugins.is_super_table():
            plugins.trivia.comment_ws = plugins.trivia.comment = ""  # that of the first table in it
        names = tomlkit.array()
        plugins["disabled"] = names
    if not isinstance(names, Array):
        raise ConfigurationError("`plugins.disabled` must be a list of names.")
    if (name in names) is not is_on:
        return False
    if is_on:
        while name in names:
            names.remove(name)
    else:
        names.append(name)
    return True


def _replace(path: Path, text: str) -> None:
    """Put a file into the place of the old one."""
    try:
        write_over(path, text.encode(), mode=None if path.exists() else PRIVATE)
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror}.") from exc
