"""All of the plugin for one gateway, put together; what needs the database is made when it is needed."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from hookline import __version__
from hookline.errors import HooklineError, StoreUnavailableError
from hookline.outbound.client import OutboundClient
from hookline.outbound.urls import OutboundRules, RefusedUrlError, read_url
from hookline.store.seals import SealError
from hookline_callbacks.acceptance import Door, split_mark
from hookline_callbacks.courier import Courier
from hookline_callbacks.deliveries import Delivery, delivery_id_of, to_us
from hookline_callbacks.parcel import make_parcel

if TYPE_CHECKING:
    from hookline.engine.resolver import Resolves
    from hookline.gateway import Gateway
    from hookline.job import Job
    from hookline.options import LayeredOptions
    from hookline_callbacks.carrier import Carrier
    from hookline_callbacks.delivery_store import DeliveryStore
    from hookline_callbacks.options import CallbacksOptions
    from hookline_callbacks.secret_store import SecretStore

_DAY_US = 86_400 * 1_000_000
_MB = 1_000_000
_UNKNOWN = "unknown"

_log = logging.getLogger("hookline.callbacks")


class PostOffice:
    """Takes results, and sees to it that they arrive.

    Args:
        gateway: Whose results.
        options: What is set.
        resolver: Finds addresses; by default the system's.

    Attributes:
        door: Checks orders.
        courier: Carries deliveries.
        client: Posts.
        base: What is set for all.
    """

    def __init__(
        self,
        gateway: Gateway,
        options: LayeredOptions[CallbacksOptions],
        *,
        resolver: Resolves | None = None,
    ) -> None:
        self.gateway = gateway
        self.base = options.base
        self._options = options
        rules = OutboundRules(
            allowed_hosts=self.base.allowed_hosts,
            allowed_ports=self.base.allowed_ports,
            allow_loopback=self.base.allow_loopback,
        )
        self.client = OutboundClient(rules, resolver=resolver)
        self.door = Door(self.client)
        self.courier = Courier(
            lambda: (self.deliveries, self._carrier), clock=gateway.clock, max_sending=self.base.max_sending
        )

    @cached_property
    def deliveries(self) -> DeliveryStore:
        """The rows of deliveries."""
        from hookline_callbacks.delivery_store import DeliveryStore

        return DeliveryStore(self.gateway.database)

    @cached_property
    def secrets(self) -> SecretStore:
        """What is signed with."""
        from hookline_callbacks.secret_store import SecretStore

        return SecretStore(self.gateway.database, self.gateway.seals)

    @cached_property
    def _carrier(self) -> Carrier:
        from hookline_callbacks.carrier import Carrier

        return Carrier(
            self.client,
            self.gateway.seals,
            self.secrets,
            clock=self.gateway.clock,
            timeout_s=self.base.timeout_s,
            retention_us=self.base.retention_days * _DAY_US,
            user_agent=f"hookline/{__version__}",
        )

    def now_us(self) -> int:
        """Return the present, in microseconds since 1970."""
        return to_us(self.gateway.clock.now())

    def expires_at_us(self) -> int:
        """Return when a delivery goes that is over now."""
        return self.now_us() + self.base.retention_days * _DAY_US

    def take(self, job: Job) -> Delivery | None:
        """Keep the result of a job for its receiver, and carry it soon; a second time changes nothing.

        Raises:
            StoreUnavailableError: If it cannot be kept now.
        """
        from hookline_callbacks.carrier import PAYLOAD_LABEL, URL_LABEL

        url, chosen = split_mark(job.callback_url or "")
        options = self._options.find(action_id=job.action_id, key_id=job.key_id)
        parcel = make_parcel(
            job,
            format="event" if chosen == "event" else "output" if chosen == "output" else options.format,
            max_bytes=int(options.max_body_mb * _MB),
            url_of=self.gateway.url_of,
        )
        id, now_us = delivery_id_of(job.id), self.now_us()
        delivery = Delivery(
            id=id,
            job_id=job.id,
            tenant=job.tenant,
            key_id=job.key_id,
            receiver=self._shown(url),
            state="waiting",
            attempts=0,
            next_at_us=now_us,
            created_at_us=now_us,
            ended_at_us=None,
            expires_at_us=self.expires_at_us(),
        )
        seal = self.gateway.seals.seal
        try:
            sealed_url, sealed = seal(url.encode(), URL_LABEL, id), seal(parcel.pack(), PAYLOAD_LABEL, id)
        except SealError as exc:
            raise StoreUnavailableError(
                f"The result of {job.id} cannot be kept for its receiver: {exc.message}."
            ) from exc  # whoever told of the job tells again
        kept = self.deliveries.add(
            delivery, url=sealed_url, payload=sealed, max_waiting=self.base.max_waiting
        )
        if kept.state == "failed":
            _log.warning("the result of %s is not posted: too many of its tenant wait", job.id)
        self.courier.wake()
        return kept

    def begin(self) -> None:
        """Carry what earlier processes left, and what others leave, if there may be anything."""
        try:
            is_made = self.gateway.database.is_made()
        except HooklineError:
            is_made = True  # it is looked for until it can be read
        if is_made:
            self.courier.begin()

    def close(self) -> None:
        """Stop carrying."""
        self.courier.close(self.base.shutdown_s)

    def _shown(self, url: str) -> str:
        """Return what may be shown of an address: scheme, host and port."""
        try:
            return read_url(url, self.client.rules).origin
        except RefusedUrlError:  # the settings were changed since it was accepted
            return _UNKNOWN
