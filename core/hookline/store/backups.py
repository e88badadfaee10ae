"""Files for backups: readable for their owner only, and there only when they are complete."""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hookline.errors import ConfigurationError


@contextmanager
def new_file(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give an empty file beside the target, and put it in the target's place if all goes well.

    Args:
        target: Where the content is wanted.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        ConfigurationError: If there is one that may not, or none can be made there.
    """
    if not overwrite and target.exists():
        raise _taken(target)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as exc:
        raise ConfigurationError(
            f"No backup can be written to {target}: {exc.strerror}.", hint="Name a file in another folder."
        ) from exc
    try:
        yield part
        _put(part, target, overwrite=overwrite)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


@contextmanager
def telling_of(target: Path) -> Iterator[None]:
    """Tell of a backup's file, and not of the database, where there is no room for what is written.

    Raises:
        ConfigurationError: If the copy cannot be written.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        # the database is only read here, so what cannot be written is the copy
        code = getattr(exc, "sqlite_errorcode", None)
        is_full = code == sqlite3.SQLITE_FULL or getattr(exc, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if is_full or code == sqlite3.SQLITE_IOERR_WRITE:
            raise ConfigurationError(
                f"No backup can be written to {target}: its disk {'is full' if is_full else 'failed'}.",
                hint="Name a file on another disk, or make room there.",
            ) from exc
        raise


def _put(part: Path, target: Path, *, overwrite: bool) -> None:
    try:
        if overwrite:
            part.replace(target)
        else:
            _put_beside(part, target)
    except FileExistsError:
        raise _taken(target) from None
    except OSError as exc:
        raise ConfigurationError(f"No backup can be written to {target}: {exc.strerror}.") from exc


def _put_beside(part: Path, target: Path) -> None:
    try:
        os.link(part, target)  # fails if somebody was faster, where a rename would replace
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError from None
        part.replace(target)


def _taken(target: Path) -> ConfigurationError:
    return ConfigurationError(
        f"There is something at {target} already.", hint="Name another file, or add --force to replace it."
    )
