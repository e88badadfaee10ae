"""Recognises API keys and signed requests.

What is not remembered costs one query of the same form for every id, and a comparison in constant time:
whether the id exists cannot be told from the answer or from its time. Only after a match is the rest of the
key read. A key that was found valid is remembered for a few seconds by the BLAKE2b of the whole key, so a
revocation takes that long in other processes; in the one that revokes it works at once.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError, StoreUnavailableError
from hookline_auth.key_format import KeyText, is_key_id
from hookline_auth.key_memory import Holder, Memory
from hookline_auth.key_records import (
    MICROSECONDS,
    KeyRecord,
    UnreadableKeyError,
    principal_of,
    rights_of_chain,
)
from hookline_auth.pepper import PepperMissingError
from hookline_auth.refusals import RefusedError
from hookline_auth.rights import is_inside
from hookline_auth.signatures import NOT_SIGNED, SigningRule, SigningSecret, is_signed, verify

if TYPE_CHECKING:
    from hookline.clock import Clock
    from hookline.principal import InboundRequest, Principal
    from hookline_auth.key_store import KeyStore
    from hookline_auth.pepper import Pepper, PepperSource
    from hookline_auth.replays import Replays
    from hookline_auth.signing_secrets import SigningSafe

_log = logging.getLogger("hookline.auth")


class KeyRing:
    """Knows which keys are valid.

    Args:
        store: Returns where keys are stored; called when a key must be looked up.
        pepper: Finds the pepper.
        clock: What time it is.
        cache_s: For how many seconds a valid key is remembered.
        replays: Knows which signed requests were seen.
        noted: Tells by what a signed request is known when it comes again.
    """

    def __init__(
        self,
        store: Callable[[], KeyStore],
        pepper: PepperSource,
        clock: Clock,
        *,
        cache_s: float,
        replays: Replays,
        noted: Callable[[Mapping[str, str]], str],
    ) -> None:
        self._store = store
        self._pepper = pepper
        self._clock = clock
        self._cache_s = cache_s
        self._replays = replays
        self._noted = noted
        self._memory = Memory()
        self._safe: SigningSafe | None = None
        self._decoy = ""

    def forget(self) -> None:
        """Forget what is remembered, because a key was changed."""
        self._memory.clear()

    def find_by_key(self, key: KeyText, text: str, request: InboundRequest) -> Principal:
        """Return who holds a key.

        Args:
            key: Its parts.
            text: All of it.
            request: Where it came with.

        Raises:
            RefusedError: If it is not valid, or not for this request.
            StoreUnavailableError: If that cannot be found out.
        """
        now = self._clock.monotonic()
        holder = self._memory.find(_digest_of(text), lambda: self._look_up(key, now), now)
        return self._admit(holder, request)

    def find_remembered(self, text: str, request: InboundRequest) -> Principal | None:
        """Return who holds a key that was found valid a moment ago; None if it is another text.

        Args:
            text: All of it, in ASCII.
            request: Where it came with.

        Raises:
            RefusedError: If it is not for this request.
        """
        holder = self._memory.get(_digest_of(text), self._clock.monotonic())
        return None if holder is None else self._admit(holder, request)

    def _admit(self, holder: Holder, request: InboundRequest) -> Principal:
        if holder.networks:
            self._check_network(holder, request)
        rule = holder.rule
        if rule is not NOT_SIGNED and (rule.mode == "required" or is_signed(request.headers)):
            return self._take_signature(holder, request)
        return holder.principal

    def find_by_signature(self, key_id: str, request: InboundRequest) -> Principal:
        """Return whose key a request is signed for that carries no other credential.

        Raises:
            RefusedError: If it is not valid.
            StoreUnavailableError: If that cannot be found out.
        """
        if not is_key_id(key_id):
            raise RefusedError("malformed")
        if not is_signed(request.headers):
            raise RefusedError("not_signed", key_id=key_id)
        body = request.read_body()
        now = self._clock.monotonic()
        digest = hashlib.sha256(b"signed by " + key_id.encode()).digest()
        holder = self._memory.get(digest, now)
        if holder is None or not self._fits(holder.rule, request, body):
            generation = self._memory.generation
            holder = self._look_up_signer(key_id, request, body, now)
            self._memory.put(digest, holder, generation, now)
        self._check_network(holder, request)
        return self._take_signature(holder, request)

    def find_again(self, key_id: str) -> Principal:
        """Return who holds a key that was found valid before, with the rights that it has now.

        Raises:
            RefusedError: If it is not valid any more.
            StoreUnavailableError: If that cannot be found out.
        """
        return self._make_holder(self._read_chain(key_id), self._clock.monotonic()).principal

    def _look_up(self, key: KeyText, now: float) -> Holder:
        presented = self._find_pepper().hash(key.secret)
        store = self._store()
        hashes = store.hashes(key.id)
        is_current = hmac.compare_digest(hashes.current, presented)
        is_previous = hmac.compare_digest(hashes.previous, presented)
        if not (is_current or is_previous):
            raise RefusedError("wrong_secret" if hashes.is_known else "unknown_key", key_id=key.id)
        return self._make_holder(self._read_chain(key.id), now, by_previous=not is_current)

    def _look_up_signer(self, key_id: str, request: InboundRequest, body: bytes, now: float) -> Holder:
        safe = self._open_safe()
        stored = self._store().signing(key_id)
        # Nobody's signature takes the same work as that of somebody who signs with another secret.
        found, owner = (self._decoy, "") if stored is None else (stored, key_id)
        try:
            rule = safe.unlock(found, key_id=owner)
        except UnreadableKeyError as exc:
            _log.error("%s", exc)
            raise RefusedError("unreadable", key_id=key_id) from None
        try:
            verify(rule, request.headers, body, now_us=self._now_us())
        except RefusedError as exc:
            exc.key_id = key_id
            if stored is None:
                exc.reason = "unknown_key"
            raise
        if stored is None:  # a signature that fits a secret that nobody knows
            raise RefusedError("unknown_key", key_id=key_id)
        return self._make_holder(self._read_chain(key_id), now)

    def _read_chain(self, key_id: str) -> list[KeyRecord]:
        try:
            return self._store().chain(key_id)
        except UnreadableKeyError as exc:
            _log.error("%s", exc)
            raise RefusedError("unreadable", key_id=key_id) from None

    def _make_holder(self, chain: list[KeyRecord], now: float, *, by_previous: bool = False) -> Holder:
        if not chain:
            raise RefusedError("unknown_key")
        record, now_us = chain[0], self._now_us()
        facts = {"key_id": record.id, "tenant": record.tenant}
        reason = record.why_invalid(now_us)
        if reason is not None:
            raise RefusedError(reason, **facts)
        for maker in chain[1:]:
            reason = maker.why_invalid(now_us)
            if reason is not None:
                raise RefusedError("maker_revoked" if reason == "revoked" else "maker_expired", **facts)
        rights = rights_of_chain(chain)
        ends_us = [] if rights.expires_at_us is None else [rights.expires_at_us]
        if by_previous:
            if record.previous_until_us is None or record.previous_until_us <= now_us:
                raise RefusedError("rotated", **facts)
            ends_us.append(record.previous_until_us)
        lasts_s = min([self._cache_s, *((end - now_us) / MICROSECONDS for end in ends_us)])
        return Holder(
            principal=principal_of(chain, rights),
            networks=rights.networks,
            rule=self._rule_of(record),
            until=now + lasts_s,
        )

    def _rule_of(self, record: KeyRecord) -> SigningRule:
        if record.signing is None:
            return NOT_SIGNED
        try:
            return self._open_safe().unlock(record.signing, key_id=record.id)
        except UnreadableKeyError as exc:
            _log.error("%s", exc)
            raise RefusedError("unreadable", key_id=record.id, tenant=record.tenant) from None

    def _check_network(self, holder: Holder, request: InboundRequest) -> None:
        if holder.networks and not is_inside(request.client, holder.networks):
            principal = holder.principal
            raise RefusedError("network", key_id=principal.key_id, tenant=principal.tenant)

    def _fits(self, rule: SigningRule, request: InboundRequest, body: bytes) -> bool:
        try:
            verify(rule, request.headers, body, now_us=self._now_us())
        except RefusedError:
            return False
        return True

    def _take_signature(self, holder: Holder, request: InboundRequest) -> Principal:
        principal, now_us = holder.principal, self._now_us()
        try:
            message_id = verify(holder.rule, request.headers, request.read_body(), now_us=now_us)
            if message_id is not None:
                self._replays.take(principal.key_id, self._noted(request.headers), now_us=now_us)
        except RefusedError as exc:
            exc.key_id, exc.tenant = principal.key_id, principal.tenant
            raise
        return principal if message_id is None else replace(principal, delivery_id=message_id)

    def _now_us(self) -> int:
        return int(self._clock.now().timestamp() * MICROSECONDS)

    def _find_pepper(self) -> Pepper:
        try:
            return self._pepper.get()
        except (ConfigurationError, PepperMissingError) as exc:
            _log.error("%s", exc.message)
            raise StoreUnavailableError(
                "API keys cannot be checked now: the pepper is not to be had."
            ) from exc

    def _open_safe(self) -> SigningSafe:
        if self._safe is None:
            import os

            from hookline_auth.signing_secrets import SigningSafe

            safe = SigningSafe(self._find_pepper())
            nobody = SigningRule(mode="required", secrets=(SigningSecret(value=os.urandom(32)),))
            self._decoy = safe.lock(nobody, key_id="")
            self._safe = safe
        return self._safe


def _digest_of(text: str) -> bytes:
    """Return by what a key is remembered; BLAKE2b takes half as long here as SHA-256, which OpenSSL has."""
    return hashlib.blake2b(text.encode()).digest()
