"""What must hold of a key before it is made or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from hookline_auth.rights import Rights, excess
from hookline_auth.wanted import refuse

if TYPE_CHECKING:
    from hookline_auth.key_records import KeyRecord, SigningMode


def no_such_key(key_id: str) -> NotFoundError:
    """Return the error for a key that does not exist, or that is none of the actor's business."""
    return NotFoundError(
        f"There is no key {key_id[:64]!r}.",
        code="unknown_key",
        hint="`hookline keys list --all`, and `GET /keys?all=1` of a key with keys:admin, show the ids.",
    )


def damaged(key_id: str) -> InvalidInputError:
    """Return the error for a key whose row, or that of a maker, says nothing that can be relied on."""
    return InvalidInputError(
        f"The key {key_id}, or one that it descends from, is damaged in the database.",
        status=409,
        code="key_damaged",
        hint="It is not valid anyway. Make a new key.",
    )


def check_signing(makers: list[KeyRecord], mode: SigningMode) -> None:
    """Refuse a key that could do without signatures where its makers cannot."""
    if mode != "required" and any(maker.signing_mode == "required" for maker in makers):
        raise PermissionDeniedError(
            "A key cannot do without signatures if one that it descends from needs them.",
            field="signing.mode",
            hint='Ask for signatures with `"signing": {"mode": "required"}`.',
        )


def check_rights(rights: Rights, maker: Rights | None, now_us: int | None) -> None:
    """Refuse a key that may do nothing, has ended already, or would hold more than its maker.

    Args:
        rights: What it would hold.
        maker: What its maker holds; None if no key makes it.
        now_us: What time it is; None if its end is not to be looked at.

    Raises:
        InvalidInputError: If it makes no sense.
        PermissionDeniedError: If it is more than its maker has; names the field.
    """
    if not rights.scopes:
        refuse("scopes", "A key needs a scope; without one it may do nothing.")
    end = rights.expires_at_us
    if now_us is not None and end is not None and end <= now_us:
        refuse(
            "expires_at",
            "The key would have ended already; take a later time, such as `90d` for 90 days from now.",
        )
    beyond = excess(rights, maker) if maker is not None else []
    if beyond:
        raise PermissionDeniedError(
            f"A key cannot have what its maker has not: {'; '.join(one.message for one in beyond[:5])}.",
            field=beyond[0].field,
            hint="Ask for less, or make the key with one that may do this.",
        )


def check_alive(record: KeyRecord, now_us: int) -> None:
    """Refuse to go on with a key that has ended."""
    reason = record.why_invalid(now_us)
    if reason is not None:
        raise ended(record, reason)


def ended(record: KeyRecord, reason: str) -> InvalidInputError:
    """Return the error for a key that has ended."""
    how = "was revoked" if reason == "revoked" else "has expired"
    return InvalidInputError(
        f"The key {record.id} {how}.",
        status=409,
        code="key_ended",
        hint="Make a new key." if reason == "revoked" else "Give it a later end first, or make a new key.",
    )
