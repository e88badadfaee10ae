"""The fields of a Zapier app: what a step asks for, and what later steps can map."""

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
    survives_as_text,
    text_of,
)
from hookline.exports.form_losses import raw_example, raw_label, short_text
from hookline.exports.wording import shorten
from hookline.order import RAW_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hookline.action import JsonObject
    from hookline.exports.blueprint import (
        ActionBlueprint,
        Blueprint,
        FieldKind,
        FormField,
        OptionsLink,
        OutputField,
    )

MAX_HELP = 1000
"""Most characters of a help text that Zapier takes."""

MAX_LABEL = 250

_MAX_PLACEHOLDER = 100
_TYPES: dict[FieldKind, str] = {
    "text": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "choice": "string",
    "json": "text",
}
_FORMATS = {"date-time": "datetime", "password": "password"}
_OUTPUT_TYPES = {"text": "string", "choice": "string"} | {
    name: name for name in ("integer", "number", "boolean")
}


class ZapierForm:
    """The input of an action as Zapier shows it.

    Args:
        action: The action.
        blueprint: Where what is lost is noted.
        dropdowns: Keys of the triggers that fill dropdowns.
    """

    def __init__(
        self, action: ActionBlueprint, blueprint: Blueprint, dropdowns: Mapping[OptionsLink, str]
    ) -> None:
        self._action = action
        self._blueprint = blueprint
        self._dropdowns = dropdowns
        self._raw_label = raw_label(blueprint, action)
        self._groups: dict[str, str] = {}
        shown = [field for field in ordered_form(action) if self._can_show(field)]
        self._names = [field.name for field in shown] + ([RAW_JSON] if self._raw_label else [])
        self._keys = field_keys(self._names)
        self.fields = [self._describe(field) for field in shown]
        if self._raw_label:
            self.fields.append(self._describe_raw())

    @property
    def groups(self) -> list[JsonObject]:
        """The headings under which the fields stand."""
        return [{"key": key, "label": label} for label, key in self._groups.items()]

    @property
    def body(self) -> JsonObject:
        """The body of the request: each field under its real name."""
        return {name: "{{bundle.inputData." + self._keys[name] + "}}" for name in self._names}

    def _can_show(self, field: FormField) -> bool:
        if field.kind != "choice" or self._choices(field):
            return True
        value = field.choices[0][0]
        self._lose(field, "No field: the only values that it takes are no texts.", value)
        return False

    def _lose(self, field: FormField, lost: str, value: object) -> None:
        instead = f"Put it into {raw_example(self._raw_label, field.name, value)}"
        self._blueprint.losses.add(self._action.id, field.name, lost, instead)

    def _choices(self, field: FormField) -> list[JsonObject]:
        root = self._action.input_schema
        return [
            {"value": text_of(value), "sample": text_of(value), "label": plain_text(label) or text_of(value)}
            for value, label in field.choices
            if value != "" and survives_as_text(value, field, root)
        ]

    def _describe(self, field: FormField) -> JsonObject:
        told: JsonObject = {
            "key": self._keys[field.name],
            "label": shorten(plain_text(field.label), MAX_LABEL) or "Field",
            **self._kind(field),
            "required": field.is_required,
        }
        text = help_of(field, self._action, raw_label=self._raw_label)
        if text:
            told["helpText"] = short_text(text, MAX_HELP, "help", self._action, self._blueprint, field.name)
        default = self._default(field)
        if default:
            told["default"] = default
        placeholder = field.placeholder or (field.example if isinstance(field.example, str) else "")
        if placeholder and "choices" not in told:
            told["placeholder"] = shorten(plain_text(placeholder), _MAX_PLACEHOLDER)
        heading = field.group or ("advanced" if is_advanced(field) else "")
        if heading:
            told["group"] = self._group(heading)
        return told

    def _kind(self, field: FormField) -> JsonObject:
        root = self._action.input_schema
        if field.kind == "list":
            told: JsonObject = {"type": _TYPES.get(field.item_kind, "string"), "list": True}
            texts = [one for one in item_choices(field, root) if isinstance(one, str) and one]
            return {**told, "choices": texts} if texts else told
        if field.kind == "choice":
            choices = self._choices(field)
            missing = [value for value, _ in field.choices if text_of(value) not in _values(choices)]
            if missing:
                names = ", ".join(text_of(one) or "(empty text)" for one in missing)
                self._lose(field, f"These cannot be chosen, as a form sends texts: {names}", missing[0])
            return {"type": "string", "choices": choices}
        if field.options in self._dropdowns and field.options is not None:
            return {"type": "string", "dynamic": f"{self._dropdowns[field.options]}.id.name"}
        if field.kind == "text" and not field.takes_more:
            kind = _FORMATS.get(format_of(field, root))
            return {"type": kind or ("text" if field.is_multiline else "string")}
        return {"type": "text" if field.is_multiline else _TYPES.get(field.kind, "text")}

    def _default(self, field: FormField) -> str:
        """Return what a field holds at first: only where it has to hold something, as zaps keep it."""
        default = field.default
        if not field.is_required or default is None or field.kind == "list":
            return ""
        text = text_of(default)
        is_safe = survives_as_text(default, field, self._action.input_schema)
        return text if is_safe and not holds_template(text) else ""

    def _group(self, heading: str) -> str:
        label = plain_text(heading[:1].upper() + heading[1:])
        if label not in self._groups:
            keys = field_keys([*self._groups, label])
            key = keys[label]
            self._groups[label] = key if len(key) > 1 else f"group_{key}"
        return self._groups[label]

    def _describe_raw(self) -> JsonObject:
        option = next(one for one in self._blueprint.call_options if one.name == RAW_JSON)
        return {
            "key": self._keys[RAW_JSON],
            "label": self._raw_label,
            "type": "text",
            "required": False,
            "helpText": shorten(plain_text(option.description), MAX_HELP),
            "placeholder": '{"name": "value"}',
            "group": self._group("advanced"),
        }


def describe_outputs(action: ActionBlueprint, blueprint: Blueprint) -> list[JsonObject]:
    """Return what later steps can map, by paths such as ``usage__total_tokens`` and ``choices[]text``."""
    return list(_describe_outputs(action.outputs, "", "", "output", action, blueprint))


def _describe_outputs(
    outputs: Iterable[OutputField],
    path: str,
    heading: str,
    place: str,
    action: ActionBlueprint,
    blueprint: Blueprint,
) -> Iterator[JsonObject]:
    for output in outputs:
        own_place = f"{place}.{output.name}"
        if not _can_be_path(output.name):
            blueprint.losses.add(
                action.id,
                own_place,
                "It has no label, because Zapier would read its name as a path.",
                "It is there all the same: test the step, and it stands in the list under its own name.",
            )
            continue
        label = plain_text(f"{heading}: {output.label}" if heading else output.label) or output.name
        key = path + output.name
        if output.members and not (output.is_list and "[]" in path):
            step = "[]" if output.is_list else "__"
            yield from _describe_outputs(output.members, key + step, label, own_place, action, blueprint)
            continue
        told: JsonObject = {"key": key, "label": label}
        if output.kind in _OUTPUT_TYPES:
            told["type"] = _OUTPUT_TYPES[output.kind]
            if output.is_list:
                told["list"] = True
        yield told


def _can_be_path(name: str) -> bool:
    return (
        bool(name) and "__" not in name and "[" not in name and "." not in name and not holds_template(name)
    )


def _values(choices: list[JsonObject]) -> set[object]:
    return {one["value"] for one in choices}
