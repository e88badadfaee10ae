"""A file that holds keys: only one user can read it, and no two processes lose keys of each other."""

from __future__ import annotations

import base64
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hookline.errors import ConfigurationError
from hookline.store.keyring import KeyPurpose, Keyring, SealingKey, decode_key, new_key

_MAX_FILE_BYTES = 64 * 1024


def read_keys(path: Path, purpose: KeyPurpose) -> Keyring | None:
    """Return the keys of a file; None if there is no such file.

    Raises:
        ConfigurationError: If it cannot be read, or by others, or is damaged.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc.strerror}.") from exc
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())  # of what was opened, whatever the name stands for by now
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{path} is no file.")
        if os.name == "posix" and status.st_mode & 0o077:
            raise ConfigurationError(
                f"{path} can be read or written by others (mode {stat.S_IMODE(status.st_mode):04o}), so it "
                f"is not used. Run: chmod 600 {path}"
            )
        content = file.read(_MAX_FILE_BYTES + 1)
    return Keyring(keys=_parse(content, path, purpose), source=str(path), path=path)


def _parse(content: bytes, path: Path, purpose: KeyPurpose) -> tuple[SealingKey, ...]:
    problem = ConfigurationError(f"{path} is damaged: put back a copy of it. No key of it is shown here.")
    try:
        document = json.loads(content)
    except ValueError:
        raise problem from None  # the cause holds the text
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows or document.get("format") != purpose.format:
        raise problem
    keys: list[SealingKey] = []
    for row in rows:
        value = decode_key(row.get("key")) if isinstance(row, dict) else None
        if value is None:
            raise problem
        keys.append(new_key(value, created_at=str(row.get("created_at", ""))))
    return tuple(keys)


def write_first(path: Path, keys: list[SealingKey], purpose: KeyPurpose) -> None:
    """Make the file, whole or not at all; whoever comes second keeps the file of the first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = _write_beside(path, keys, purpose)
    try:
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def replace_keys(path: Path, keys: list[SealingKey], purpose: KeyPurpose) -> None:
    """Put another file in the place of the one that is there; hold `locked` meanwhile."""
    temporary = _write_beside(path, keys, purpose)
    os.replace(temporary, path)
    _sync_folder(path.parent)


def _write_beside(path: Path, keys: list[SealingKey], purpose: KeyPurpose) -> Path:
    document = {
        "format": purpose.format,
        "note": purpose.note,
        "keys": [
            {"id": key.id, "created_at": key.created_at, "key": base64.b64encode(key.value).decode()}
            for key in keys
        ],
    }
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell what keeps a block from writing a file as a matter of configuration."""
    try:
        yield
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror or exc}.") from exc


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file meanwhile: the last to write would lose keys."""
    import fcntl

    with path.with_name(f".{path.name}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
