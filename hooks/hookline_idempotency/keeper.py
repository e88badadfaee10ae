"""Running a call once for its key."""

from __future__ import annotations

import logging
import secrets
from functools import cached_property
from typing import TYPE_CHECKING

from hookline.errors import HooklineError, StoreUnavailableError
from hookline.order import CALLBACK_URL, ITEMS
from hookline.routes import Reply
from hookline.store.seals import SealError
from hookline_idempotency.claims import FREED, LOST, TOO_LARGE, Claim, Outcome, RunningClaims
from hookline_idempotency.fingerprints import fingerprint_of, row_id_of
from hookline_idempotency.keys import find_key
from hookline_idempotency.leases import Leases
from hookline_idempotency.options import IdempotencyOptions
from hookline_idempotency.recording import RecordedStream
from hookline_idempotency.repeats import SEAL, described, give_again, still_running
from hookline_idempotency.replies import as_final, expiry, is_final, pack

if TYPE_CHECKING:
    from hookline.gateway import Gateway
    from hookline.order import Order, Proceed
    from hookline.principal import Principal
    from hookline_idempotency.store import KeptReplies, KeptRow

# With these a call may run as several, or as a job: its process is not the only one that knows of it.
_ELSEWHERE = frozenset({ITEMS, CALLBACK_URL, "prefer", "x-hookline-callback-url", "profile"})
_CLOSE_S = 3.0
_SWEEP_EVERY_S, _SWEEP_AGAIN_S = 60.0, 1.0
_SWEEP_ROWS = 200

_log = logging.getLogger("hookline.idempotency")


