"""The access tokens that are known, and the one renewal that all wait for who need another."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline import Secret
from hookline.connection import origin_of
from hookline.errors import StreamInterruptedError
from hookline_oauth.renewing import Renewer, Token

if TYPE_CHECKING:
    from hookline import Call, Connection, OAuth2Credential
    from hookline.gateway import Gateway
    from hookline_oauth.options import OAuthOptions
    from hookline_oauth.renewing import Renewal

STATE = "oauth"
"""Where a call notes which token it used."""

MOST_ENTRIES = 10_000
_LOOK_EVERY_S = 0.25
_PAUSE_S = 1.0
"""After a failure a token service is left alone for so long, and calls fail at once."""
_CLOSING_S = 5.0
_RENEWAL_PAUSE_S = 30.0
"""A token that was fetched because its forerunner was refused is not thrown away sooner for being refused."""


@dataclass(kw_only=True, slots=True)
class Entry:
    """What is known for one connection and credential.

    Attributes:
        lock: Held for a moment by whoever looks for a token or puts one here.
        token: The newest one.
        renewal: The one that runs; None if none does.
        refused: The last one that the service did not take.
        problem: Makes the error that the last try ended with.
        not_before_s: When it may be tried again.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: Token | None = None
    renewal: Renewal | None = None
    refused: str | None = field(default=None, repr=False)
    problem: Callable[[], Exception] | None = None
    not_before_s: float = 0.0


@dataclass(kw_only=True, slots=True)
class Used:
    """What a call notes."""

    entry: Entry
    token: Token
    was_renewed: bool = False


class TokenDesk:
    """Hands out access tokens, safe with threads.

    Args:
        gateway: Has the transport, the database and the clock.
        options: How long tokens are waited for and kept.
    """

    def __init__(self, gateway: Gateway, options: OAuthOptions) -> None:
        self._clock = gateway.clock
        self._renewer = Renewer(gateway, options)
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()

    def find(
        self, call: Call, connection: Connection, credential: OAuth2Credential, secret: Secret
    ) -> Secret:
        """Return the access token of a connection, fetched if there is none that still holds.

        Args:
            call: Who needs it; nothing is waited for beyond its deadline.
            connection: The account.
            credential: How tokens are had.
            secret: The stored credential; it goes to the token service only.

        Raises:
            HooklineError: If there is none to be had; says why.
        """
        if origin_of(credential.token_url) not in secret.allowed_origins:
            raise RuntimeError("the credential may not be sent to the token service")
        entry = self._entry(connection, credential, secret)
        found = self._token_or_renewal(connection, credential, secret, entry)
        token = found if isinstance(found, Token) else self._wait(found, call)
        known = call.state.get(STATE)
        if isinstance(known, Used) and known.entry is entry:
            known.token = token
        else:
            call.state[STATE] = Used(entry=entry, token=token)
        return Secret(token.value, allowed_origins=frozenset({connection.origin}))

    def forget(self, call: Call) -> bool:
        """Throw away the token that a call was refused with; False if a new one would not help.

        Each call does so once, and a token that was just fetched for that reason is kept.
        """
        used = call.state.get(STATE)
        if not isinstance(used, Used) or used.was_renewed:
            return False
        used.was_renewed = True
        entry, token = used.entry, used.token
        age_s = self._clock.monotonic() - token.fetched_at_s
        if token.replaces_refused and age_s < _RENEWAL_PAUSE_S:
            return False
        if entry.token is token:
            entry.refused = token.value
            entry.token = None
        return True

    def close(self) -> None:
        """Let renewals that run come to their end, for a moment."""
        self._renewer.close(within_s=_CLOSING_S)

    # ------------------------------------------------------------ the parts

    def _entry(self, connection: Connection, credential: OAuth2Credential, secret: Secret) -> Entry:
        digest = hashlib.sha256(repr((connection.connector, connection.id, credential)).encode())
        digest.update(secret.reveal().encode())
        key = digest.digest()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = Entry()
                if len(self._entries) > MOST_ENTRIES:
                    self._entries.popitem(last=False)
            else:
                self._entries.move_to_end(key)
            return entry

    def _current(self, entry: Entry) -> Token | None:
        token = entry.token
        return token if token is not None and self._clock.monotonic() < token.ends_at_s else None

    def _token_or_renewal(
        self, connection: Connection, credential: OAuth2Credential, secret: Secret, entry: Entry
    ) -> Token | Renewal:
        """Return the token that holds, or the renewal to wait for; whoever is first begins it for all."""
        with entry.lock:
            token = self._current(entry)
            if token is not None:
                return token
            if entry.renewal is None:
                if entry.problem is not None and self._clock.monotonic() < entry.not_before_s:
                    raise entry.problem()
                entry.renewal = self._renewer.begin(
                    connection,
                    credential,
                    secret,
                    refused=entry.refused,
                    at_end=lambda renewal: self._put(renewal, entry),
                )
            return entry.renewal

    def _put(self, renewal: Renewal, entry: Entry) -> None:
        """Note what a renewal brought."""
        with entry.lock:
            entry.renewal = None
            entry.problem = renewal.problem
            now_s = self._clock.monotonic()
            if renewal.fetched is None:
                entry.not_before_s = now_s + _PAUSE_S
                return
            renewal.token = entry.token = Token(
                value=renewal.fetched.value,
                ends_at_s=now_s + renewal.fetched.left_s,
                replaces_refused=entry.refused is not None,
                fetched_at_s=now_s,
            )
            entry.refused = None

    def _wait(self, renewal: Renewal, call: Call) -> Token:
        """Return what a renewal brings; it goes on if this call waits no longer."""
        while not renewal.is_over.wait(max(0.001, min(_LOOK_EVERY_S, call.remaining_s()))):
            call.check_deadline()
            if call.cancellation.is_cancelled:
                raise StreamInterruptedError(
                    "The caller left while the call waited for an access token.", reached_upstream=False
                )
        if renewal.token is None:
            raise RuntimeError("no token was fetched") if renewal.problem is None else renewal.problem()
        return renewal.token
