"""Reading one credential from one file, now and then again, because what is mounted may be replaced."""

from __future__ import annotations

import logging
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.connection import Secret
from hookline.errors import UpstreamCredentialError

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline_secret_files.options import SecretFilesOptions

_log = logging.getLogger("hookline.secret_files")


class UnusableFileError(Exception):
    """A file holds no credential that can be used; says why, without anything that it holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    secret: Secret
    at_s: float


class SecretFiles:
    """The files of one gateway, safe with threads.

    Args:
        options: How often they are read, and how much of them.
        clock: What time it is.
    """

    def __init__(self, options: SecretFilesOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._read: dict[tuple[str, str], _Read] = {}
        self._warned: set[str] = set()

    def find(self, reference: str, *, name: str, origin: str) -> Secret:
        """Return the credential that a reference leads to.

        Args:
            reference: ``file:`` and an absolute path.
            name: Name of the connection, for messages.
            origin: Where the credential may be sent.

        Raises:
            UpstreamCredentialError: If there is none. What was there before is not used.
        """
        now_s = self._clock.monotonic()
        known = self._read.get((reference, origin))
        if known is not None and now_s - known.at_s < self._options.reload_s:
            return known.secret
        with self._lock:
            try:
                value = self._content_of(_path_of(reference))
            except (UnusableFileError, OSError) as exc:
                self._read.pop((reference, origin), None)
                why = exc.strerror if isinstance(exc, OSError) else exc
                _log.error("connection %r: %s: %s", name, reference, why)
                raise UpstreamCredentialError(
                    f"The credential of the connection {name!r} cannot be read from its file.",
                    code="credential_unreadable",
                    hint="Your key for this gateway is fine. Whoever runs it must see to the file; the log "
                    "says what is wrong.",
                    reached_upstream=False,
                ) from None
            secret = Secret(value, allowed_origins=frozenset({origin}))
            self._read[reference, origin] = _Read(secret=secret, at_s=now_s)
            return secret

    def _content_of(self, path: Path) -> str:
        real = path.resolve(strict=True)  # mounted secrets are links, which are replaced as a whole
        folders = [Path(folder).resolve() for folder in self._options.folders]
        if folders and not any(real.is_relative_to(folder) for folder in folders):
            raise UnusableFileError("it is in none of the folders of `plugins.secret_files.folders`")
        # Without waiting: a pipe in place of a file would hold every call up.
        descriptor = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise UnusableFileError("it is no file")
            content = file.read(self._options.max_bytes + 1)
        if mode & 0o007 and str(path) not in self._warned:
            self._warned.add(str(path))
            _log.warning("%s can be read by everybody on this machine; run: chmod o= %s", path, path)
        if len(content) > self._options.max_bytes:
            raise UnusableFileError(f"it is larger than {self._options.max_bytes:,} bytes")
        return _credential_of(content)


def _path_of(reference: str) -> Path:
    text = reference.removeprefix("file:")
    if text.startswith("///"):
        text = text[2:]
    path = Path(text)
    if text.startswith("//") or not path.is_absolute():
        raise UnusableFileError("write file: and an absolute path")
    return path


def _credential_of(content: bytes) -> str:
    text = content.rstrip(b"\r\n")
    if not text:
        raise UnusableFileError("it is empty")
    if not all(0x21 <= byte <= 0x7E for byte in text):
        raise UnusableFileError("it holds a space, a line break or a character that cannot stand in a header")
    return text.decode("ascii")
