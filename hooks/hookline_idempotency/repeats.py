"""What a request gets whose key was used before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hookline.errors import HooklineError, KeyReusedError, ReplyLostError, StillRunningError
from hookline.record import CallRecord
from hookline.store.seals import SealError
from hookline_idempotency.replies import unpack

if TYPE_CHECKING:
    from hookline.routes import Reply
    from hookline.store.seals import Seals
    from hookline_idempotency.keys import CallKey
    from hookline_idempotency.store import KeptRow

SEAL = "kept_replies"
"""First part of the label under which replies are sealed; the second is the row's id."""

_NAMES = {"header": "Idempotency-Key", "webhook": "webhook-id", "derived": "Idempotency-Key"}

_log = logging.getLogger("hookline.idempotency")


def give_again(found: KeptRow, fingerprint: str, key: CallKey, *, seals: Seals, now_us: int) -> Reply:
    """Return the reply that was kept for a key.

    Args:
        found: What is known of the key.
        fingerprint: Digest of what is asked for now.
        key: The key.
        seals: Opens the reply.
        now_us: What time it is, in microseconds since 1970.

    Raises:
        KeyReusedError: If something else was asked for with this key.
        StillRunningError: If the first request still runs.
        ReplyLostError: If it was sent, and there is no reply of it.
    """
    if found.fingerprint != fingerprint:
        name = _NAMES[key.kind]
        raise KeyReusedError(
            f"This `{name}` was used for another request: input, query or headers differ.", field=name
        )
    first = f"The first attempt ({found.call_id})"
    if found.state == "running":
        if found.lease_until_us > now_us:
            raise still_running((now_us - found.created_at_us) / 1_000_000)
        raise ReplyLostError(
            f"{first} was cut off after it may have reached the service: it may have been charged, and its "
            "answer is lost."
        )
    if found.state == "too_large":
        raise ReplyLostError(
            f"{first} was answered, and its answer was too large to keep.", code="reply_too_large"
        )
    if found.reply is None:
        raise ReplyLostError(f"{first} may have been charged, and its answer could not be kept.")
    try:
        packed = seals.unseal(found.reply, SEAL, found.id)
    except SealError as exc:
        _log.error("a kept reply cannot be opened: %s", exc.message)
        raise ReplyLostError(f"{first} was answered, and its answer cannot be opened any more.") from exc
    return unpack(packed, expires_at_us=found.expires_at_us)


def still_running(since_s: float) -> StillRunningError:
    """Return the error for a key whose first request still runs; the longer it runs, the longer the wait."""
    return StillRunningError(
        "The first request with this key still runs.",
        retry_after_s=float(min(10, max(1, int(since_s / 2)))),
    )


def described(error: HooklineError) -> HooklineError:
    """Return an error that says where it is described, as the draft on idempotency keys asks for."""
    if error.status < 500:
        link = f'</problems/{type(error).code}>; rel="describedby"'
        error.record = CallRecord(headers={"link": link})
    return error
