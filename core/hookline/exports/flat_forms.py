"""Forms of plain fields: what platforms without nested fields show of an input, and how they explain it."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from hookline.engine.coercion import coerce
from hookline.engine.references import as_object
from hookline.exports.schema_reading import alternatives_of, choices_of
from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, FormField

_MAX_SHOWN = 80
_MAX_ALTERNATIVES = 8
_MAX_WHOLE = 2**53  # beyond it JavaScript does not tell whole numbers apart


def ordered_form(action: ActionBlueprint) -> list[FormField]:
    """Return the fields of a form, the advanced ones at its end."""
    return sorted(action.form, key=lambda field: is_advanced(field))


def is_advanced(field: FormField) -> bool:
    """Tell whether a form may hide a field at first: never one that has to be filled in."""
    return field.is_advanced and not field.is_required


def help_of(field: FormField, action: ActionBlueprint, *, raw_label: str) -> str:
    """Return what a form says about a field: what it means, what it takes, and what is assumed."""
    parts = [field.help.strip()]
    if field.kind == "json":
        parts.append("Written as JSON.")
    if field.is_binary:
        parts.append("Base64.")
    parts.append(_bounds(field))
    if field.default is not None and not field.is_required:
        parts.append(f"If empty: {_shown(field.default)}.")
    parts.append(_alternative(field, action))
    if field.takes_more and raw_label:
        parts.append(f"Anything but text goes into {raw_label}.")
    text = " ".join(part if part[-1:] in '.!?…”"' else f"{part}." for part in parts if part)
    return plain_text(text)


def plain_text(text: str) -> str:
    """Return a text in which no platform sees a template."""
    return text.replace("{{", "{ {").replace("}}", "} }")


def plain_value(value: object) -> object:
    """Return a JSON value in which no platform sees a template; members so called are left out."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, list):
        return [plain_value(one) for one in value]
    if isinstance(value, dict):
        return {name: plain_value(one) for name, one in value.items() if not holds_template(name)}
    return value


def holds_template(text: str) -> bool:
    """Tell whether a platform would see a template in a text."""
    return "{{" in text or "}}" in text


def text_of(value: object) -> str:
    """Return a value as a form holds it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def survives_as_text(value: object, field: FormField, root: JsonObject) -> bool:
    """Tell whether the gateway makes a value again of the text that a form sends for it."""
    fields: JsonObject = {field.name: text_of(value)}
    schema = {**root, "properties": {field.name: field.schema}, "required": [field.name]}
    coerce(fields, schema)
    return type(fields[field.name]) is type(value) and fields[field.name] == value


def item_choices(field: FormField, root: JsonObject) -> list[object]:
    """Return the values that an entry of a list can have, if they are known."""
    for one in alternatives_of(field.schema, root):
        if one.get("type") == "array" or "items" in one:
            return choices_of(list(alternatives_of(as_object(one.get("items")), root)))
    return []


def format_of(field: FormField, root: JsonObject) -> str:
    """Return the format of a field's text, such as ``date-time``; empty if it has none."""
    return next((str(one["format"]) for one in alternatives_of(field.schema, root) if "format" in one), "")


def safe_bounds(field: FormField) -> tuple[float | None, float | None]:
    """Return the least and greatest number of a field, without those that JavaScript cannot hold."""
    least, greatest = (
        bound if bound is not None and abs(bound) < _MAX_WHOLE else None
        for bound in (field.minimum, field.maximum)
    )
    return least, greatest


def _bounds(field: FormField) -> str:
    if field.kind not in ("integer", "number"):
        return ""
    least, greatest = safe_bounds(field)
    if least is not None and greatest is not None:
        return f"From {text_of(least)} to {text_of(greatest)}."
    if least is not None:
        return f"At least {text_of(least)}."
    return f"At most {text_of(greatest)}." if greatest is not None else ""


def _alternative(field: FormField, action: ActionBlueprint) -> str:
    if field.name not in action.alternatives:
        return ""
    others = list(islice((one for one in action.one_of if field.name not in one), _MAX_ALTERNATIVES + 1))
    told = [
        " and ".join(action.labels.get(name, name) for name in group) for group in others[:_MAX_ALTERNATIVES]
    ]
    if len(others) > len(told):
        told.append("another of them")
    return f"Needed unless {' or '.join(told)} is filled in." if told else ""


def _shown(value: object) -> str:
    return shorten(text_of(value), _MAX_SHOWN)
