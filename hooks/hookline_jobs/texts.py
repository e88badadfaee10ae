"""What is kept of an order and of a reply, as bytes: JSON and never pickle."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import orjson

from hookline import Caps, KeyLimits, Order, Principal, Reply, parse_limit
from hookline.principal import ANYTHING

if TYPE_CHECKING:
    from hookline.action import JsonObject

# What says how the first answer is given, and holds for that one only.
_LEFT_OUT = frozenset({"prefer", "idempotency-key", "x-hookline-callback-url", "content-length", "host"})
_HEADERS_LEFT_OUT = frozenset({"content-length", "transfer-encoding", "connection"})


def dump_order(
    principal: Principal, order: Order, fields: JsonObject, *, is_simulated: bool = False
) -> bytes:
    """Return what a worker needs to run an order for its caller; no credential is among it.

    Args:
        principal: The caller.
        order: The order.
        fields: Its input without what says how it is answered.
        is_simulated: Whether the gateway that takes it in simulates every service.
    """
    caller = asdict(principal)
    caller["scopes"] = sorted(principal.scopes)
    caller["limits"] = [
        {"key_id": limits.key_id, "limits": [str(limit) for limit in limits.limits]}
        for limits in principal.limits
    ]
    return orjson.dumps(
        {
            "is_simulated": is_simulated,
            "principal": caller,
            "order": {
                "action_id": order.action_id,
                "fields": fields,
                "headers": {name: value for name, value in order.headers.items() if name not in _LEFT_OUT},
                "call_id": order.call_id,
                "client": order.client,
            },
        }
    )


def load_order(content: bytes) -> tuple[Principal, Order, bool]:
    """Return what `dump_order` was given: the caller, the order, and whether it is to be simulated."""
    kept = orjson.loads(content)
    caller = kept["principal"]
    caller["scopes"] = frozenset(caller["scopes"])
    caller["caps"] = Caps(**caller["caps"])
    caller["limits"] = tuple(
        KeyLimits(key_id=one["key_id"], limits=tuple(parse_limit(text) for text in one["limits"]))
        for one in caller["limits"]
    )
    for name in ("actions", "models", "connections"):
        caller[name] = tuple(caller[name])
    for name in ("actions", "models"):
        if caller[name] == ANYTHING:
            caller[name] = ANYTHING  # the very one, which is found out fastest
    return Principal(**caller), Order(**kept["order"]), bool(kept["is_simulated"])


def dump_reply(reply: Reply) -> bytes:
    """Return a reply whose content is whole."""
    assert isinstance(reply.content, bytes)  # a stream is joined before it is kept
    headers = [pair for pair in reply.headers if pair[0].lower() not in _HEADERS_LEFT_OUT]
    return orjson.dumps({"status": reply.status, "headers": headers}) + b"\n" + reply.content


def load_reply(content: bytes) -> Reply:
    """Return what `dump_reply` was given."""
    head, _, body = content.partition(b"\n")
    found = orjson.loads(head)
    headers = [(str(name), str(value)) for name, value in found["headers"]]
    return Reply(status=found["status"], headers=headers, content=body)


def whole(reply: Reply) -> Reply:
    """Return a reply whose content is one piece, and close what it was read from."""
    if isinstance(reply.content, bytes):
        return reply
    pieces = reply.content
    try:
        content = b"".join(pieces)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    return Reply(status=reply.status, headers=reply.headers, content=content)


def code_of(reply: Reply) -> str | None:
    """Return the code of a problem that a reply tells; None if it tells none."""
    if reply.status < 400 or not isinstance(reply.content, bytes):
        return None
    try:
        body = orjson.loads(reply.content)
    except orjson.JSONDecodeError:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    return cast("str | None", error.get("code")) if isinstance(error, dict) else None
