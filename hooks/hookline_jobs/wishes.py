"""What a caller says about waiting: ``Prefer``, ``?profile=``, ``callback_url``, many items."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError
from hookline.items import count_items
from hookline.order import CALLBACK_URL, ITEMS
from hookline_jobs.profiles import PARAMETER, PROFILES, find_profile

if TYPE_CHECKING:
    from hookline import LayeredOptions, Order, Principal
    from hookline_jobs.options import JobsOptions

CALLBACK_HEADER = "x-hookline-callback-url"

_WAIT = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?')
_TRUE = frozenset({"true", "1", "yes", "on"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """How an order is to be answered.

    Attributes:
        wait_s: Longest time until an answer; None for as long as the call may take.
        is_async: Whether the caller understands that the result comes later.
        callback_url: Where the result is to be posted.
        applied: The preferences that are honoured, for ``Preference-Applied``.
    """

    wait_s: float | None
    is_async: bool = False
    callback_url: str | None = field(default=None, repr=False)
    applied: tuple[str, ...] = ()


def has_wish(order: Order) -> bool:
    """Tell whether a caller says anything about how an order is to be answered; costs next to nothing."""
    headers, fields = order.headers, order.fields
    return (
        "prefer" in headers
        or CALLBACK_HEADER in headers
        or PARAMETER in order.query
        or CALLBACK_URL in fields
        or ITEMS in fields
    )


def read_wish(
    order: Order,
    principal: Principal,
    options: LayeredOptions[JobsOptions],
    *,
    has_own_items: bool = False,
) -> Wish | None:
    """Return how an order is to be answered, or None if nobody says anything about it.

    Args:
        order: The order.
        principal: Who asks.
        options: What is set.
        has_own_items: Whether ``items`` is a field of the action itself.

    Raises:
        HooklineError: If what is said cannot be understood or done; names the field.
    """
    found = options.find(action_id=order.action_id, key_id=principal.key_id)
    prefers_async, wait_s = read_prefer(order.headers.get("prefer", ""))
    polls, limit_s = False, found.wait_s
    name = order.query.get(PARAMETER) or found.profile
    if name is not None:
        profile = find_profile(name) if name not in PROFILES else PROFILES[name]
        polls, limit_s = profile.polls, profile.wait_s
    if order.endpoint is not None:  # the service's own format has no words for an answer that comes later
        if is_stream(order):
            return None
        return _within(wait_s, limit_s)
    callback_url = _callback_url(order)
    if is_stream(order):
        if callback_url is not None:
            raise InvalidInputError(
                "`callback_url` and `stream` exclude each other: a result that is posted is posted whole.",
                field=CALLBACK_URL,
                hint="Leave one of the two out.",
            )
        return None
    has_many = (
        not has_own_items
        and ITEMS in order.fields
        and count_items(order.fields[ITEMS]) > found.items_before_job
    )
    is_async = prefers_async or callback_url is not None or has_many
    applied = ("respond-async",) if prefers_async else ()
    if is_async:
        at_once = wait_s is None or has_many
        return Wish(
            wait_s=0.0 if at_once else wait_s,
            is_async=True,
            callback_url=callback_url,
            applied=applied if at_once else (*applied, f"wait={wait_s:g}"),
        )
    wish = _within(wait_s, limit_s)
    return replace(wish, is_async=True) if wish is not None and polls else wish


def read_prefer(text: str) -> tuple[bool, float | None]:
    """Return whether ``respond-async`` is preferred, and the seconds of ``wait``; what is unknown is ignored.

    Source: RFC 7240, sections 2, 4.1 and 4.3.
    """
    is_async, wait_s = False, None
    for part in text.split(","):
        preference = part.partition(";")[0].strip().lower()
        if preference == "respond-async":
            is_async = True
        elif wait_s is None and (found := _WAIT.fullmatch(preference)):
            wait_s = max(1.0, float(found[1]))
    return is_async, wait_s


def is_stream(order: Order) -> bool:
    """Tell whether an order asks for a stream."""
    value = order.fields.get("stream")
    return value is True or (isinstance(value, str) and value.strip().lower() in _TRUE)


def without_wishes(order: Order) -> dict[str, object]:
    """Return an order's fields without those that say how it is to be answered."""
    return {name: value for name, value in order.fields.items() if name != CALLBACK_URL}


def _within(wait_s: float | None, limit_s: float | None) -> Wish | None:
    """Return the wish for an answer in time: the caller's own words go before a setting."""
    if wait_s is not None:
        return Wish(wait_s=wait_s, applied=(f"wait={wait_s:g}",))
    return None if limit_s is None else Wish(wait_s=limit_s)


def _callback_url(order: Order) -> str | None:
    value = order.fields.get(CALLBACK_URL, order.headers.get(CALLBACK_HEADER))
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError("`callback_url` must be an address.", field=CALLBACK_URL)
    return value.strip()
