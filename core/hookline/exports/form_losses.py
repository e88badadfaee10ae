"""What forms of plain fields lose of an input, and how raw JSON still reaches it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hookline.engine.samples import make_sample
from hookline.exports.flat_forms import plain_text
from hookline.exports.schema_reading import alternatives_of, types_of
from hookline.exports.wording import shorten
from hookline.order import RAW_JSON

if TYPE_CHECKING:
    from hookline.exports.blueprint import ActionBlueprint, Blueprint, FormField

_OPEN = ("additionalProperties", "patternProperties", "unevaluatedProperties")


def raw_label(blueprint: Blueprint, action: ActionBlueprint) -> str:
    """Return what the raw field is called on forms; empty if the action has none."""
    if any(field.name == RAW_JSON for field in action.fields):
        return ""  # the action's own field has that name
    return next((one.title for one in blueprint.call_options if one.name == RAW_JSON), "")


def note_form(blueprint: Blueprint, action: ActionBlueprint) -> None:
    """Note what every form of plain fields loses of an action's input."""
    add, label = blueprint.losses.add, raw_label(blueprint, action)
    for field in action.form:
        if field.kind == "json":
            add(
                action.id,
                field.name,
                "Its members have no fields of their own; it is one field that takes JSON.",
                f"Write JSON into it, or into {raw_example(label, field.name, _whole(field, action))}",
            )
        elif field.takes_more:
            add(
                action.id,
                field.name,
                "The form takes text for it; other types of value cannot be typed.",
                f"Put them into {raw_example(label, field.name, beyond_text(field, action))}",
            )
        if field.is_required and field.is_nullable:
            add(
                action.id,
                field.name,
                "Null cannot be chosen.",
                f"Put it into {raw_example(label, field.name, None)}",
            )
    if len(action.one_of) > 1:
        groups = " or ".join("+".join(group) for group in action.one_of)
        add(
            action.id,
            "",
            f"The form cannot insist on one of {groups}.",
            "The gateway answers with the name of what is missing.",
        )
    if any(action.input_schema.get(name) not in (None, False) for name in _OPEN) or not action.fields:
        add(
            action.id,
            "",
            "It may take members that are not known beforehand; they have no fields.",
            f"Put them into {raw_example(label, 'name', 'value')}",
        )
    if len(action.form) < len(action.fields):
        names = ", ".join(field.name for field in action.fields if field.name not in action.labels)
        add(
            action.id,
            names,
            "An answer cannot arrive piece by piece.",
            "The whole answer comes at once.",
        )


def short_text(
    text: str, most: int, what: str, action: ActionBlueprint, blueprint: Blueprint, place: str = ""
) -> str:
    """Return a text within the length that a platform takes, and note it if something is cut off."""
    plain = plain_text(" ".join(text.split()))
    short = shorten(plain, most)
    if short != plain:
        blueprint.losses.add(
            action.id,
            place,
            f"Its {what} is cut at {most} characters.",
            f"`GET {action.path}` has the whole text.",
        )
    return short


def raw_example(label: str, name: str, value: object) -> str:
    """Return how to reach a field by raw JSON: ``Raw JSON: {"stop": ["a"]}``."""
    if not label:
        return "the body of an HTTP step: this action has a field `raw_json` of its own."
    return f"{label}: {json.dumps({name: value}, ensure_ascii=False)}"


def beyond_text(field: FormField, action: ActionBlueprint) -> object:
    """Return a value of a field that is no text."""
    for one in alternatives_of(field.schema, action.input_schema):
        types = types_of([one])
        if "any" in types:
            return {"name": "value"}
        if not types & {"string", "null"}:
            return make_sample(one, action.input_schema, only_needed=True)
    return [field.example if isinstance(field.example, str) else "text"]


def _whole(field: FormField, action: ActionBlueprint) -> object:
    if field.example is not None:
        return field.example
    return make_sample(field.schema, action.input_schema, only_needed=True)
