"""All that knows callers in one gateway, put together from its settings; parts are made on first use."""

from __future__ import annotations

import logging
import threading
from functools import cached_property
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError, HooklineError
from hookline_auth.authenticator import Authenticator
from hookline_auth.options import AuthOptions
from hookline_auth.pepper import PepperMissingError, PepperSource
from hookline_auth.refusals import Refusals
from hookline_auth.static_keys import StaticKeys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hookline.action import JsonObject
    from hookline.gateway import Gateway
    from hookline_auth.desk import KeyDesk
    from hookline_auth.fetching import Fetch
    from hookline_auth.key_records import KeyRecord
    from hookline_auth.key_ring import KeyRing
    from hookline_auth.key_store import KeyStore
    from hookline_auth.replays import Replays
    from hookline_auth.web_tokens import WebTokens

_log = logging.getLogger("hookline.auth")

KNOWN_SCOPES = frozenset(
    {
        "actions:run",
        "catalog:read",
        "usage:read",
        "usage:admin",
        "keys:admin",
        "connections:admin",
        "connections:test",
        "audit:read",
        "callbacks:admin",
        "metrics:read",
    }
)


class Callers:
    """Recognises the callers of one gateway, and makes their keys.

    Args:
        gateway: The gateway.
        fetch: Reads an address; over the network by default.

    Raises:
        ConfigurationError: If a static key, the pepper of the environment or an issuer is not usable.
    """

    def __init__(self, gateway: Gateway, *, fetch: Fetch | None = None) -> None:
        self.options = gateway.options_of(AuthOptions).base
        self.static = StaticKeys([key.get_secret_value() for key in gateway.settings.api_keys])
        self.pepper = PepperSource(gateway.environ, gateway.state_dir, before_making=self._refuse_new_pepper)
        self._gateway = gateway
        self._fetch = fetch
        self._lock = threading.RLock()
        self._ring: KeyRing | None = None
        self.authenticator = Authenticator(
            static=self.static,
            ring=self.ring,
            tokens=self._make_tokens(),
            refusals=Refusals(
                gateway.clock, per_minute=self.options.failures_per_minute, audit=gateway.audit
            ),
        )

    @cached_property
    def store(self) -> KeyStore:
        """Where keys are stored. Loads SQLAlchemy."""
        from hookline_auth.key_store import KeyStore

        return KeyStore(self._gateway.database)

    @cached_property
    def replays(self) -> Replays:
        """The signed requests that were seen."""
        from hookline_auth.replays import Replays

        return Replays(lambda: self.store)

    @cached_property
    def desk(self) -> KeyDesk:
        """Where keys are made and changed."""
        from hookline_auth.desk import KeyDesk

        gateway = self._gateway
        return KeyDesk(
            gateway.database,
            gateway.audit,
            self.pepper,
            gateway.clock,
            scopes=lambda: KNOWN_SCOPES | {route.scope for route in gateway.routes if route.scope},
            on_change=self._forget,
        )

    def noted(self, headers: Mapping[str, str]) -> str:
        """Return by what a signed request is known when it comes again."""
        from hookline_auth.signatures import ID_HEADER, TIMESTAMP_HEADER

        id = headers.get(ID_HEADER, "")
        # No id holds a dot. What is sent again with the same time is a copy, whoever sent it.
        return f"{id}.{headers.get(TIMESTAMP_HEADER, '')}" if self.options.redeliveries else id

    def ring(self) -> KeyRing:
        """Return the API keys."""
        if self._ring is None:
            with self._lock:
                if self._ring is None:
                    from hookline_auth.key_ring import KeyRing

                    self._ring = KeyRing(
                        lambda: self.store,
                        self.pepper,
                        self._gateway.clock,
                        cache_s=self.options.cache_s,
                        replays=self.replays,
                        noted=self.noted,
                    )
        return self._ring

    def _refuse_new_pepper(self) -> None:
        if self.is_in_use and self.store.has_keys():
            raise PepperMissingError

    def _forget(self) -> None:
        if self._ring is not None:
            self._ring.forget()

    def _make_tokens(self) -> WebTokens | None:
        if not self.options.issuers:
            return None
        try:
            import joserfc  # noqa: F401
        except ImportError:
            raise ConfigurationError(
                "plugins.auth.issuers: tokens need the extra `auth`; install `hookline[auth]`."
            ) from None
        from hookline_auth.fetching import fetch
        from hookline_auth.issuer_keys import IssuerKeys
        from hookline_auth.web_tokens import WebTokens

        clock = self._gateway.clock
        issuers = [
            (
                issuer,
                IssuerKeys(
                    issuer.issuer,
                    issuer.jwks_url,
                    self._fetch or fetch,
                    clock,
                    max_age_s=self.options.jwks_max_age_s,
                ),
            )
            for issuer in self.options.issuers
        ]
        return WebTokens(issuers, clock, cache_s=self.options.cache_s)

    def describe(self, records: Sequence[KeyRecord], *, now_us: int) -> list[JsonObject]:
        """Return keys as programs read them, with what their makers leave of them."""
        from hookline_auth.key_records import describe

        chains = self.store.chains(records)
        return [describe(record, now_us=now_us, chain=chains[record.id]) for record in records]

    @property
    def is_lasting(self) -> bool:
        """Whether a key that is made now is known to any other process."""
        database = self._gateway.database
        is_kept = database.path is not None or database.dialect == "postgresql"
        return is_kept and self.pepper.is_lasting

    def pepper_id(self) -> str:
        """Return which pepper keys are checked with; empty if it is missing although there are keys."""
        try:
            return self.pepper.get().id
        except PepperMissingError:
            return ""

    def look_for_other_peppers(self) -> int:
        """Return how many keys were made with another pepper, and say so in the log.

        Raises:
            HooklineError: If that cannot be found out.
        """
        count = self.store.count_of_other_peppers(self.pepper_id())
        if count:
            _log.error(
                "%d keys were made with another pepper and are not valid here: restore the file key.pepper "
                "or HOOKLINE_KEY_PEPPER of the installation they come from, or make new ones",
                count,
            )
        return count

    def check(self) -> str | None:
        """Return why keys cannot be checked now, for anybody to read; asking makes no file."""
        try:
            self.pepper.look()
        except ConfigurationError:
            return "the pepper of the keys cannot be read"
        return None

    def has_callers(self) -> bool:
        """Tell whether anybody may hold a credential other than a static key."""
        if self.options.issuers:
            return True
        try:
            return self.is_in_use and self.store.has_keys()
        except HooklineError as exc:
            _log.warning("whether there are keys cannot be found out now: %s", exc.message)
            return True  # they are asked for as if there were some

    @property
    def is_in_use(self) -> bool:
        """Whether there is a database that keys may be in; asking does not make one.

        Raises:
            ConfigurationError: If its folder may not be looked into.
        """
        return self._gateway.database.is_made()

    def warm_up(self) -> None:
        """Load what the first key would have to wait for, and say if the keys are another installation's."""
        try:
            self.look_for_other_peppers()
        except HooklineError as exc:
            _log.warning("keys cannot be looked up now: %s", exc.message)
        except Exception:  # nobody waits for this thread, and nothing depends on it
            _log.exception("keys cannot be looked up now")
