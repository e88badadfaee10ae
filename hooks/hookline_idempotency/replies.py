"""Replies as they are kept, and which of them are."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from email.utils import formatdate
from typing import TYPE_CHECKING

import orjson

from hookline.routes import Reply
from hookline.text import join_sentences

if TYPE_CHECKING:
    from hookline_idempotency.claims import Claim

REPLAYED = "idempotent-replayed"
EXPIRES = "idempotency-expires"

_HEAD = struct.Struct(">I")
# What these say changes with time or with the caller's circumstances: the same request may do better later.
_PASSING = frozenset({401, 402, 403, 409, 425, 429, 499, 503})
_FINAL_HINT = (
    "The call may have been charged. The same key always gets this answer; send another `Idempotency-Key` "
    "to run the call again."
)


def is_final(status: int, claim: Claim) -> bool:
    """Tell whether a reply is the last word for a key: success, or an error that trying again cannot mend.

    An error is kept if the service made it about the request itself, or if the call may have been paid for.
    Whether it may have been paid for is asked first: no status says that it was not.
    """
    if status < 400 or claim.may_have_cost():
        return True
    if status in _PASSING:
        return False
    if status < 500 and status != 408:
        return claim.attempts > 0
    if not claim.is_over and status == 504:  # it goes on without its caller
        return True
    if not claim.is_over and not claim.attempts and not claim.failures:  # it runs elsewhere, or never began
        return claim.is_sent
    return False


def as_final(reply: Reply) -> Reply:
    """Return a failure that is kept so that it says so: trying again with its key does not help."""
    if reply.status < 400 or not isinstance(reply.content, bytes):
        return reply
    headers = [(name, "false" if name == "x-should-retry" else value) for name, value in reply.headers]
    return Reply(status=reply.status, headers=headers, content=_as_final_body(reply.content))


def _as_final_body(content: bytes) -> bytes:
    try:
        body = orjson.loads(content)
    except ValueError:
        return content
    if not isinstance(body, dict) or body.get("retryable") is not True:
        return content
    message = join_sentences(str(body.get("detail", "")), _FINAL_HINT)
    return orjson.dumps({**body, "retryable": False, "hint": _FINAL_HINT, "message": message})


def pack(reply: Reply, content: bytes) -> bytes:
    """Return the bytes of a reply: what `unpack` needs to give it once more."""
    head = orjson.dumps(
        {
            "status": reply.status,
            "headers": reply.headers,
            "is_stream": not isinstance(reply.content, bytes),
        }
    )
    return b"".join((_HEAD.pack(len(head)), head, content))


def unpack(packed: bytes, *, expires_at_us: int) -> Reply:
    """Return a reply that was kept, marked as one that is given once more."""
    (length,) = _HEAD.unpack_from(packed)
    head = orjson.loads(packed[_HEAD.size : _HEAD.size + length])
    content = packed[_HEAD.size + length :]
    headers = [(str(name), str(value)) for name, value in head["headers"]]
    return Reply(
        status=head["status"],
        headers=[*headers, (REPLAYED, "true"), expiry(expires_at_us)],
        content=_once(content) if head["is_stream"] else content,
    )


def expiry(at_us: int) -> tuple[str, str]:
    """Return the header that tells when a key ends."""
    return EXPIRES, formatdate(at_us // 1_000_000, usegmt=True)


def _once(content: bytes) -> Iterator[bytes]:
    yield content
