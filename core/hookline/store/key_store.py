"""Where keys are kept: in a setting, in a file, or in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.store.key_file import locked, read_keys, replace_keys, write_first, writing
from hookline.store.keyring import KEY_BYTES, KeyPurpose, Keyring, SealingKey, decode_key, new_key

if TYPE_CHECKING:
    from hookline.clock import Clock


class KeyStore:
    """Where keys are kept: a setting goes before the file; without a state folder, only memory.

    Args:
        purpose: What the keys are for.
        state_dir: Folder of the key file.
        text: The keys that are set, with commas between them; empty if none is.
        clock: What time it is.

    Attributes:
        purpose: What the keys are for.
        path: The key file; None without a state folder.
    """

    def __init__(self, purpose: KeyPurpose, *, state_dir: Path | None, text: str, clock: Clock) -> None:
        self.purpose = purpose
        self.path = None if state_dir is None else state_dir / purpose.file
        self._text = text.strip()
        self._clock = clock
        self._memory: Keyring | None = None
        self._lock = threading.Lock()

    @property
    def is_file(self) -> bool:
        """Whether the keys are in a file, so that a new one can be added."""
        return not self._text and self.path is not None

    def load(self) -> Keyring | None:
        """Return the keys as they are now; None if there are none yet.

        Raises:
            ConfigurationError: If they cannot be read, or by too many.
        """
        if self._text:
            return keys_of(self._text, self.purpose.variable)
        if self.path is None:
            return self._memory
        return read_keys(self.path, self.purpose)

    def ensure(self) -> Keyring:
        """Return the keys, and make the first one if there is none. Safe with threads and processes.

        Raises:
            ConfigurationError: If they cannot be read or written.
        """
        found = self.load()
        if found is not None:
            return found
        key = new_key(created_at=_text_of(self._clock.now()))
        if self.path is None:
            with self._lock:  # all who come first at once seal with the same
                if self._memory is None:
                    self._memory = Keyring(keys=(key,), source="the memory of this process")
                return self._memory
        with writing(self.path):
            write_first(self.path, [key], self.purpose)
        return self._read()

    def add(self) -> Keyring:
        """Put a new key before the others, and return them all.

        Raises:
            ConfigurationError: If the keys are not in a file, or it cannot be written.
        """
        key = new_key(created_at=_text_of(self._clock.now()))
        with self._changing() as keyring:
            replace_keys(self._file, [key, *keyring.keys], self.purpose)
        return self._read()

    def remove(self, ids: frozenset[str]) -> Keyring:
        """Forget keys, but never the newest, and return the others.

        Raises:
            ConfigurationError: If the keys are not in a file, or it cannot be written.
        """
        with self._changing() as keyring:
            kept = [key for key in keyring.keys if key.id not in ids or key is keyring.newest]
            replace_keys(self._file, kept, self.purpose)
        return self._read()

    @contextmanager
    def _changing(self) -> Iterator[Keyring]:
        if self.path is None or self._text:
            variable = self.purpose.variable
            raise ConfigurationError(
                f"The keys are from {variable if self._text else 'memory'}, which this command cannot "
                f"change. Put a new key before the others in {variable}, with a comma between them."
            )
        self.ensure()
        with writing(self.path), locked(self.path):
            yield self._read()

    @property
    def _file(self) -> Path:
        assert self.path is not None  # asked only for a file
        return self.path

    def _read(self) -> Keyring:
        found = read_keys(self._file, self.purpose)
        if found is None:
            raise ConfigurationError(f"{self.path} was removed a moment ago; put it back.")
        return found


def keys_of(text: str, variable: str) -> Keyring:
    """Return the keys of a setting.

    Args:
        text: Keys as base64, with commas between them.
        variable: What the setting is called.

    Raises:
        ConfigurationError: If one is no key; tells which, and does not show it.
    """
    keys: list[SealingKey] = []
    for number, part in enumerate(text.split(","), start=1):
        value = decode_key(part.strip())
        if value is None:
            raise ConfigurationError(
                f"{variable}: key number {number} is not base64 of {KEY_BYTES} bytes; "
                "`openssl rand -base64 32` makes one."
            )
        keys.append(new_key(value))
    return Keyring(keys=tuple(keys), source=variable)


def _text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
