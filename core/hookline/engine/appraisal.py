"""What running an action would take, told before it is run."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from hookline.errors import HooklineError, InvalidInputError
from hookline.items import fields_of, read_item, read_list, text_field_of
from hookline.order import CALLBACK_URL, ITEMS

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.engine.order import DraftCall
    from hookline.engine.pipeline import Pipeline
    from hookline.order import Order
    from hookline.principal import Principal

_MAX_ITEMS = 10_000
_OF_THE_WHOLE = frozenset({"concurrency", "on_error", CALLBACK_URL})


class Appraiser:
    """Tells what orders would take.

    Args:
        pipeline: Checks orders without running them.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def appraise(self, principal: Principal, order: Order, action: Action) -> JsonObject:
        """Return the most that an order can take: nothing is run, set aside or recorded.

        An order for several inputs takes the sum of what each takes.

        Raises:
            HooklineError: If the order would be refused; names the field, also inside of an item.
        """
        known = fields_of(action)
        if CALLBACK_URL in order.fields and CALLBACK_URL not in known:  # where the result goes costs nothing
            fields = {name: value for name, value in order.fields.items() if name != CALLBACK_URL}
            order = replace(order, fields=fields)
        if ITEMS not in order.fields or ITEMS in known:
            return self._of_one(principal, order)
        parts = [self._of_one(principal, one, number) for number, one in enumerate(_split(order, action))]
        first = parts[0]
        return {
            **first,
            "model": first["model"] if all(part["model"] == first["model"] for part in parts) else None,
            "connection": first["connection"]
            if all(part["connection"] == first["connection"] for part in parts)
            else None,
            **{name: _total(parts, name) for name in _SUMMED},
            "is_exact": all(part["is_exact"] for part in parts),
            "count": len(parts),
            "warnings": _distinct(parts),
        }

    def _of_one(self, principal: Principal, order: Order, number: int | None = None) -> JsonObject:
        try:
            draft = self._pipeline.check(principal, order)
        except HooklineError as exc:
            if number is not None:
                exc.field = f"{ITEMS}[{number}]" + (f".{exc.field}" if exc.field else "")
                exc.message = f"Of `{ITEMS}[{number}]`: {exc.message}"
            raise
        return describe(draft)


_SUMMED = ("input_tokens", "output_tokens", "total_tokens", "cost_usd")


def describe(draft: DraftCall) -> JsonObject:
    """Return what a call would take, in the words of the HTTP API; None is unknown, and not nothing."""
    call, meter = draft.call, draft.call.action.meter
    usage = None if meter is None or call.record.is_composed else draft.estimate()
    is_free = usage is not None and not usage.tokens and usage.cost_nano_usd == 0
    return {
        "action": call.action.id,
        "model": None if meter is None else meter.model(draft.request),
        "connection": call.connection.name,
        "input_tokens": None if usage is None else usage.input_tokens,
        "output_tokens": None if usage is None else usage.output_tokens,
        "total_tokens": None if usage is None else usage.tokens,
        "cost_usd": None if usage is None else usage.cost_usd,
        "is_exact": is_free,
        "count": 1,
        "warnings": [{"code": one.code, "message": one.message} for one in call.record.warnings],
    }


def _split(order: Order, action: Action) -> list[Order]:
    """Return one order for each item, as whoever runs them makes them."""
    items, known = read_list(order.fields[ITEMS]), fields_of(action)
    if not items or len(items) > _MAX_ITEMS:
        raise InvalidInputError(f"`{ITEMS}` has to be a list of one to {_MAX_ITEMS:,} inputs.", field=ITEMS)
    text_field = text_field_of(action)
    common = {
        name: value
        for name, value in order.fields.items()
        if name != ITEMS and (name in known or name not in _OF_THE_WHOLE)
    }
    orders = []
    for number, value in enumerate(items):
        item = read_item(value, f"{ITEMS}[{number}]", text_field, action)
        # What is shared is copied: text in it becomes what the schema asks for, in place.
        orders.append(replace(order, fields={**copy.deepcopy(common), **item}))
    return orders


def _total(parts: list[JsonObject], name: str) -> int | float | None:
    values = [part[name] for part in parts]
    if any(value is None for value in values):
        return None
    total = sum(cast("list[float]", values))
    return round(total, 9) if isinstance(total, float) else total


def _distinct(parts: list[JsonObject]) -> list[object]:
    found: list[object] = []
    for part in parts:
        found += [one for one in cast("list[object]", part["warnings"]) if one not in found]
    return found[:20]
