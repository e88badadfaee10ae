"""Credentials that are not valid: one answer for all, the reason in the audit log, no flood of either."""

from __future__ import annotations

import ipaddress
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hookline.errors import AuthenticationError, HooklineError, RateLimitedError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.clock import Clock
    from hookline.store.audit import AuditLog

_log = logging.getLogger("hookline.auth")

_WINDOW_S = 60.0
_MAX_CLIENTS = 10_000
_MAX_EVENTS = 300
_IPV6_NETWORK = 64

Reason = Literal[
    "malformed",
    "ambiguous",
    "unknown",
    "unknown_key",
    "wrong_secret",
    "rotated",
    "revoked",
    "expired",
    "maker_revoked",
    "maker_expired",
    "unreadable",
    "network",
    "not_signed",
    "bad_signature",
    "stale",
    "replayed",
    "token",
]
"""Why a credential is not valid; for the audit log only."""


class RefusedError(Exception):
    """A credential is not valid.

    Args:
        reason: Why; the caller is not told.
        key_id: Which key it names, if it has the form of one.
        tenant: Whose it is, once it was proved that somebody holds it.
        detail: More about the reason, in fixed words.
    """

    def __init__(self, reason: Reason, *, key_id: str = "", tenant: str = "", detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.key_id = key_id
        self.tenant = tenant
        self.detail = detail


@dataclass(slots=True)
class _Window:
    ends_at: float
    count: int = 0


class Refusals:
    """Answers credentials that are not valid.

    Whoever fails too often from one address is told to wait, whatever kind of credential it was; a valid one
    from the same address still passes, because it never gets here. Events are bounded as well: an address
    that was told to wait leaves no more until its minute is over, and all together leave some hundred.

    Args:
        clock: What time it is.
        per_minute: Failures of one address in a minute that get the plain answer.
        audit: Where the reasons are written; None for nowhere.
    """

    def __init__(self, clock: Clock, *, per_minute: int, audit: AuditLog | None) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._audit = audit
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._events = _Window(ends_at=0.0)
        self._unwritten = 0

    def answer(self, refused: RefusedError, *, client: str) -> HooklineError:
        """Return what the caller is told, and note the reason."""
        now = self._clock.monotonic()
        with self._lock:
            window = self._window_of(client, now)
            window.count += 1
            is_quiet = window.count > self._per_minute + 1
            unwritten = None if is_quiet else self._may_write(now)
        if unwritten is not None:
            self._note(refused, client=client, is_last=window.count > self._per_minute, unwritten=unwritten)
        if window.count > self._per_minute:
            return RateLimitedError(
                "This address has sent too many requests without a valid API key.",
                code="too_many_failures",
                retry_after_s=max(1.0, window.ends_at - now),
            )
        return AuthenticationError("This request carries no valid API key.")

    def _window_of(self, client: str, now: float) -> _Window:
        name = _neighbourhood(client)
        window = self._windows.get(name)
        if window is None or window.ends_at <= now:
            self._windows.pop(name, None)
            if len(self._windows) >= _MAX_CLIENTS:
                del self._windows[next(iter(self._windows))]  # the one that began first
            window = self._windows[name] = _Window(ends_at=now + _WINDOW_S)
        return window

    def _may_write(self, now: float) -> int | None:
        """Return how many events were left out before this one, or None if it is left out, too."""
        if self._events.ends_at <= now:
            self._events = _Window(ends_at=now + _WINDOW_S)
        self._events.count += 1
        if self._events.count > _MAX_EVENTS:
            self._unwritten += 1
            return None
        unwritten, self._unwritten = self._unwritten, 0
        return unwritten

    def _note(self, refused: RefusedError, *, client: str, is_last: bool, unwritten: int) -> None:
        details: JsonObject = {"reason": refused.reason}
        if refused.detail:
            details["detail"] = refused.detail
        if refused.key_id:
            details["key_id"] = refused.key_id
        if is_last:
            details["is_told_to_wait"] = True
        if unwritten:
            details["left_out_before"] = unwritten
        _log.info("a credential was refused: %s, key %s", refused.reason, refused.key_id or "unknown")
        if self._audit is None:
            return
        try:
            self._audit.append_later(
                actor="unknown",
                action="auth.refused",
                target=refused.key_id,
                tenant=refused.tenant,
                client=client,
                details=details,
            )
        except Exception:  # the answer must not depend on whether it could be noted
            _log.exception("a refused credential could not be noted")


def _neighbourhood(client: str) -> str:
    """Return what counts as one address: of IPv6 all that one connection to the internet usually gets."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))
