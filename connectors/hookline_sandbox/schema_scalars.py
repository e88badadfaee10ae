"""Make the texts and numbers of a schema answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hookline_sandbox.patterns import text_for

if TYPE_CHECKING:
    from hookline_sandbox.schema_effort import Effort

_FORMATS = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/simulated",
    "uri-reference": "/simulated",
    "iri": "https://example.com/simulated",
    "iri-reference": "/simulated",
    "uri-template": "https://example.com/{id}",
    "json-pointer": "/simulated",
    "relative-json-pointer": "0",
    "regex": "^simulated$",
}


def make_string(schema: Mapping[str, Any], *, name: str, about: str, salt: int, effort: Effort) -> str:
    """Return a text of the format, pattern and length that a schema asks for.

    Args:
        schema: A schema without references and combinators.
        name: Name of the property, to be recognised in the text.
        about: What the answer is about; used where the schema leaves the text free.
        salt: Tells the items of an array apart.
        effort: Counts what is made.

    Raises:
        TooMuchError: If the text is too long.
    """
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    effort.write(least)
    if "pattern" in schema:
        found = text_for(schema["pattern"], min_length=least, max_length=most, salt=salt, effort=effort)
        if found is not None:
            return found
    kind = schema.get("format")
    if kind == "uuid":
        return f"00000000-0000-4000-8000-{salt:012x}"
    if kind in _FORMATS:
        return _FORMATS[kind]
    words = ("simulated", name.replace("_", " "), about and f"({about[:60]})")
    text = " ".join(word for word in words if word)
    text += f" {salt + 1}" if salt else ""
    text = text.ljust(least, ".")
    if most is not None and len(text) > most:
        text = text[: most - len(str(salt))] + str(salt) if salt and most > len(str(salt)) else text[:most]
    return text


def make_number(schema: Mapping[str, Any], *, whole: bool, salt: int, effort: Effort) -> int | float:
    """Return a number within the bounds that a schema sets, and a multiple of what it names.

    Raises:
        TooMuchError: If looking for it is too much.
    """
    low, low_open = _bound(schema, "minimum", "exclusiveMinimum", max)
    high, high_open = _bound(schema, "maximum", "exclusiveMaximum", min)
    step = Decimal(str(schema["multipleOf"])) if "multipleOf" in schema else None
    if step is None and not whole and (low is not None or high is not None):
        return _between(low, high, low_open, high_open, salt)
    step = step or Decimal(1)
    if whole and step % 1:
        step *= step.as_integer_ratio()[1]
    if low is not None:
        count = math.ceil(low / step) + salt
    elif high is not None:
        count = min(1, math.floor(high / step)) - salt
    else:
        count = 1 + salt
    direction = 1 if low is not None or high is None else -1
    for _ in range(1000):
        effort.spend()
        value = step * count
        too_low = low is not None and (value < low or (low_open and value == low))
        too_high = high is not None and (value > high or (high_open and value == high))
        if not too_low and not too_high and _divides(value, schema.get("multipleOf"), whole):
            break
        count += direction
    return int(value) if whole or value == value.to_integral_value() else float(value)


def _divides(value: Decimal, step: float | None, whole: bool) -> bool:
    """Say whether validators that divide floats agree that a value is a multiple."""
    if step is None or isinstance(step, int):
        return True
    quotient = (int(value) if whole else float(value)) / step
    return quotient == int(quotient)


def _bound(
    schema: Mapping[str, Any], inclusive: str, exclusive: str, stricter: Any
) -> tuple[Decimal | None, bool]:
    closed, opened = schema.get(inclusive), schema.get(exclusive)
    given = [value for value in (closed, opened) if value is not None and not isinstance(value, bool)]
    values = [Decimal(str(value)) for value in given]
    if not values:
        return None, False
    bound: Decimal = stricter(values)
    return bound, opened is not None and not isinstance(opened, bool) and bound == Decimal(str(opened))


def _between(low: Decimal | None, high: Decimal | None, low_open: bool, high_open: bool, salt: int) -> float:
    if low is not None and high is not None:
        if low == high and not low_open and not high_open:
            return float(low)
        return float(low + (high - low) / (2 + salt))
    if low is not None:
        return float(low + 1 + salt)
    assert high is not None
    return float(high - 1 - salt)
