"""Where the keys are kept: in a setting, in a file, or in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline_connections.key_file import locked, read_keys, replace_keys, write_first, writing
from hookline_connections.keyring import (
    KEY_BYTES,
    KEY_FILE,
    KEY_VARIABLE,
    Keyring,
    SealingKey,
    decode_key,
    new_key,
)

if TYPE_CHECKING:
    from hookline.clock import Clock


class KeyStore:
    """Where the keys are kept: a setting goes before the file; without a state folder, only memory.

    Args:
        state_dir: Folder of the key file.
        text: The setting ``key``; empty if it is not set.
        clock: What time it is.
    """

    def __init__(self, *, state_dir: Path | None, text: str, clock: Clock) -> None:
        self._path = None if state_dir is None else state_dir / KEY_FILE
        self._text = text.strip()
        self._clock = clock
        self._memory: Keyring | None = None
        self._lock = threading.Lock()

    @property
    def is_file(self) -> bool:
        """Whether the keys are in a file, so that a new one can be added."""
        return not self._text and self._path is not None

    def missing(self) -> ConfigurationError:
        """Return the error for credentials whose key is gone: nothing is sealed with another one."""
        place = "A key that outlives a process" if self._path is None else str(self._path)
        return ConfigurationError(
            f"{place} is missing, and there are stored credentials that were sealed with the key in it. So "
            f"no new key is made. Put a copy of the file back, or set {KEY_VARIABLE} to that key. If it is "
            "lost for good, remove the connections that cannot be opened (`hookline connections list` shows "
            "them, `hookline connections remove` removes one), and add them anew."
        )

    def load(self) -> Keyring | None:
        """Return the keys as they are now; None if there are none yet.

        Raises:
            ConfigurationError: If they cannot be read, or by too many.
        """
        if self._text:
            return _from_text(self._text)
        if self._path is None:
            return self._memory
        return read_keys(self._path)

    def ensure(self) -> Keyring:
        """Return the keys, and make the first one if there is none. Safe with threads and processes.

        Raises:
            ConfigurationError: If they cannot be read or written.
        """
        found = self.load()
        if found is not None:
            return found
        key = new_key(created_at=_text_of(self._clock.now()))
        if self._path is None:
            with self._lock:  # all who come first at once seal with the same
                if self._memory is None:
                    self._memory = Keyring(keys=(key,), source="the memory of this process")
                return self._memory
        with writing(self._path):
            write_first(self._path, [key])
        return self._read()

    def add(self) -> Keyring:
        """Put a new key before the others, and return them all.

        Raises:
            ConfigurationError: If the keys are not in a file, or it cannot be written.
        """
        key = new_key(created_at=_text_of(self._clock.now()))
        with self._changing() as keyring:
            replace_keys(self._file, [key, *keyring.keys])
        return self._read()

    def remove(self, ids: frozenset[str]) -> Keyring:
        """Forget keys, but never the newest, and return the others.

        Raises:
            ConfigurationError: If the keys are not in a file, or it cannot be written.
        """
        with self._changing() as keyring:
            kept = [key for key in keyring.keys if key.id not in ids or key is keyring.newest]
            replace_keys(self._file, kept)
        return self._read()

    @contextmanager
    def _changing(self) -> Iterator[Keyring]:
        if self._path is None or self._text:
            raise ConfigurationError(
                f"The keys are from {KEY_VARIABLE if self._text else 'memory'}, which this command cannot "
                f"change. Put a new key before the others in {KEY_VARIABLE}, with a comma between them."
            )
        self.ensure()
        with writing(self._path), locked(self._path):
            yield self._read()

    @property
    def _file(self) -> Path:
        assert self._path is not None  # asked only for a file
        return self._path

    def _read(self) -> Keyring:
        found = read_keys(self._file)
        if found is None:
            raise ConfigurationError(f"{self._path} was removed a moment ago; put it back.")
        return found


def _from_text(text: str) -> Keyring:
    keys: list[SealingKey] = []
    for number, part in enumerate(text.split(","), start=1):
        value = decode_key(part.strip())
        if value is None:
            raise ConfigurationError(
                f"{KEY_VARIABLE}: key number {number} is not base64 of {KEY_BYTES} bytes; "
                "`openssl rand -base64 32` makes one."
            )
        keys.append(new_key(value))
    return Keyring(keys=tuple(keys), source=KEY_VARIABLE)


def _text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
