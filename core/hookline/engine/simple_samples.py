"""Samples of texts, numbers and booleans within the bounds of their schemas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookline.action import JsonObject

_TEXTS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1M",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "6f1c2b1e-3d5a-4f0a-9a57-0d2f1f6b7c11",
}
_MAX_PADDED = 1000
_MAX_NUMBER = 1e100  # quotients of such numbers can still be told


def simple_sample(kind: object, schema: JsonObject) -> object:
    """Return a value of a simple type; None for any other type.

    Patterns are not looked at.
    """
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return _number(schema, is_whole=kind == "integer")
    if kind == "string":
        return _text(schema)
    return None


def _text(schema: JsonObject) -> str:
    text = _TEXTS.get(str(schema.get("format")), str(schema.get("title") or "text"))
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int) and least < _MAX_PADDED:
        text = text.ljust(least, ".")
    return text[:most] if isinstance(most, int) and most >= 0 else text


def _number(schema: JsonObject, *, is_whole: bool) -> float:
    """Return the first of some likely numbers that fits; 1 if none does."""
    for value in _likely(schema, is_whole=is_whole):
        if _fits(value, schema):
            return value
    return 1


def _likely(schema: JsonObject, *, is_whole: bool) -> Iterator[float]:
    least = _bound(schema, "minimum", "exclusiveMinimum")
    most = _bound(schema, "maximum", "exclusiveMaximum")
    step = _bound(schema, "multipleOf")
    if least is None:
        yield 1
    else:
        low = math.ceil(least) if is_whole else least
        if low > 0:
            yield low
        yield low + 1
        yield low
    if most is not None:
        high = math.floor(most) if is_whole else most
        yield high
        yield high - 1
    if least is not None and most is not None and not is_whole:
        yield (least + most) / 2
    yield 0
    if step is not None and step > 0:
        start = math.ceil((least or 0) / step)
        yield from ((start + more) * step for more in range(3))
        if most is not None:
            yield from ((math.floor(most / step) - less) * step for less in range(2))


def _fits(value: float, schema: JsonObject) -> bool:
    least, above = _bound(schema, "minimum"), _bound(schema, "exclusiveMinimum")
    most, below = _bound(schema, "maximum"), _bound(schema, "exclusiveMaximum")
    step = _bound(schema, "multipleOf")
    return (
        (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
        and (step is None or step <= 0 or _is_multiple(value, step))
    )


def _is_multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    return (value / step).is_integer()


def _bound(schema: JsonObject, *names: str) -> float | None:
    """Return the first bound that is there; one that is no usable number is none."""
    for name in names:
        value = schema.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if value == 0 or 1 / _MAX_NUMBER < abs(value) < _MAX_NUMBER:
            return value
    return None
