"""Reading what a call with ``items`` asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError
from hookline.items import fields_of, read_item, read_list, text_field_of
from hookline.order import ITEMS

if TYPE_CHECKING:
    from hookline import Action
    from hookline.action import JsonObject

ON_ERROR = "on_error"
CONCURRENCY = "concurrency"
_CHOICES = ("continue", "stop")
_TRUE_WORDS = frozenset({"true", "1", "yes", "on"})


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkRequest:
    """What is to be run.

    Attributes:
        items: The whole input of each call, in order; what is shared is the same object in all of them.
        stops_on_error: Whether nothing more is begun once an item has failed.
        concurrency: Most items that run at the same time.
    """

    items: list[JsonObject] = field(repr=False)
    stops_on_error: bool
    concurrency: int


def read_request(
    action: Action, fields: JsonObject, *, max_items: int, concurrency: int, is_job: bool
) -> BulkRequest:
    """Return what a call asks for.

    Args:
        action: What is run for each item.
        fields: The body of the call.
        max_items: Most items that it may have.
        concurrency: Most items that may run at the same time.
        is_job: Whether nobody waits for it; for the hint.

    Raises:
        InvalidInputError: If it cannot be run as a whole; names the field, such as ``items[3].stream``.
    """
    known = fields_of(action)
    shared = dict(fields)
    given = read_list(shared.pop(ITEMS))
    if len(given) > max_items:
        hint = f"Send at most {max_items:,} items in one call." + (
            "" if is_job else " A call that runs as a job may have more: send `Prefer: respond-async`."
        )
        raise InvalidInputError(
            f"`items` has {len(given):,} items, and at most {max_items:,} are allowed.",
            field=ITEMS,
            code="too_many_items",
            hint=hint,
        )
    stops = _read_on_error(shared.pop(ON_ERROR, None)) if ON_ERROR not in known else False
    if CONCURRENCY not in known:
        concurrency = min(concurrency, _read_concurrency(shared.pop(CONCURRENCY, None), concurrency))
    _refuse_stream(shared.get("stream"), "stream")
    text_field = text_field_of(action)
    has_items = ITEMS in known
    items: list[JsonObject] = []
    for index, value in enumerate(given):
        item = read_item(value, f"{ITEMS}[{index}]", text_field, action)
        if ITEMS in item and not has_items:
            raise InvalidInputError(
                f"`{ITEMS}[{index}].{ITEMS}`: an item cannot have items of its own.",
                field=f"{ITEMS}[{index}].{ITEMS}",
                hint="Send one flat list of items.",
            )
        _refuse_stream(item.get("stream"), f"{ITEMS}[{index}].stream")
        items.append({**shared, **item})
    return BulkRequest(items=items, stops_on_error=stops, concurrency=concurrency)


def _read_on_error(value: object) -> bool:
    if value in (None, ""):
        return False
    if value not in _CHOICES:
        raise InvalidInputError("`on_error` must be `continue` or `stop`.", field=ON_ERROR)
    return value == "stop"


def _read_concurrency(value: object, most: int) -> int:
    if value in (None, ""):
        return most
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInputError("`concurrency` must be a whole number of at least 1.", field=CONCURRENCY)
    return value


def _refuse_stream(value: object, where: str) -> None:
    if value is True or (isinstance(value, str) and value.strip().lower() in _TRUE_WORDS):
        raise InvalidInputError(
            f"`{where}`: a call with several items cannot be streamed.",
            field=where,
            hint="Leave out `stream`, or send the items one by one.",
        )
