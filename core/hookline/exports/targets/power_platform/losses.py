"""What the Power Platform cannot say of an action, and how its users reach it all the same."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hookline.engine.references import as_object
from hookline.engine.samples import make_sample
from hookline.exports.schema_reading import alternatives_of
from hookline.exports.targets.power_platform.swagger_schema import LOSSES

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint
    from hookline.exports.targets.power_platform.swagger_schema import NoteLoss

_ONLY_CHECKS = frozenset(
    {"conditions", "contains", "names", "needed", "not", "pattern", "step", "unevaluated"}
)
"""What is not said here is checked by the gateway; nothing gets out of reach."""
_QUIET_IN_OUTPUTS = _ONLY_CHECKS | {"alternatives", "nullable", "object_choices"}
"""Of no matter to those who only read."""
_NO_TEXT = ("string", "null")
_MOST_EXAMPLE = 300
_STEP = re.compile(r"\.|\[\]")
_CHECKED = "The gateway checks it; its error names the field."


class InputLosses:
    """Notes what the form of an action loses.

    Args:
        action: The action.
        blueprint: Where losses are noted.
    """

    def __init__(self, action: ActionBlueprint, blueprint: Blueprint) -> None:
        self._action = action
        self._blueprint = blueprint
        self._root = action.input_schema
        self._members = as_object(action.input_schema.get("properties"))
        self._nullable: list[str] = []

    def note(self, place: str, code: str) -> None:
        """Note one; see `NoteLoss`."""
        if code == "nullable":
            self._nullable.append(place)
        elif code in _ONLY_CHECKS:
            self._add(place, LOSSES[code], _CHECKED)
        elif code == "alternatives":
            self._add(place, LOSSES[code], "Fill in the members of one kind only. " + _CHECKED)
        else:
            self._add(place, LOSSES[code], self._raw(place, code))

    def note_rest(self) -> None:
        """Note what concerns the action as a whole; call it last."""
        if self._nullable:
            names = ", ".join(dict.fromkeys(self._nullable))
            name = next((one for one in self._nullable if one in self._members), None)
            instead = "Leave them empty."
            if name is not None:
                instead = f"Leave them empty, or put null into Raw JSON: {_dump({name: None})}"
            self._add("", f"Forms cannot send null to {names}.", instead)
        if self._root.get("additionalProperties") not in (None, False):
            value = make_sample(self._root["additionalProperties"], self._root) or "text"
            self._add(
                "",
                "It takes fields that have no name here.",
                f"Put them into Raw JSON: {_dump({'another_field': value})}",
            )

    def _add(self, place: str, lost: str, instead: str) -> None:
        self._blueprint.losses.add(self._action.id, place, lost, instead)

    def _raw(self, place: str, code: str) -> str:
        name = self._owner_of(place)
        if not self._blueprint.has_option("raw_json"):
            return "Call the action by an HTTP step of your own."
        if name is None:
            known = {
                one: make_sample(self._members[one], self._root)
                for one in ("", "$ref")
                if one in self._members
            }
            return f"Put it into Raw JSON: {_dump(known)}" if known else "Put it into Raw JSON."
        member = self._members[name]
        value = make_sample(member, self._root)
        if place == f"{name}[]" and code == "anything":
            value = [1, 2]
        if place == name:
            value = self._other_value(as_object(member), code, value)
        text = _dump({name: value})
        if value is None or len(text) > _MOST_EXAMPLE:
            return f"Put the whole of {name} into Raw JSON."
        whole = "it" if place == name else f"the whole of {name}"
        return f"Put {whole} into Raw JSON: {text}"

    def _owner_of(self, place: str) -> str | None:
        """Return the field in which a place lies."""
        ends = [len(place), *(found.start() for found in reversed([*_STEP.finditer(place)]))]
        return next((place[:end] for end in ends if end and place[:end] in self._members), None)

    def _other_value(self, member: JsonObject, code: str, value: object) -> object:
        """Return a value of the kind that the form cannot send."""
        if code == "anything":
            return [1, 2]
        if code in ("more_than_text", "written_out"):
            for one in alternatives_of(member, self._root):
                choices = [
                    choice
                    for choice in _list_of(one.get("enum"))
                    if not isinstance(choice, (str, type(None)))
                ]
                if choices:
                    return choices[0]
                if one.get("type") not in _NO_TEXT and "enum" not in one:
                    return make_sample(one, self._root)
        return value


def note_output_losses(action: ActionBlueprint, blueprint: Blueprint) -> NoteLoss:
    """Return what notes the losses of an action's output."""

    def note(place: str, code: str) -> None:
        if code not in _QUIET_IN_OUTPUTS:
            where = f"output.{place}" if place else "output"
            path = place.partition("[]")[0].partition(".")[0]
            expression = f"body('STEP')?['{path}']" if path else "body('STEP')"
            blueprint.losses.add(action.id, where, LOSSES[code], f"Take it by an expression: {expression}")

    return note


def _list_of(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
