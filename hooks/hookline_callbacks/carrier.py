"""One attempt of a delivery: opened, signed, posted, and judged by what came back."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.outbound.client import OutboundError
from hookline.outbound.urls import RefusedUrlError
from hookline.store.seals import SealError
from hookline_callbacks.deliveries import Attempt, to_us
from hookline_callbacks.parcel import Parcel
from hookline_callbacks.schedule import GONE, retry_after_of, wait_before
from hookline_callbacks.secret_store import open_all
from hookline_callbacks.signing import signature_headers

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.clock import Clock
    from hookline.outbound.client import OutboundAnswer, OutboundClient
    from hookline.store.seals import Seals
    from hookline_callbacks.deliveries import Delivery
    from hookline_callbacks.delivery_store import Claim
    from hookline_callbacks.secret_store import SecretStore

URL_LABEL = "deliveries.url"
PAYLOAD_LABEL = "deliveries.payload"


class Carrier:
    """Makes attempts.

    Args:
        client: Posts.
        seals: Opens addresses and contents.
        secrets: What is signed with.
        clock: What time it is.
        timeout_s: Bound on one attempt.
        retention_us: How long a delivery is kept after it is over, in microseconds.
        user_agent: Who posts.
        random: Returns numbers from 0 to 1.
    """

    def __init__(
        self,
        client: OutboundClient,
        seals: Seals,
        secrets: SecretStore,
        *,
        clock: Clock,
        timeout_s: float,
        retention_us: int,
        user_agent: str,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._seals = seals
        self._secrets = secrets
        self._clock = clock
        self._timeout_s = timeout_s
        self._retention_us = retention_us
        self._user_agent = user_agent
        self._random = random

    def attempt(self, claim: Claim, cancellation: Cancellation) -> Delivery:
        """Make one attempt, and return the delivery as it is afterwards.

        Raises:
            StoreUnavailableError: If the secrets cannot be read; nothing was sent.
        """
        began_at, began_s = self._clock.now(), self._clock.monotonic()
        answer: OutboundAnswer | None = None
        error: str | None = None
        try:
            answer = self._post(claim, cancellation, at_s=int(began_at.timestamp()))
        except (OutboundError, RefusedUrlError) as exc:
            error = str(exc)
        except (SealError, ValueError):
            error = "what was kept of it cannot be opened; a key of this gateway is missing"
        took_ms = max(0, round((self._clock.monotonic() - began_s) * 1000))
        status = None if answer is None else answer.status
        if status is not None and not 200 <= status < 300:
            error = _words_for(status)
        attempt = Attempt(at_us=to_us(began_at), status=status, took_ms=took_ms, error=error)
        after = replace(
            claim.delivery,
            attempts=claim.delivery.attempts + 1,
            history=(*claim.delivery.history, attempt),
        )
        return self._judge(after, answer, is_delivered=error is None)

    def _post(self, claim: Claim, cancellation: Cancellation, *, at_s: int) -> OutboundAnswer:
        delivery = claim.delivery
        url = self._seals.unseal(claim.url, URL_LABEL, delivery.id).decode()
        parcel = Parcel.unpack(self._seals.unseal(claim.payload, PAYLOAD_LABEL, delivery.id))
        records = self._secrets.signing(delivery.tenant, now_us=at_s * 1_000_000)
        secrets = open_all(self._secrets, delivery.tenant, records)
        signed = signature_headers(parcel.content, message_id=delivery.id, at_s=at_s, secrets=secrets)
        headers = {**parcel.headers, **signed, "user-agent": self._user_agent}
        return self._client.post(
            url, parcel.content, headers=headers, timeout_s=self._timeout_s, cancellation=cancellation
        )

    def _judge(self, after: Delivery, answer: OutboundAnswer | None, *, is_delivered: bool) -> Delivery:
        now = self._clock.now()
        now_us = to_us(now)
        over = {"ended_at_us": now_us, "expires_at_us": now_us + self._retention_us}
        if is_delivered:
            return replace(after, state="delivered", **over)  # type: ignore[arg-type]  # all are numbers
        if answer is not None and answer.status == GONE:
            return replace(after, state="stopped", **over)  # type: ignore[arg-type]  # all are numbers
        asked_s = None
        if answer is not None:
            asked_s = retry_after_of(answer.status, answer.headers.get("retry-after"), now=now)
        wait_s = wait_before(after.attempts, random=self._random, retry_after_s=asked_s)
        if wait_s is None:
            return replace(after, state="failed", **over)  # type: ignore[arg-type]  # all are numbers
        return replace(after, next_at_us=now_us + int(wait_s * 1_000_000))


def _words_for(status: int) -> str:
    if status == GONE:
        return "it answered 410: it wants no more of this"
    if 300 <= status < 400:
        return f"it answered {status}, a redirect, which is not followed"
    return f"it answered {status}"