class Keeper:
    """Keeps replies for one gateway.

    Args:
        gateway: The gateway; its database is opened by the first call that has a key.

    Attributes:
        claims: The calls with a key that run in this process.
        leases: Shows that they run.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._clock = gateway.clock
        self._options = gateway.options_of(IdempotencyOptions)
        self.claims = RunningClaims()
        self.leases = Leases(
            self.claims, lambda: self._store, now_us=self._now_us, lease_s=self._options.base.lease_s
        )
        self._sweep_at = self._clock.monotonic()
        self._derives = (-1, False)

    @property
    def derives(self) -> bool:
        """Whether the key of any action is made from its input."""
        catalog = self._gateway.catalog
        version, found = self._derives
        if version != catalog.version:
            version, keys = catalog.version, ("", *self._options.key_ids)
            found = any(
                self._options.find(action_id=action.id, key_id=key).derive_from
                for action in catalog
                for key in keys
            )
            self._derives = version, found
        return found

    @cached_property
    def _store(self) -> KeptReplies:
        from hookline_idempotency.store import KeptReplies

        return KeptReplies(self._gateway.database)

    def run(self, principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
        """Return the reply to an order that has a key, which is run if it is the first; None without a key.

        Raises:
            HooklineError: If it is refused.
        """
        options = self._options.find(action_id=order.action_id, key_id=principal.key_id)
        try:
            key = find_key(principal, order, options) if options.enabled else None
            if key is None:
                return None
            connector = self._gateway.catalog.find(order.action_id).connector
            fingerprint = fingerprint_of(order, connector)
            id = row_id_of(principal, order, key, fingerprint)
            found = self._store.read(id)
            if found is None or found.is_free(self._now_us()):
                claim = self._claim(id, principal, order, fingerprint, options)
                if isinstance(claim, Claim):
                    return self._run_first(claim, order, proceed, options)
                found = claim
            return give_again(found, fingerprint, key, seals=self._gateway.seals, now_us=self._now_us())
        except HooklineError as error:
            raise described(error)  # noqa: B904  # it is the same error

    def close(self) -> None:
        """Write the ends that wait."""
        self.leases.close(_CLOSE_S)

    def send(self, claim: Claim) -> None:
        """Note that a call is about to reach the service, before it does.

        Raises:
            StoreUnavailableError: If that cannot be noted; then it must not be sent.
            StillRunningError: If another process runs the call by now.
        """
        if claim.is_sent:
            return
        if not self._store.mark_sent(claim):
            raise described(still_running(1.0))
        claim.is_sent = True

    # ------------------------------------------------------------ the first request with a key

    def _claim(
        self, id: str, principal: Principal, order: Order, fingerprint: str, options: IdempotencyOptions
    ) -> Claim | KeptRow:
        from hookline_idempotency.store import RUNNING

        now_us = self._now_us()
        may_run_elsewhere = (
            not _ELSEWHERE.isdisjoint(order.fields)
            or not _ELSEWHERE.isdisjoint(order.headers)
            or not _ELSEWHERE.isdisjoint(order.query)
        )
        claim = Claim(
            id=id,
            owner=secrets.token_hex(8),
            call_id=order.call_id,
            headers=order.headers,
            expires_at_us=now_us + options.keep_s * 1_000_000,
            is_sent=may_run_elsewhere,
        )
        values = {
            "id": id,
            "tenant": principal.tenant,
            "action": order.action_id,
            "key_id": principal.key_id,
            "call_id": order.call_id,
            "fingerprint": fingerprint,
            "state": RUNNING,
            "owner": claim.owner,
            "is_sent": claim.is_sent,
            "lease_until_us": self.leases.until_us(),
            "created_at_us": now_us,
            "expires_at_us": claim.expires_at_us,
            "reply": None,
        }
        found = self._store.claim(values, now_us=now_us)
        if found is not None:
            return found
        self.claims.add(claim)
        self.leases.watch()
        self._sweep(now_us)
        return claim

    def _run_first(self, claim: Claim, order: Order, proceed: Proceed, options: IdempotencyOptions) -> Reply:
        try:
            reply = proceed(order)
        except BaseException:  # this process is being ended
            self._end(claim, LOST if claim.is_sent else FREED)
            raise
        if not is_final(reply.status, claim):
            self._end(claim, FREED)
            return reply
        if isinstance(reply.content, bytes):
            reply = as_final(reply)
            assert isinstance(reply.content, bytes)  # it was before
            is_small = len(reply.content) <= options.max_reply_bytes
            self._keep(claim, reply, reply.content if is_small else None)
            reply.headers = [*reply.headers, expiry(claim.expires_at_us)]
            return reply
        return self._record(claim, reply, options)

    def _record(self, claim: Claim, reply: Reply, options: IdempotencyOptions) -> Reply:
        assert not isinstance(reply.content, bytes)  # the caller looked

        def went_well() -> bool:
            return claim.is_over and claim.error_code is None

        def end(content: bytes | None) -> None:
            if went_well():
                self._keep(claim, reply, content)
            else:  # it broke, and the caller was told so inside of it; or the gateway is being ended
                self._end(claim, FREED)

        stream = RecordedStream(
            reply.content,
            max_bytes=options.max_reply_bytes,
            ended=end,
            left=lambda: self._end(claim, FREED),
            is_over=went_well,
        )
        headers = [*reply.headers, expiry(claim.expires_at_us)]
        return Reply(status=reply.status, headers=headers, content=stream)

    def _keep(self, claim: Claim, reply: Reply, content: bytes | None) -> None:
        outcome = TOO_LARGE
        if content is not None:
            try:
                sealed = self._gateway.seals.seal(pack(reply, content), SEAL, claim.id)
                outcome = Outcome(state="kept", reply=sealed)
            except SealError as exc:
                _log.error("the reply of %s cannot be kept: %s", claim.call_id, exc.message)
                outcome = LOST
        self._end(claim, outcome)

    def _end(self, claim: Claim, outcome: Outcome) -> None:
        """Write how a call ended; what cannot be written now is written as soon as possible."""
        try:
            self._store.end(claim, outcome)
        except StoreUnavailableError as exc:
            _log.warning("the reply of %s is not kept yet: %s", claim.call_id, exc.message)
            claim.outcome = outcome
        except Exception:
            _log.exception("the reply of %s cannot be kept", claim.call_id)
            self.claims.remove(claim)
        else:
            self.claims.remove(claim)

    def _sweep(self, now_us: int) -> None:
        """Remove some rows whose time is over, now and then."""
        if self._clock.monotonic() < self._sweep_at:
            return
        self._sweep_at = self._clock.monotonic() + _SWEEP_EVERY_S
        try:
            if self._store.remove_old(now_us, limit=_SWEEP_ROWS) == _SWEEP_ROWS:
                self._sweep_at = self._clock.monotonic() + _SWEEP_AGAIN_S
        except StoreUnavailableError as exc:
            _log.warning("old replies could not be removed: %s", exc.message)
        except Exception:  # it is not the business of the call that happens to write
            _log.exception("old replies could not be removed")

    def _now_us(self) -> int:
        return int(self._clock.now().timestamp() * 1_000_000)
