"""Writing a new plugin into a folder: all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hookline.errors import ConfigurationError


def write_files(folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write files below a folder, which is made.

    Args:
        folder: Must be empty, or not be there.
        files: Text by path.
        force: Whether the folder may hold something. Files of the same name are replaced, others are kept.

    Raises:
        ConfigurationError: If the folder holds something, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder.", hint="Take another name, or another --out.")
    if not force and folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(
            f"The folder {folder} is not empty.",
            hint="Take another name or another --out, or use --force to replace the files of the template.",
        )
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
