"""Reading what a call with ``items`` asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hookline.errors import InvalidInputError
from hookline.order import ITEMS

if TYPE_CHECKING:
    from hookline import Action
    from hookline.connector import JsonObject

ON_ERROR = "on_error"
CONCURRENCY = "concurrency"
TEXT_FIELDS = ("prompt", "input", "text")
"""Where an item that is only a text goes: the first of these that the action has."""

_TEXT_FIELD_HINT = "x-item-field"
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


def fields_of(action: Action) -> dict[str, object]:
    """Return the schemas of an action's fields."""
    found = action.input_schema.get("properties")
    return found if isinstance(found, dict) else {}


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
    given = _read_list(shared.pop(ITEMS))
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
    text_field = _text_field(action, known)
    has_items = ITEMS in known
    items: list[JsonObject] = []
    for index, value in enumerate(given):
        item = _read_item(value, f"{ITEMS}[{index}]", text_field, action.id)
        if ITEMS in item and not has_items:
            raise InvalidInputError(
                f"`{ITEMS}[{index}].{ITEMS}`: an item cannot have items of its own.",
                field=f"{ITEMS}[{index}].{ITEMS}",
                hint="Send one flat list of items.",
            )
        _refuse_stream(item.get("stream"), f"{ITEMS}[{index}].stream")
        items.append({**shared, **item})
    return BulkRequest(items=items, stops_on_error=stops, concurrency=concurrency)


def _read_list(value: object) -> list[object]:
    if isinstance(value, str):  # a form has nothing but text
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as exc:
            raise InvalidInputError(
                "`items` must be a list, and this text is not the JSON of one.", field=ITEMS
            ) from exc
    if not isinstance(value, list):
        raise InvalidInputError(
            f"`items` must be a list, not {_kind(value)}.",
            field=ITEMS,
            hint='Send a list of inputs, such as `{"items": [{...}, {...}]}`.',
        )
    return value


def _read_item(value: object, where: str, text_field: str | None, action_id: str) -> JsonObject:
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        if text_field is not None:
            return {text_field: value}
        raise InvalidInputError(
            f"`{where}` is a text, and {action_id} has no one field for it: send an object.", field=where
        )
    raise InvalidInputError(f"`{where}` must be an object, not {_kind(value)}.", field=where)


def _text_field(action: Action, known: dict[str, object]) -> str | None:
    named = action.input_schema.get(_TEXT_FIELD_HINT)
    if isinstance(named, str):
        return named
    return next((name for name in TEXT_FIELDS if name in known), None)


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


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return kinds.get(type(value), "an object")
