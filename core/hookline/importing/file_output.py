"""Writing a file whole or not at all, and never through a link that stands in its place."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet.

    Raises:
        FileExistsError: If something of that name is there, be it a link that leads nowhere.
        OSError: If it cannot be written; nothing is left behind then.
    """
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            path.unlink()
            raise


def write_over(path: Path, content: bytes) -> None:
    """Write a file in place of what is there; of a link the link itself, not what it leads to.

    Raises:
        OSError: If it cannot be written; what was there is there still.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_new(temporary, content)
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink()
        raise
