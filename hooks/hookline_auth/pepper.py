"""The pepper: a secret of one installation, without which the stored hashes of keys are of no use.

It comes from ``HOOKLINE_KEY_PEPPER``, or from the file ``key.pepper`` in the state folder, which is made when
it is needed for the first time. Everything that needs a key of its own derives it from here by HKDF
(RFC 5869), so that no two uses share one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from hookline.errors import ConfigurationError, InvalidInputError

VARIABLE = "HOOKLINE_KEY_PEPPER"
FILE_NAME = "key.pepper"
_MIN_LENGTH = 32
_MAX_FILE_BYTES = 4096
_MAKE_ONE = "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes a good one"


class PepperMissingError(InvalidInputError):
    """The pepper is not the one that the keys were made with; a new one would end all of them."""

    status = 409
    code = "other_pepper"
    title = "The pepper of the keys is missing"

    def __init__(self) -> None:
        super().__init__(
            "The keys of this database were made with another pepper, and what is made now would not be "
            "valid beside them.",
            hint=f"Put the file {FILE_NAME} back into the state folder, or set {VARIABLE} to what it was. If "
            "it is lost, and all keys with it, `hookline keys create --new-pepper` begins anew.",
        )


class Pepper:
    """Derives keys from one secret.

    Args:
        value: The secret; at least 32 bytes.

    Attributes:
        id: 16 characters that tell this pepper from others, and nothing about it.
    """

    def __init__(self, value: bytes) -> None:
        if len(value) < _MIN_LENGTH:
            raise ValueError(f"a pepper has at least {_MIN_LENGTH} bytes")
        self._prk = hmac.digest(b"hookline key pepper v1", value, "sha256")
        self._hash_key = self.derive("hashes of api keys")
        self.id = self.derive("id of the pepper").hex()[:16]

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes that are used for one purpose only."""
        return hmac.digest(self._prk, b"hookline " + purpose.encode() + b"\x01", "sha256")

    def hash(self, secret: str) -> str:
        """Return what is stored of a key's secret: the pepper's id, a colon and 64 hexadecimal digits."""
        return f"{self.id}:{hmac.new(self._hash_key, secret.encode(), hashlib.sha256).hexdigest()}"


class PepperSource:
    """Finds the pepper of an installation when it is needed, and makes it when there is none.

    Args:
        environ: Environment variables.
        state_dir: Folder of the file; None for a pepper that lives as long as the process.
        before_making: Called before a file is made; raises if none may be.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        state_dir: Path | None,
        *,
        before_making: Callable[[], None] = lambda: None,
    ) -> None:
        self._before_making = before_making
        self._text = environ.get(VARIABLE, "").strip()
        self._state_dir = state_dir
        self._lock = threading.Lock()
        self._found: Pepper | None = None
        if VARIABLE in environ:
            _check(self._text, VARIABLE)

    @property
    def is_lasting(self) -> bool:
        """Whether another process has the same pepper."""
        return bool(self._text) or self._state_dir is not None

    def get(self, *, may_replace: bool = False) -> Pepper:
        """Return the pepper. Call it outside of blocks of the database: it may have to look into it.

        Args:
            may_replace: Whether one may be made although there are keys of a lost one.

        Raises:
            PepperMissingError: If it is missing, and there are keys that were made with it.
            ConfigurationError: If it cannot be read, made, or is too short; says what to do.
        """
        if self._found is None:
            with self._lock:
                if self._found is None:
                    self._found = self._find(may_replace=may_replace)
        return self._found

    def look(self) -> None:
        """See whether the pepper could be had; unlike `get` this makes none.

        Raises:
            ConfigurationError: If it is there and cannot be used.
        """
        if self._found is None and not self._text and self._state_dir is not None:
            _read(self._state_dir / FILE_NAME)

    def _find(self, *, may_replace: bool) -> Pepper:
        if self._text:
            return Pepper(self._text.encode())
        if self._state_dir is None:
            return Pepper(secrets.token_bytes(_MIN_LENGTH))
        path = self._state_dir / FILE_NAME
        text = _read(path)
        if text is None:
            if not may_replace:
                self._before_making()
            _create(path, secrets.token_urlsafe(_MIN_LENGTH))
            text = _read(path)  # it may be another process's, which was faster
        if text is None:
            raise ConfigurationError(
                f"{path} was made and is gone again; keep the state folder in one place."
            )
        return Pepper(text.encode())


def _check(text: str, where: str) -> str:
    if len(text.encode()) < _MIN_LENGTH:
        raise ConfigurationError(
            f"{where} must hold at least {_MIN_LENGTH} characters, so that it cannot be guessed; {_MAKE_ONE}."
        )
    return text


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_FILE_BYTES)
        text = content.decode("ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{path} is not the text that Hookline wrote there; restore it from a backup. Without it no key "
            "can be checked."
        ) from None
    except OSError as exc:
        raise ConfigurationError(
            f"{path} cannot be read: {exc.strerror}. Make it readable for whoever runs Hookline."
        ) from exc
    if os.name == "posix" and stat.S_IMODE(mode) & 0o007:
        raise ConfigurationError(f"{path} can be read by everybody on this machine; run `chmod 600 {path}`.")
    return _check(text, str(path))


def _create(path: Path, text: str) -> None:
    """Write a file that nobody sees before it is whole, unless there is one by now."""
    beside = path.with_name(f"{FILE_NAME}.{os.getpid()}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)  # unlike a rename it never takes the place of another process's file
    except OSError as exc:
        raise ConfigurationError(
            f"{path} cannot be made: {exc.strerror}. Make the state folder writable, name another one in "
            f"HOOKLINE_STATE_DIR, or set {VARIABLE}; {_MAKE_ONE}."
        ) from exc
    finally:
        with suppress(OSError):
            beside.unlink()
