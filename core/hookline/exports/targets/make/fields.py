"""The fields of a Make app: parameters of modules, and the interface of what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.exports.field_keys import field_keys
from hookline.exports.flat_forms import (
    format_of,
    help_of,
    holds_template,
    is_advanced,
    item_choices,
    ordered_form,
    plain_text,
    plain_value,
    safe_bounds,
    text_of,
)
from hookline.exports.form_losses import raw_example, raw_label
from hookline.exports.wording import shorten
from hookline.order import RAW_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hookline.action import JsonObject
    from hookline.exports.blueprint import (
        ActionBlueprint,
        Blueprint,
        FieldKind,
        FormField,
        OptionsLink,
        OutputField,
    )

MAX_NAME = 128
MAX_LABEL = 256
"""Most characters that Make takes."""

_TYPES: dict[FieldKind, str] = {
    "text": "text",
    "choice": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "json": "any",
    "list": "any",
    "object": "any",
}


class MakeForm:
    """The input of an action as Make shows it.

    Args:
        action: The action.
        blueprint: Where what is lost is noted.
        dropdowns: Names of the remote procedures that fill dropdowns.
    """

    def __init__(
        self, action: ActionBlueprint, blueprint: Blueprint, dropdowns: Mapping[OptionsLink, str]
    ) -> None:
        self._action = action
        self._blueprint = blueprint
        self._dropdowns = dropdowns
        self._raw_label = raw_label(blueprint, action)
        shown = [field for field in ordered_form(action) if self._can_send(field)]
        names = [field.name for field in shown] + ([RAW_JSON] if self._raw_label else [])
        self._keys = field_keys(names)
        self.parameters = [self._describe(field) for field in shown]
        if self._raw_label:
            self.parameters.append(self._describe_raw())

    @property
    def body(self) -> object:
        """The body of the request: all parameters, those with odd names under their real ones."""
        renamed = {name: key for name, key in self._keys.items() if name != key}
        if not renamed:
            return "{{parameters}}"
        left_out = ", ".join(f"'{key}'" for key in renamed.values())
        return {
            "{{...}}": "{{omit(parameters, " + left_out + ")}}",
            **{name: "{{parameters." + key + "}}" for name, key in renamed.items()},
        }

    def _can_send(self, field: FormField) -> bool:
        if holds_template(field.name):
            value: object = text_of(field.example or "text")
            self._lose(field, "No field: Make would take its name for a template.", value)
            return False
        if field.kind == "choice" and not any(_is_safe(value) for value, _ in field.choices):
            value = field.choices[0][0]
            self._lose(field, "No field: Make would take all of its values for templates.", value)
            return False
        return True

    def _lose(self, field: FormField, lost: str, value: object) -> None:
        instead = f"Put it into {raw_example(self._raw_label, field.name, value)}"
        self._blueprint.losses.add(self._action.id, field.name, lost, instead)

    def _describe(self, field: FormField) -> JsonObject:
        told: JsonObject = {
            "name": self._keys[field.name],
            "label": shorten(plain_text(field.label), MAX_LABEL) or "Field",
            **self._kind(field),
            "required": field.is_required,
        }
        text = help_of(field, self._action, raw_label=self._raw_label)
        if text:
            told["help"] = text
        if field.is_required and field.default is not None and plain_value(field.default) == field.default:
            told["default"] = field.default
        if is_advanced(field):
            told["advanced"] = True
        return told

    def _kind(self, field: FormField) -> JsonObject:
        if field.takes_more:
            return {"type": "any"}  # a text that is typed, and a list or collection that is mapped
        if field.kind == "list":
            return self._list(field)
        if field.kind == "choice":
            return {"type": "select", "options": self._options(field, field.choices)}
        if field.options in self._dropdowns and field.options is not None:
            return {"type": "select", "options": f"rpc://{self._dropdowns[field.options]}"}
        if field.kind == "text":
            if format_of(field, self._action.input_schema) == "date-time":
                return {"type": "date"}
            return {"type": "text", "multiline": True} if field.is_multiline else {"type": "text"}
        if field.kind in ("integer", "number"):
            return self._number(field)
        return {"type": _TYPES[field.kind]}

    def _list(self, field: FormField) -> JsonObject:
        choices = item_choices(field, self._action.input_schema)
        options = self._options(field, [(one, text_of(one)) for one in choices])
        if options:
            return {"type": "select", "multiple": True, "options": options}
        return {"type": "array", "spec": {"type": _TYPES[field.item_kind], "label": "Item"}}

    def _options(self, field: FormField, choices: Iterable[tuple[object, str]]) -> list[JsonObject]:
        """Return choices, without those that Make would take for templates."""
        options: list[JsonObject] = []
        missing: list[object] = []
        for value, label in choices:
            if _is_safe(value):
                shown = shorten(plain_text(label), MAX_LABEL) or "(empty)"
                options.append({"label": shown, "value": value})
            else:
                missing.append(value)
        if missing:
            names = ", ".join(map(text_of, missing))
            lost = f"These cannot be chosen, as Make would take them for templates: {names}"
            self._lose(field, lost, [missing[0]] if field.kind == "list" else missing[0])
        return options

    def _number(self, field: FormField) -> JsonObject:
        least, greatest = safe_bounds(field)
        bounds = {name: bound for name, bound in (("min", least), ("max", greatest)) if bound is not None}
        is_unsigned = field.kind == "integer" and least is not None and least >= 0
        told: JsonObject = {"type": "uinteger" if is_unsigned else _TYPES[field.kind]}
        return {**told, "validate": bounds} if bounds else told

    def _describe_raw(self) -> JsonObject:
        option = next(one for one in self._blueprint.call_options if one.name == RAW_JSON)
        return {
            "name": self._keys[RAW_JSON],
            "label": self._raw_label,
            "type": "any",
            "required": False,
            "help": plain_text(option.description),
            "advanced": True,
        }


def describe_interface(action: ActionBlueprint, blueprint: Blueprint) -> list[JsonObject]:
    """Return what later modules can map."""
    return _describe_outputs(action.outputs, "output", action, blueprint)


def _describe_outputs(
    outputs: Iterable[OutputField], place: str, action: ActionBlueprint, blueprint: Blueprint
) -> list[JsonObject]:
    described: list[JsonObject] = []
    for output in outputs:
        own_place = f"{place}.{output.name}"
        if not output.name or len(output.name) > MAX_NAME or holds_template(output.name):
            blueprint.losses.add(
                action.id,
                own_place,
                "It cannot be mapped: Make takes no such name.",
                "Run the scenario once: what comes out holds it, and the function `get()` reads it.",
            )
            continue
        told: JsonObject = {
            "name": output.name,
            "label": shorten(plain_text(output.label), MAX_LABEL) or output.name,
        }
        if output.help:
            told["help"] = plain_text(output.help)
        inner = _describe_outputs(output.members, own_place, action, blueprint)
        if output.is_list:
            spec = inner or {"type": _TYPES[output.kind]}
            described.append({**told, "type": "array", "spec": spec})
        elif inner:
            described.append({**told, "type": "collection", "spec": inner})
        else:
            described.append({**told, "type": _TYPES[output.kind]})
    return described


def _is_safe(value: object) -> bool:
    return not (isinstance(value, str) and holds_template(value))
