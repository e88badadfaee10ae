"""Samples in which everything that can be mapped is there once, so that a form can show where it will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, OutputField


def whole_sample(action: ActionBlueprint) -> JsonObject:
    """Return an action's sample with a value for each member that its outputs name."""
    return _fill(action.sample_output, action.outputs)


def _fill(sample: JsonObject, outputs: Iterable[OutputField]) -> JsonObject:
    filled = dict(sample)
    for output in outputs:
        value = filled.get(output.name)
        if output.members:
            filled[output.name] = _fill_list(value, output) if output.is_list else _fill_one(value, output)
        elif output.name not in filled:
            filled[output.name] = [_scalar(output)] if output.is_list else _scalar(output)
    return filled


def _fill_list(value: object, output: OutputField) -> list[JsonObject]:
    entries = value if isinstance(value, list) and value else [{}]
    return [_fill_one(one, output) for one in entries]


def _fill_one(value: object, output: OutputField) -> JsonObject:
    return _fill(cast("JsonObject", value) if isinstance(value, dict) else {}, output.members)


def _scalar(output: OutputField) -> object:
    if output.kind in ("integer", "number"):
        return 1
    if output.kind == "boolean":
        return False
    return output.label if output.kind in ("text", "choice") else None
