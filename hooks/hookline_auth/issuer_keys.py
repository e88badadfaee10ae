"""The public keys of one issuer, fetched from one origin and kept for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from hookline.connection import origin_of
from hookline.errors import StoreUnavailableError
from hookline_auth.fetching import Fetch, FetchError
from hookline_auth.options import check_address

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    from hookline.clock import Clock

    PublicKey = RSAKey | ECKey | OKPKey

_log = logging.getLogger("hookline.auth")

REFETCH_S = 60.0
RETRY_S = 10.0
MAX_STALE_S = 86_400.0
_MAX_KEYS = 100
_MIN_RSA_BITS = 2048
_WELL_KNOWN = "/.well-known/openid-configuration"
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "Ed25519": "Ed25519"}


class IssuerKeys:
    """Fetches an issuer's keys when they are needed, and goes on with the old ones while it is down.

    A key that is not there makes them be fetched again, at most once a minute, whoever asks and however
    often. Keys that are older than ``max_age_s`` are renewed beside the calls that use them; older than a day
    they are not used any more.

    Args:
        issuer: Its name.
        url: Where its keys are; None for where its configuration says.
        fetch: Reads an address.
        clock: What time it is.
        max_age_s: When they are renewed.
        start: Runs something beside the calls.
    """

    def __init__(
        self,
        issuer: str,
        url: str | None,
        fetch: Fetch,
        clock: Clock,
        *,
        max_age_s: float,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._issuer = issuer
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._max_age_s = max_age_s
        self._start = start or _start_thread
        self._lock = threading.Lock()
        self._keys: list[PublicKey] = []
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    def find(self, *, kid: str | None, algorithm: str) -> PublicKey | None:
        """Return the key that a token says it is signed with; without a name the only one that suits.

        Raises:
            StoreUnavailableError: If no keys could be fetched so far, or none for a day.
        """
        age = self._age()
        if age is None or age > MAX_STALE_S:
            self._renew(wait_s=RETRY_S)
            age = self._age()
            if age is None or age > MAX_STALE_S:
                raise StoreUnavailableError(
                    "Tokens cannot be checked now: the keys of their issuer cannot be fetched."
                )
        elif age > self._max_age_s and self._may_try(REFETCH_S):
            self._start(lambda: self._renew(wait_s=REFETCH_S))
        found = self._pick(kid, algorithm)
        if found is None and self._may_try(REFETCH_S):
            self._renew(wait_s=REFETCH_S)
            found = self._pick(kid, algorithm)
        return found

    def _pick(self, kid: str | None, algorithm: str) -> PublicKey | None:
        suiting = [key for key in self._keys if _suits(key, algorithm)]
        if kid is not None:
            suiting = [key for key in suiting if key.kid == kid]
        return suiting[0] if len(suiting) == 1 else None

    def _age(self) -> float | None:
        return None if self._fetched_at is None else self._clock.monotonic() - self._fetched_at

    def _may_try(self, wait_s: float) -> bool:
        return self._tried_at is None or self._clock.monotonic() - self._tried_at >= wait_s

    def _renew(self, *, wait_s: float) -> None:
        """Fetch the keys, unless somebody tried a moment ago; one at a time, and the others wait for it."""
        with self._lock:
            if not self._may_try(wait_s):
                return
            try:
                self._keys = _read_keys(self._fetch(self._find_url()))
                self._fetched_at = self._clock.monotonic()
            except FetchError as exc:
                _log.error("the keys of %s cannot be fetched: %s", self._issuer, exc)
            finally:
                self._tried_at = self._clock.monotonic()

    def _find_url(self) -> str:
        if self._url is None:
            configuration = _read_object(self._fetch(self._issuer.rstrip("/") + _WELL_KNOWN))
            url = configuration.get("jwks_uri")
            if configuration.get("issuer") != self._issuer:
                raise FetchError("its configuration is another issuer's")
            if not isinstance(url, str) or not _is_of(url, self._issuer):
                raise FetchError("its configuration leads to another origin; set `jwks_url`")
            self._url = url
        return self._url


def _is_of(url: str, issuer: str) -> bool:
    try:
        check_address(url)
    except ValueError:
        return False
    return origin_of(url) == origin_of(issuer)


def _read_object(content: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise FetchError("what it sent is not JSON") from None
    if not isinstance(found, dict):
        raise FetchError("what it sent is not an object")
    return found


def _read_keys(content: bytes) -> list[PublicKey]:
    """Return the keys of a key set that signatures can be checked with; the others are left out."""
    entries = _read_object(content).get("keys")
    if not isinstance(entries, list):
        raise FetchError("what it sent is no key set")
    found = [_read_key(entry) for entry in entries[:_MAX_KEYS] if isinstance(entry, dict)]
    return [key for key in found if key is not None]


def _read_key(entry: dict[str, object]) -> PublicKey | None:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    kinds: dict[object, type[PublicKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    kind = kinds.get(entry.get("kty"))
    if kind is None or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    if kind is RSAKey and len(str(entry.get("n", ""))) * 6 < _MIN_RSA_BITS:  # base64 has 6 bits a character
        return None
    try:
        key: PublicKey = kind.import_key(entry)  # type: ignore[arg-type]  # garbage is refused there
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return key


def _suits(key: PublicKey, algorithm: str) -> bool:
    """Tell whether a key is one for an algorithm, and for no other."""
    if key.key_type != _KINDS.get(algorithm[:2]):
        return False
    named = key.get("alg")
    if named is not None and named != algorithm and {named, algorithm} != {"EdDSA", "Ed25519"}:
        return False
    curve = _CURVES.get(algorithm)
    return curve is None or key.get("crv") == curve


def _start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="hookline-issuer-keys", daemon=True).start()
