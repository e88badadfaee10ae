"""Writing a file whole or not at all, and never through a link that stands in its place."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600
"""Mode of a file that nobody but its owner may read."""


def write_new(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file that must not be there yet.

    Args:
        path: Where.
        content: All of it.
        mode: Permissions, there before any content; None for those that the process gives to any file.

    Raises:
        FileExistsError: If something of that name is there, be it a link that leads nowhere.
        OSError: If it cannot be written; nothing is left behind then.
    """

    def create(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666 if mode is None else PRIVATE)

    with open(path, "xb", opener=create) as file:
        try:
            if mode is not None:
                os.chmod(path, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise


def write_over(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file in place of what is there; of a link the link itself, not what it leads to.

    Whoever reads meanwhile sees all of the old or all of the new.

    Args:
        path: Where.
        content: All of it.
        mode: Permissions; None for those of the file that was there, or of any file where there was none.

    Raises:
        OSError: If it cannot be written, or what is there is no file; it is there still.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file", str(path))
    if mode is None and path.exists() and not path.is_symlink():
        mode = stat.S_IMODE(path.stat().st_mode)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_new(temporary, content, mode=mode)
    try:
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
