"""The key of a call: from its header, from its signature, or from headers that name its step.

Source: draft-ietf-httpapi-idempotency-key-header, section 2; RFC 8941, section 3.3.3 (strings).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from hookline.errors import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.order import Order
    from hookline.principal import Principal
    from hookline_idempotency.options import IdempotencyOptions

HEADER = "idempotency-key"
MAX_LENGTH = 255

_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)" *(?:;[ -~]*)?')
_BARE = re.compile(r"[!#-+\--~](?:[ !#-+\--~]*[!#-+\--~])?")  # what can be seen, but no quote and no comma
_ESCAPED = re.compile(r'\\(["\\])')


class CallKey(NamedTuple):
    """What makes two requests the same one.

    Attributes:
        kind: Where it is from; keys of different kinds are never the same.
        values: The key; several values for one that is put together.
    """

    kind: Literal["header", "webhook", "derived"]
    values: tuple[str, ...]


def find_key(principal: Principal, order: Order, options: IdempotencyOptions) -> CallKey | None:
    """Return the key of an order; None if it has none.

    Raises:
        MalformedRequestError: If its header is not one key.
    """
    header = order.headers.get(HEADER)
    if header is not None:
        return CallKey("header", (read_header(header),))
    if options.webhook_ids and principal.delivery_id is not None:
        return CallKey("webhook", (principal.delivery_id,))
    return _derive(order.headers, options.derive_from)


def read_header(value: str) -> str:
    """Return the key that a header holds, quoted or bare.

    Raises:
        MalformedRequestError: If it holds none, or more than one, or one that is too long.
    """
    text = value.strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        key = _ESCAPED.sub(r"\1", quoted[1])
    elif _BARE.fullmatch(text):
        key = text
    else:
        raise _refusal("is not one key")
    if not key.strip():
        raise _refusal("is empty")
    if len(key) > MAX_LENGTH:
        raise _refusal(f"has {len(key):,} characters, and {MAX_LENGTH} are the most")
    return key


def _refusal(why: str) -> MalformedRequestError:
    return MalformedRequestError(
        f"The header `Idempotency-Key` {why}.",
        code="invalid_idempotency_key",
        field="Idempotency-Key",
        hint=f"Send one key of 1 to {MAX_LENGTH} characters of visible ASCII, such as a UUID; with commas or "
        'quotes in it, inside "…".',
    )


def _derive(headers: Mapping[str, str], names: tuple[str, ...]) -> CallKey | None:
    values = [headers.get(name, "").strip() for name in names]
    if not names or not all(values):
        return None
    return CallKey("derived", tuple(part for pair in zip(names, values, strict=True) for part in pair))
