"""The keys that seal stored credentials: from the environment, or from a file that only one user can read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.clock import Clock

KEY_VARIABLE = "HOOKLINE_CONNECTIONS_KEY"
KEY_FILE = "connections.key"
KEY_BYTES = 32

_FORMAT = "hookline connection keys, version 1"
_MAX_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class SealingKey:
    """One key.

    Attributes:
        id: Worked out from the key, so that it is the same wherever the key is kept; tells nothing about it.
        value: 32 random bytes.
        created_at: When it was made, as ISO 8601 text; empty if that is not known.
    """

    id: str
    value: bytes = field(repr=False)
    created_at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyring:
    """All keys that are known; the newest comes first and seals, all of them open.

    Attributes:
        keys: The keys.
        source: Where they are from, in words.
        path: Their file; None if they are from elsewhere.
    """

    keys: tuple[SealingKey, ...]
    source: str
    path: Path | None = None

    @property
    def newest(self) -> SealingKey:
        """The key that seals."""
        return self.keys[0]

    def find(self, id: str) -> SealingKey | None:
        """Return the key of an id."""
        return next((key for key in self.keys if key.id == id), None)


def new_key(value: bytes | None = None, *, created_at: str = "") -> SealingKey:
    """Return a key of random bytes, or of those given."""
    value = secrets.token_bytes(KEY_BYTES) if value is None else value
    return SealingKey(
        id=hashlib.sha256(b"hookline connection key id:" + value).hexdigest()[:16],
        value=value,
        created_at=created_at,
    )


class KeyStore:
    """Where the keys are kept: the environment goes before the file; without a state folder, only memory.

    Args:
        state_dir: Folder of the key file.
        environ: Environment variables.
        clock: What time it is.
    """

    def __init__(self, *, state_dir: Path | None, environ: Mapping[str, str], clock: Clock) -> None:
        self._path = None if state_dir is None else state_dir / KEY_FILE
        self._text = environ.get(KEY_VARIABLE, "").strip()
        self._clock = clock
        self._memory: Keyring | None = None

    @property
    def is_file(self) -> bool:
        """Whether the keys are in a file, so that a new one can be added."""
        return not self._text and self._path is not None

    def load(self) -> Keyring | None:
        """Return the keys as they are now; None if there are none yet.

        Raises:
            ConfigurationError: If they cannot be read, or by too many.
        """
        if self._text:
            return _from_text(self._text)
        if self._path is None:
            return self._memory
        return _read_file(self._path)

    def ensure(self) -> Keyring:
        """Return the keys, and make the first one if there is none. Safe with other processes.

        Raises:
            ConfigurationError: If they cannot be read or written.
        """
        found = self.load()
        if found is not None:
            return found
        key = new_key(created_at=_text_of(self._clock.now()))
        if self._path is None:
            self._memory = self._memory or Keyring(keys=(key,), source="the memory of this process")
            return self._memory
        with _writing(self._path):
            _write_first(self._path, [key])
        return self._read()

    def add(self) -> Keyring:
        """Put a new key before the others, and return them all.

        Raises:
            ConfigurationError: If the keys are not in a file, or it cannot be written.
        """
        key = new_key(created_at=_text_of(self._clock.now()))
        with self._changing() as keyring:
            self._replace([key, *keyring.keys])
        return self._read()

    def remove(self, ids: frozenset[str]) -> Keyring:
        """Forget keys, but never the newest, and return the others.

        Raises:
            ConfigurationError: If the keys are not in a file, or it cannot be written.
        """
        with self._changing() as keyring:
            kept = [key for key in keyring.keys if key.id not in ids or key is keyring.newest]
            self._replace(kept)
        return self._read()

    @contextmanager
    def _changing(self) -> Iterator[Keyring]:
        """Keep other processes from changing the file meanwhile: the last to write would lose keys."""
        if self._path is None or self._text:
            raise ConfigurationError(
                f"The keys are from {KEY_VARIABLE if self._text else 'memory'}, which this command cannot "
                f"change. Put a new key before the others in {KEY_VARIABLE}, with a comma between them."
            )
        self.ensure()
        with _writing(self._path), _locked(self._path.with_name(f".{KEY_FILE}.lock")):
            yield self._read()

    def _read(self) -> Keyring:
        assert self._path is not None  # asked only for a file
        found = _read_file(self._path)
        if found is None:
            raise ConfigurationError(f"{self._path} was removed a moment ago; put it back.")
        return found

    def _replace(self, keys: list[SealingKey]) -> None:
        assert self._path is not None  # asked only for a file
        temporary = _write_beside(self._path, keys)
        os.replace(temporary, self._path)
        _sync_folder(self._path.parent)


def _from_text(text: str) -> Keyring:
    keys: list[SealingKey] = []
    for number, part in enumerate(text.split(","), start=1):
        value = _decode(part.strip())
        if value is None:
            raise ConfigurationError(
                f"{KEY_VARIABLE}: key number {number} is not base64 of {KEY_BYTES} bytes; "
                "`openssl rand -base64 32` makes one."
            )
        keys.append(new_key(value))
    return Keyring(keys=tuple(keys), source=KEY_VARIABLE)


def _decode(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return value if len(value) == KEY_BYTES else None


def _read_file(path: Path) -> Keyring | None:
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
    return Keyring(keys=_parse(content, path), source=str(path), path=path)


def _parse(content: bytes, path: Path) -> tuple[SealingKey, ...]:
    problem = ConfigurationError(f"{path} is damaged: put back a copy of it. No key of it is shown here.")
    try:
        document = json.loads(content)
    except ValueError:
        raise problem from None  # the cause holds the text
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows or document.get("format") != _FORMAT:
        raise problem
    keys: list[SealingKey] = []
    for row in rows:
        value = _decode(row.get("key")) if isinstance(row, dict) else None
        if value is None:
            raise problem
        keys.append(new_key(value, created_at=str(row.get("created_at", ""))))
    return tuple(keys)


def _write_first(path: Path, keys: list[SealingKey]) -> None:
    """Make the file, whole or not at all; whoever comes second keeps the file of the first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = _write_beside(path, keys)
    try:
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def _write_beside(path: Path, keys: list[SealingKey]) -> Path:
    document = {
        "format": _FORMAT,
        "note": "The first key seals, all of them open. Without this file stored credentials are lost.",
        "keys": [
            {"id": key.id, "created_at": key.created_at, "key": base64.b64encode(key.value).decode()}
            for key in keys
        ],
    }
    descriptor, name = tempfile.mkstemp(prefix=f".{KEY_FILE}.", dir=path.parent)  # mode 0600
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
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror or exc}.") from exc


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    import fcntl

    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
