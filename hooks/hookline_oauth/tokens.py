"""The access tokens that are known, and the one thread that renews one of them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline import Secret, __version__
from hookline.connection import origin_of
from hookline.errors import HooklineError, StreamInterruptedError, UpstreamTimeoutError
from hookline_oauth.asking import ask_for_token
from hookline_oauth.client import read_client

if TYPE_CHECKING:
    from hookline import Call, Connection, OAuth2Credential
    from hookline.gateway import Gateway
    from hookline_oauth.asking import Grant
    from hookline_oauth.client import Client
    from hookline_oauth.grants import GrantBook
    from hookline_oauth.options import OAuthOptions

STATE = "oauth"
"""Where a call notes which token it used."""

MOST_ENTRIES = 10_000
_LOOK_EVERY_S = 0.25
_PAUSE_S = 1.0
"""After a failure a token service is left alone for so long, and calls fail at once."""
_SHARE_OF_LIFE = 0.9
_RENEWAL_PAUSE_S = 30.0
"""A token that was fetched because its forerunner was refused is not thrown away sooner for being refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """An access token.

    Attributes:
        value: The token itself.
        ends_at_s: When it is used no more, by the monotonic clock.
        replaces_refused: Whether it was fetched because the one before it was refused.
        fetched_at_s: When it was fetched.
    """

    value: str = field(repr=False)
    ends_at_s: float
    replaces_refused: bool
    fetched_at_s: float


@dataclass(kw_only=True, slots=True)
class Entry:
    """What is known for one connection and credential.

    Attributes:
        lock: Held by whoever renews.
        token: The newest one.
        refused: The last one that the service did not take.
        problem: Makes the error that the last try ended with.
        not_before_s: When it may be tried again.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: Token | None = None
    refused: str | None = field(default=None, repr=False)
    problem: Callable[[], HooklineError] | None = None
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
        self._gateway = gateway
        self._options = options
        self._clock = gateway.clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._book: GrantBook | None = None

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
        token = self._current(entry)
        if token is None:
            self._take(entry.lock, call)
            try:
                token = self._current(entry) or self._renew(call, connection, credential, secret, entry)
            finally:
                entry.lock.release()
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

    def _take(self, lock: threading.Lock, call: Call) -> None:
        """Wait for one's turn; whoever is first fetches for all."""
        while not lock.acquire(timeout=max(0.001, min(_LOOK_EVERY_S, call.remaining_s()))):
            call.check_deadline()
            if call.cancellation.is_cancelled:
                raise StreamInterruptedError(
                    "The caller left while the call waited for an access token.", reached_upstream=False
                )

    def _renew(
        self,
        call: Call,
        connection: Connection,
        credential: OAuth2Credential,
        secret: Secret,
        entry: Entry,
    ) -> Token:
        now_s = self._clock.monotonic()
        if entry.problem is not None and now_s < entry.not_before_s:
            raise entry.problem()
        try:
            client = read_client(credential, secret, connection=connection.name)
            if client.refresh_token is None:
                grant = self._ask(call, credential, client, None)
                token = self._token(grant, entry)
            else:
                token = self._renew_with_refresh_token(call, connection, credential, client, entry)
        except HooklineError as exc:
            if isinstance(exc, UpstreamTimeoutError) and call.remaining_s() <= 0:
                raise  # this call's own time was over, which is nothing to the others
            entry.problem = _again(exc)
            entry.not_before_s = self._clock.monotonic() + _PAUSE_S
            raise
        entry.problem = None
        entry.token = token
        return token

    def _renew_with_refresh_token(
        self,
        call: Call,
        connection: Connection,
        credential: OAuth2Credential,
        client: Client,
        entry: Entry,
    ) -> Token:
        book = self._grant_book()
        with book.hold(call, connection, client, refused=entry.refused) as held:
            if held.access_token is None:
                grant = self._ask(call, credential, client, held.refresh_token)
                lifetime_s = self._lifetime_s(grant)
                held.keep(grant, lifetime_s=lifetime_s)
                return self._token(grant, entry)
            return self._make_token(held.access_token, held.left_s, entry)

    def _ask(
        self, call: Call, credential: OAuth2Credential, client: Client, refresh_token: str | None
    ) -> Grant:
        return ask_for_token(
            self._gateway.transport,
            call,
            credential,
            client,
            refresh_token=refresh_token,
            user_agent=f"hookline/{__version__}",
            timeout_s=self._options.timeout_s,
        )

    def _lifetime_s(self, grant: Grant) -> float:
        """Return how long a token is used."""
        if grant.lifetime_s is None:
            return self._options.lifetime_s
        return max(grant.lifetime_s * _SHARE_OF_LIFE, grant.lifetime_s - self._options.renew_early_s)

    def _token(self, grant: Grant, entry: Entry) -> Token:
        return self._make_token(grant.access_token, self._lifetime_s(grant), entry)

    def _make_token(self, value: str, left_s: float, entry: Entry) -> Token:
        now_s = self._clock.monotonic()
        replaces_refused = entry.refused is not None
        entry.refused = None
        return Token(
            value=value, ends_at_s=now_s + left_s, replaces_refused=replaces_refused, fetched_at_s=now_s
        )

    def _grant_book(self) -> GrantBook:
        with self._lock:
            if self._book is None:
                from hookline_oauth.grants import GrantBook

                self._book = GrantBook(
                    self._gateway.database,
                    self._gateway.seals,
                    self._clock,
                    lease_s=2 * self._options.timeout_s + 5,  # to connect, to be answered, and to spare
                )
            return self._book


def _again(error: HooklineError) -> Callable[[], HooklineError]:
    """Return what makes an error anew: one object must not be raised by many threads."""

    def make() -> HooklineError:
        return type(error)(
            error.message,
            code=error.code,
            hint=error.hint,
            retry_after_s=error.retry_after_s,
            reached_upstream=error.reached_upstream,
        )

    return make
