"""Writing a new plugin into a folder: all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hookline.errors import ConfigurationError


def check_folder(folder: Path, *, force: bool) -> None:
    """Make sure that a folder may be written into.

    Raises:
        ConfigurationError: If it is none, or holds something and ``force`` does not allow for that.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder.", hint="Take another name, or another --out.")
    if not force and folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(
            f"The folder {folder} is not empty.",
            hint="Take another name or another --out, or use --force to replace the files of the template.",
        )


def write_files(folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write files below a folder, which is made.

    Args:
        folder: Must be empty, or not be there.
        files: Text by path.
        force: Whether the folder may hold something. Files of the same name are replaced, others are kept.

    Raises:
        ConfigurationError: If the folder holds something, or cannot be written.
    """
    check_folder(folder, force=force)
    try:
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as exc:
        raise ConfigurationError(
            f"{exc.filename or folder} cannot be written: {exc.strerror}.",
            hint="Choose a folder that you may write to with --out.",
        ) from exc


def copy_manifest(source: Path, id: str, folder: Path) -> Path:
    """Copy a manifest into a folder, which is made, and return the copy.

    Args:
        source: The manifest.
        id: Id of its connector; the copy is called after it.
        folder: Where the copy goes.

    Raises:
        ConfigurationError: If it cannot be read or written, or is the manifest of another connector.
    """
    from hookline.manifest import connector_from
    from hookline.manifest.loading import read_bytes

    target = folder / f"{id}.yaml"
    content = read_bytes(source)
    found = connector_from(content, name=source.name).id
    if found != id:
        raise ConfigurationError(
            f"{source} is the manifest of {found!r}, and the plugin is to be called {id!r}.",
            hint=f"Write `hookline new connector {found.replace('_', '-')}`, or change `id` in the manifest.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as exc:
        raise ConfigurationError(
            f"{exc.filename or folder} cannot be written: {exc.strerror}.",
            hint="Choose a folder that you may write to with --out.",
        ) from exc
    return target
