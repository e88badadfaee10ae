"""Credentials that were read from Vault, kept for a while so that no call waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from hookline.connection import Secret
from hookline.errors import ConfigurationError, StoreUnavailableError, UpstreamCredentialError
from hookline_vault.references import WrongReferenceError, parse_reference
from hookline_vault.session import Session, VaultRefusedError, VaultUnreachableError

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline_vault.options import VaultOptions

_log = logging.getLogger("hookline.vault")

_PAUSE_S = 1.0
"""After a failure Vault is left alone for so long, and calls fail at once."""


@dataclass(kw_only=True, slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: str | None = field(default=None, repr=False)
    read_at_s: float = 0.0
    not_before_s: float = 0.0
    problem: Exception | None = None


class Shelf:
    """Finds credentials by reference, safe with threads.

    Args:
        options: How long they are kept.
        environ: Environment variables.
        clock: What time it is.
        start: Runs a function on another thread.
    """

    def __init__(
        self,
        options: VaultOptions,
        *,
        environ: Mapping[str, str],
        clock: Clock,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._options = options
        self._clock = clock
        self._session = Session(options, environ=environ, clock=clock)
        self._start = start or _start_thread
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def find(self, reference: str, *, name: str, origin: str) -> Secret:
        """Return the credential that a reference leads to.

        Args:
            reference: ``vault:mount/path#field``.
            name: Name of the connection, for messages.
            origin: Where the credential may be sent.

        Raises:
            UpstreamCredentialError: If Vault has none for us.
            StoreUnavailableError: If Vault does not answer, and what it said before is too old.
        """
        with self._lock:
            entry = self._entries.setdefault(reference, _Entry())
        now_s = self._clock.monotonic()
        age_s = now_s - entry.read_at_s
        if entry.value is None or age_s > max(self._options.max_stale_s, self._options.cache_s):
            self._read_now(entry, reference, name)
        elif age_s > self._options.cache_s and now_s >= entry.not_before_s:
            self._start(lambda: self._read_beside(entry, reference, name))
        if entry.value is None:  # a reading beside us found that there is none any more
            _fail(entry.problem, name)
        return Secret(entry.value, allowed_origins=frozenset({origin}))

    def close(self) -> None:
        """Close the connection to Vault."""
        self._session.close()

    def _read_now(self, entry: _Entry, reference: str, name: str) -> None:
        with entry.lock:  # one asks, the others take what it got
            now_s = self._clock.monotonic()
            if entry.value is not None and now_s - entry.read_at_s <= self._options.cache_s:
                return
            if entry.problem is None or now_s >= entry.not_before_s:
                self._read(entry, reference, name)
            if entry.problem is not None:
                _fail(entry.problem, name)

    def _read_beside(self, entry: _Entry, reference: str, name: str) -> None:
        if not entry.lock.acquire(blocking=False):
            return
        try:
            self._read(entry, reference, name)
        finally:
            entry.lock.release()

    def _read(self, entry: _Entry, reference: str, name: str) -> None:
        began_at_s = self._clock.monotonic()
        try:
            value = self._session.read(parse_reference(reference))
            if not all(0x21 <= ord(char) <= 0x7E for char in value):
                raise VaultRefusedError("it holds a character that cannot stand in a header")
        except (VaultRefusedError, VaultUnreachableError, WrongReferenceError, ConfigurationError) as exc:
            if entry.problem is None:  # not once per call
                why = exc.message if isinstance(exc, ConfigurationError) else exc
                _log.error("connection %r: %s: %s", name, reference, why)
            if not isinstance(exc, VaultUnreachableError):
                entry.value = None
            entry.problem = exc.with_traceback(None)
            entry.not_before_s = self._clock.monotonic() + _PAUSE_S
            return
        entry.value, entry.read_at_s, entry.problem = value, began_at_s, None


def _fail(problem: Exception | None, name: str) -> NoReturn:
    if isinstance(problem, VaultUnreachableError):
        raise StoreUnavailableError(
            f"The credential of the connection {name!r} is kept in a vault that does not answer.",
            reached_upstream=False,
        )
    raise UpstreamCredentialError(
        f"The credential of the connection {name!r} cannot be read from its vault.",
        code="credential_unreadable",
        hint="Your key for this gateway is fine. Whoever runs it must see to the vault; the log says what is "
        "wrong.",
        reached_upstream=False,
    )


def _start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="hookline-vault", daemon=True).start()
