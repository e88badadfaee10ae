"""What people do about deliveries and their secrets, over HTTP or by command: each deed is written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError
from hookline.store.seals import SealError
from hookline_callbacks.deliveries import told_time
from hookline_callbacks.signing import show_secret

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hookline.action import JsonObject
    from hookline_callbacks.deliveries import Delivery
    from hookline_callbacks.post_office import PostOffice
    from hookline_callbacks.secret_store import SecretRecord


def redeliver(
    office: PostOffice, delivery: Delivery, *, actor: str, client: str, is_carried: bool = True
) -> Delivery | None:
    """Make a delivery due now, and note who did it; None if it is gone.

    Args:
        office: All of the plugin.
        delivery: Which one.
        actor: Who does it.
        client: Network address that it comes from.
        is_carried: Whether this process carries it; otherwise one that serves does.
    """

    def note(connection: Connection) -> None:
        office.gateway.audit.append_to(
            connection,
            actor=actor,
            action="callback.redeliver",
            target=delivery.id,
            tenant=delivery.tenant,
            client=client,
            details={"job": delivery.job_id, "receiver": delivery.receiver, "state": delivery.state},
        )

    again = office.deliveries.send_again(
        delivery.id, now_us=office.now_us(), expires_at_us=office.expires_at_us(), note=note
    )
    if again is not None and is_carried:
        office.courier.wake()
    return again


def tell_secrets(
    office: PostOffice, tenant: str, *, is_shown: bool, actor: str, client: str
) -> list[JsonObject]:
    """Return the secrets of a tenant for programs, newest first; who is shown them is noted."""
    now_us = office.now_us()
    with _telling_of_seals():
        if not is_shown:
            return [_about(one) for one in office.secrets.find(tenant, now_us=now_us)]
        records = office.secrets.signing(tenant, now_us=now_us)
        office.gateway.audit.append(
            actor=actor,
            action="callback_secret.reveal",
            target=tenant,
            tenant=tenant,
            client=client,
            details={"ids": [one.id for one in records]},
        )
        return [{**_about(one), "secret": show_secret(office.secrets.reveal(tenant, one))} for one in records]


def rotate_secret(office: PostOffice, tenant: str, *, grace_s: int, actor: str, client: str) -> JsonObject:
    """Make a new secret, and return it for programs; who did it is noted."""

    def note(connection: Connection, id: str) -> None:
        office.gateway.audit.append_to(
            connection,
            actor=actor,
            action="callback_secret.rotate",
            target=tenant,
            tenant=tenant,
            client=client,
            details={"id": id, "grace_s": grace_s},
        )

    with _telling_of_seals():
        made = office.secrets.rotate(tenant, grace_s=grace_s, now_us=office.now_us(), note=note)
        return {**_about(made), "secret": show_secret(office.secrets.reveal(tenant, made))}


def _about(record: SecretRecord) -> JsonObject:
    return {
        "id": record.id,
        "created_at": told_time(record.created_at_us),
        "retires_at": told_time(record.retires_at_us),
    }


@contextmanager
def _telling_of_seals() -> Iterator[None]:
    try:
        yield
    except SealError as exc:
        raise StoreUnavailableError(
            f"A secret cannot be sealed or opened: {exc.message}.",
            hint="Whoever runs this gateway must put the key back, or renew the secret.",
        ) from exc
