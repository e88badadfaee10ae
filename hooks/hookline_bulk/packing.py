"""Items that go to the service together, where their action can do that."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from hookline.errors import InvalidUpstreamAnswerError

if TYPE_CHECKING:
    from hookline import Batcher
    from hookline.action import JsonObject

Unit = tuple[int, ...]
"""Numbers of the items that one call is made for."""


def plan_units(items: Sequence[JsonObject], batcher: Batcher | None) -> list[Unit]:
    """Return which items go together, each of them once, in the order of the first of each."""
    if batcher is None:
        return [(index,) for index in range(len(items))]
    units = [tuple(unit) for unit in batcher.plan(items) if unit]
    if sorted(index for unit in units for index in unit) != list(range(len(items))):
        raise RuntimeError("the action's batcher did not plan each item once")
    return sorted(units)


def fields_of_unit(unit: Unit, items: Sequence[JsonObject], batcher: Batcher | None) -> JsonObject:
    """Return the input of the call for a unit.

    What is shared is copied, because text in it becomes what the schema asks for in place; and only now, so
    that there are never more copies than calls that run.
    """
    if batcher is None or len(unit) == 1:
        return copy.deepcopy(items[unit[0]])
    return batcher.pack([items[index] for index in unit])


def take_apart(
    unit: Unit, items: Sequence[JsonObject], batcher: Batcher | None, content: bytes
) -> list[bytes]:
    """Return the output of each item of a unit.

    Raises:
        InvalidUpstreamAnswerError: If the output does not hold one for each.
    """
    assert batcher is not None  # nothing is packed without
    outputs = batcher.unpack([items[index] for index in unit], orjson.loads(content))
    if len(outputs) != len(unit):
        raise InvalidUpstreamAnswerError(
            f"The service was sent {len(unit)} items together and answered {len(outputs)}."
        )
    return [orjson.dumps(output) for output in outputs]


def split(unit: Unit) -> list[Unit]:
    """Return the halves of a unit, so that one bad item among many is found with few calls."""
    middle = len(unit) // 2
    return [unit[:middle], unit[middle:]]
