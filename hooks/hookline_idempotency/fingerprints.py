"""Digests that tell whose key it is, and whether two requests ask for the same.

Only digests are stored: neither keys nor inputs can be read from them.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.connector import Connector
    from hookline.order import Order
    from hookline.principal import Principal
    from hookline_idempotency.keys import CallKey

# Parameters that say who asks or how to deliver, and not what for.
_OTHER_PARAMETERS = frozenset({"hookline_key_id", "profile"})
# Headers that are different each time somebody sends the same.
_OTHER_HEADERS = ("request-id", "traceparent", "tracestate")
_OWN_HEADERS = frozenset({"x-hookline-test"})


def fingerprint_of(order: Order, connector: Connector) -> str:
    """Return the digest of all that an order asks for: two of one digest have the same answer."""
    headers = {
        name: value
        for name, value in order.headers.items()
        if (name in _OWN_HEADERS or name.startswith("x-sandbox-") or name in connector.forward_headers)
        and not name.endswith(_OTHER_HEADERS)
    }
    query = {name: value for name, value in order.query.items() if name not in _OTHER_PARAMETERS}
    return hashlib.sha256(_canonical([order.fields, query, headers])).hexdigest()


def row_id_of(principal: Principal, order: Order, key: CallKey, fingerprint: str) -> str:
    """Return the id under which the reply of a call is kept: of this caller, for this route and key."""
    route = ["action"]
    if order.endpoint is not None:
        parameters = [part for pair in sorted(order.parameters.items()) for part in pair]
        route = ["wire", order.endpoint.path or "", *parameters]
    parts = [principal.tenant, principal.key_id, order.action_id, key.kind, *_counted(route)]
    parts += _counted(key.values)
    if key.kind == "derived":  # a step in a loop runs several calls: the same one is what was sent twice
        parts.append(fingerprint)
    return _digest(parts)


def _counted(parts: Iterable[str]) -> list[str]:
    found = list(parts)
    return [str(len(found)), *found]


def _digest(parts: Iterable[str]) -> str:
    """Return the digest of several texts; each has its length in front, so that none runs into the next."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a text with half a character, or a number that is too large
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
