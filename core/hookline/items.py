"""Several inputs in one call: the field ``items``, read alike by whoever runs, counts or prices them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hookline.errors import InvalidInputError
from hookline.order import ITEMS

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject

TEXT_FIELDS = ("prompt", "input", "text")
"""Where an item that is only a text goes: the first of these that the action has."""

TEXT_FIELD_HINT = "x-item-field"
"""Keyword of an action's input schema that names another field for it."""


def fields_of(action: Action) -> dict[str, object]:
    """Return the schemas of an action's fields."""
    found = action.input_schema.get("properties")
    return found if isinstance(found, dict) else {}


def read_list(value: object) -> list[object]:
    """Return the items of a call, which a form sends as the JSON of a list.

    Raises:
        InvalidInputError: If it is no list.
    """
    if isinstance(value, str):
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


def count_items(value: object) -> int:
    """Return how many items there are; 0 for what is no list, which others refuse."""
    try:
        return len(read_list(value))
    except InvalidInputError:
        return 0


def read_item(value: object, where: str, text_field: str | None, action: Action) -> JsonObject:
    """Return the input that an item stands for.

    Args:
        value: The item.
        where: What it is called in errors, such as ``items[3]``.
        text_field: What `text_field_of` returns for the action.
        action: What is run with it.

    Raises:
        InvalidInputError: If it is neither an object nor, where the action has a field for it, a text.
    """
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        if text_field is not None:
            return {text_field: value}
        raise InvalidInputError(
            f"`{where}` is a text, and {action.id} has no one field for it: send an object.", field=where
        )
    raise InvalidInputError(f"`{where}` must be an object, not {_kind(value)}.", field=where)


def text_field_of(action: Action) -> str | None:
    """Return the field that an item goes into which is only a text; None if the action has none."""
    named = action.input_schema.get(TEXT_FIELD_HINT)
    if isinstance(named, str):
        return named
    known = fields_of(action)
    return next((name for name in TEXT_FIELDS if name in known), None)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return kinds.get(type(value), "an object")
