"""Whether a SQLite file is there or could be made, tried rather than asked: mounts and rights tell lies."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from hookline.errors import ConfigurationError

_PROBE_BYTES = 65_536


def is_there(path: Path, *, setting: str) -> bool:
    """Tell whether there is a file.

    Args:
        path: Which.
        setting: Variable that names it or its folder.

    Raises:
        ConfigurationError: If its folder may not be looked into; says which folder, why and what to do.
    """
    try:
        return path.exists()
    except OSError as exc:
        raise ConfigurationError(
            f"The folder {path.parent} cannot be used: {exc.strerror}.", hint=what_to_do(setting)
        ) from exc


def try_to_make(path: Path, *, setting: str) -> str | None:
    """Return why a file and its folder could not be made; None if they could. Nothing is left behind.

    Args:
        path: The file.
        setting: Variable that names it or its folder.
    """
    folder = path.parent
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            return f"{folder} is a file, and no folder can be below it. {what_to_do(setting)}"
        with (
            tempfile.TemporaryDirectory(prefix=".hookline-", dir=folder) as probe,
            (Path(probe) / "room").open("wb") as file,
        ):
            file.write(b"\0" * _PROBE_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        is_full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        help = f"Make room there, or name another folder in {setting}." if is_full else what_to_do(setting)
        return f"The folder {path.parent} cannot be made or written: {exc.strerror}. {help}"
    return None


def what_to_do(setting: str) -> str:
    """Return what helps where a folder cannot be used."""
    return f"Let whoever runs Hookline read and write it, or name another one in {setting}."
