"""Renewing one access token, in a thread of its own: whoever waits for it may leave, and it goes on.

A service that hands out a new refresh token with every access token has spent the old one as soon as it was
asked. A request that was cut with the call that needed it would lose the new one for good.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline import __version__
from hookline.call import Cancellation
from hookline.errors import HooklineError
from hookline_oauth.asking import ask_for_token
from hookline_oauth.client import read_client

if TYPE_CHECKING:
    from hookline import Connection, OAuth2Credential, Secret
    from hookline.gateway import Gateway
    from hookline_oauth.asking import Grant
    from hookline_oauth.client import Client
    from hookline_oauth.grants import GrantBook
    from hookline_oauth.options import OAuthOptions

_SHARE_OF_LIFE = 0.9
_log = logging.getLogger("hookline.oauth")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """An access token that was just had.

    Attributes:
        value: The token itself.
        left_s: For how long it is used.
    """

    value: str = field(repr=False)
    left_s: float


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


@dataclass(kw_only=True, slots=True, eq=False)
class Renewal:
    """One renewal; everybody who needs the token waits for the same one.

    Attributes:
        is_over: Set at its end, whatever it was.
        fetched: What was had; None as long as it runs, and if it failed.
        token: What was made of that.
        problem: Makes the error that it ended with, anew for everybody who waits.
    """

    is_over: threading.Event = field(default_factory=threading.Event)
    fetched: Fetched | None = None
    token: Token | None = None
    problem: Callable[[], Exception] | None = None


class Renewer:
    """Renews tokens, safe with threads.

    Args:
        gateway: Has the transport, the database and the clock.
        options: How long a token service is waited for, and tokens are kept.
    """

    def __init__(self, gateway: Gateway, options: OAuthOptions) -> None:
        self._gateway = gateway
        self._options = options
        self._lock = threading.Lock()
        self._book: GrantBook | None = None
        self._running: set[threading.Thread] = set()
        self._closing = Cancellation()

    def begin(
        self,
        connection: Connection,
        credential: OAuth2Credential,
        secret: Secret,
        *,
        refused: str | None,
        at_end: Callable[[Renewal], None],
    ) -> Renewal:
        """Return a renewal that has begun.

        Args:
            connection: The account.
            credential: How tokens are had.
            secret: The stored credential.
            refused: An access token that is not to be used any more.
            at_end: Called in the renewal's thread before those who wait are told.
        """
        renewal = Renewal()

        def run() -> None:
            try:
                renewal.fetched = self._fetch(connection, credential, secret, refused)
            except HooklineError as exc:
                renewal.problem = _again(exc)
            except Exception:
                _log.exception("the access token of the connection %r could not be renewed", connection.name)
                renewal.problem = _unexpected
            finally:
                try:
                    at_end(renewal)
                finally:
                    renewal.is_over.set()
                    with self._lock:
                        self._running.discard(thread)

        thread = threading.Thread(target=run, name="hookline-oauth", daemon=True)
        with self._lock:
            thread.start()
            self._running.add(thread)
        return renewal

    def close(self, *, within_s: float) -> None:
        """Let requests that are under way come to their end, so that no refresh token is lost.

        Args:
            within_s: Longest wait.
        """
        self._closing.cancel()
        clock = self._gateway.clock
        ends_at = clock.monotonic() + within_s
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join(max(0.0, ends_at - clock.monotonic()))

    # ------------------------------------------------------------ the parts

    def _fetch(
        self, connection: Connection, credential: OAuth2Credential, secret: Secret, refused: str | None
    ) -> Fetched:
        client = read_client(credential, secret, connection=connection.name)
        if client.refresh_token is None:
            grant = self._ask(connection, credential, client, None)
            return Fetched(value=grant.access_token, left_s=self._lifetime_s(grant))
        with self._grant_book().hold(connection, client, refused=refused, cancellation=self._closing) as held:
            if held.access_token is not None:
                return Fetched(value=held.access_token, left_s=held.left_s)
            grant = self._ask(connection, credential, client, held.refresh_token)
            lifetime_s = self._lifetime_s(grant)
            held.keep(grant, lifetime_s=lifetime_s)
            return Fetched(value=grant.access_token, left_s=lifetime_s)

    def _ask(
        self, connection: Connection, credential: OAuth2Credential, client: Client, refresh_token: str | None
    ) -> Grant:
        return ask_for_token(
            self._gateway.transport,
            credential,
            client,
            name=connection.name,
            clock=self._gateway.clock,
            refresh_token=refresh_token,
            user_agent=f"hookline/{__version__}",
            timeout_s=self._options.timeout_s,
        )

    def _lifetime_s(self, grant: Grant) -> float:
        """Return how long a token is used."""
        if grant.lifetime_s is None:
            return self._options.lifetime_s
        return max(grant.lifetime_s * _SHARE_OF_LIFE, grant.lifetime_s - self._options.renew_early_s)

    def _grant_book(self) -> GrantBook:
        with self._lock:
            if self._book is None:
                from hookline_oauth.grants import GrantBook

                self._book = GrantBook(
                    self._gateway.database,
                    self._gateway.seals,
                    self._gateway.clock,
                    lease_s=2 * self._options.timeout_s + 5,  # to connect, to be answered, and to spare
                )
            return self._book


def _again(error: HooklineError) -> Callable[[], HooklineError]:
    """Return what makes an error anew: one object must not be raised by many threads."""
    kind, message, code, hint = type(error), error.message, error.code, error.hint
    retry_after_s, reached_upstream = error.retry_after_s, error.reached_upstream

    def make() -> HooklineError:
        return kind(
            message, code=code, hint=hint, retry_after_s=retry_after_s, reached_upstream=reached_upstream
        )

    return make


def _unexpected() -> Exception:
    return RuntimeError("the access token could not be renewed; the log tells why")
