"""The operations of a Power Platform connector: actions, and the lists behind dropdowns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hookline.engine.dropdowns import HINT
from hookline.exports.form_fields import label_of
from hookline.exports.targets.power_platform.losses import InputLosses, note_output_losses
from hookline.exports.targets.power_platform.swagger_schema import SwaggerSchemas
from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint, SourceBlueprint
    from hookline.exports.targets.power_platform.schema_shapes import Shape

PROFILE = "power-automate"
MAX_LABEL = 80
MAX_DESCRIPTION = 256

_PROBLEM: JsonObject = {"description": "What went wrong.", "schema": {"$ref": "#/definitions/Problem"}}
_UNTOLD_HEADERS = ("Prefer",)
"""Headers that work against what the platform does by itself."""


class PowerOperations:
    """Writes operations, and collects the definitions that they refer to.

    Args:
        blueprint: What is exported.
        names: operationIds by the ids of actions, and of sources with ``options.`` in front.
    """

    def __init__(self, blueprint: Blueprint, names: Mapping[str, str]) -> None:
        self._blueprint = blueprint
        self._names = names
        self._sources = {source.id: source for source in blueprint.sources}
        self._asked: dict[str, set[str]] = {}
        self.definitions: dict[str, JsonObject] = {}

    def describe_action(self, action: ActionBlueprint) -> JsonObject:
        """Return the operation that runs an action."""
        name = self._names[action.id]
        output = SwaggerSchemas(
            root=action.output_schema,
            name=f"{name}Output",
            note=note_output_losses(action, self._blueprint),
            decorate=lambda member, shape, depth: _summary(member, shape),
        )
        answered, definitions = output.write_object()
        self.definitions.update(definitions)
        answers = self._blueprint.call_answers
        return {
            "operationId": name,
            "summary": self._short(action.title, MAX_LABEL, "", action),
            "description": self._short(action.description or action.title, MAX_DESCRIPTION, "", action),
            **({"x-ms-safe-operation": True} if action.is_read_only else {}),
            "parameters": [*self._options(), self._body(action, name)],
            "responses": {
                "200": {"description": "The action's output.", "schema": answered},
                **({"202": _accepted(answers[202].headers)} if 202 in answers else {}),
                "default": _PROBLEM,
            },
        }

    def list_sources(self) -> list[tuple[SourceBlueprint, JsonObject]]:
        """Return the sources that dropdowns ask, with their operations; call it after the actions."""
        return [(self._sources[id], self._describe_source(self._sources[id])) for id in sorted(self._asked)]

    def _body(self, action: ActionBlueprint, name: str) -> JsonObject:
        losses = InputLosses(action, self._blueprint)
        shown = [one.name for one in action.form]
        streams = {one.name for one in action.fields} - set(shown)
        wanted = {field for group in action.one_of for field in group}

        def decorate(member: str, shape: Shape, depth: int) -> JsonObject:
            is_needed = depth == 1 and member in needed
            return {
                **_summary(member, shape),
                **self._describe(shape, member, action),
                **_visibility(shape, is_needed=is_needed, is_wanted=depth == 1 and member in wanted),
                **self._dropdown(shape),
            }

        schemas = SwaggerSchemas(
            root=action.input_schema, name=f"{name}Input", is_form=True, note=losses.note, decorate=decorate
        )
        needed = set(schemas.reader.read(action.input_schema).needed)
        schema, definitions = schemas.write_object(first=shown, without=streams)
        self.definitions.update(definitions)
        for stream in sorted(streams):
            self._blueprint.losses.add(
                action.id,
                stream,
                "Flows take no streams.",
                "Call the action by a program that reads events; a flow gets the same answer whole.",
            )
        losses.note_rest()
        schema.pop("additionalProperties", None)
        members = schema.setdefault("properties", {})
        assert isinstance(members, dict)  # made above, or by the line before
        members.update((option, told) for option, told in self._raw_json() if option not in members)
        return {
            "name": "body",
            "in": "body",
            "required": True,
            "description": "The fields of the action.",
            "schema": schema,
        }

    def _raw_json(self) -> list[tuple[str, JsonObject]]:
        return [
            (
                option.name,
                {
                    "type": "string",
                    "description": shorten(option.description, MAX_DESCRIPTION),
                    "x-ms-summary": option.title,
                    "x-ms-visibility": "advanced",
                },
            )
            for option in self._blueprint.call_options
            if option.place == "field" and option.name == "raw_json"
        ]

    def _options(self) -> list[JsonObject]:
        """Return the parameters that every action has besides its body."""
        told: list[JsonObject] = []
        if self._blueprint.has_option("profile"):
            told.append(
                {
                    "name": "profile",
                    "in": "query",
                    "required": True,
                    "type": "string",
                    "default": PROFILE,
                    "enum": [PROFILE],
                    "description": "Keeps the time that Power Automate waits for an answer.",
                    "x-ms-summary": "Platform",
                    "x-ms-visibility": "internal",
                }
            )
        for option in self._blueprint.call_options:
            if option.place == "header" and option.name not in _UNTOLD_HEADERS:
                choices = option.schema.get("enum")
                told.append(
                    {
                        "name": option.name,
                        "in": "header",
                        "required": False,
                        "type": "string",
                        **({"enum": choices} if isinstance(choices, list) else {}),
                        "description": shorten(option.description, MAX_DESCRIPTION),
                        "x-ms-summary": option.title,
                        "x-ms-visibility": "advanced",
                    }
                )
        return told

    def _dropdown(self, shape: Shape) -> JsonObject:
        hint = shape.notes.get(HINT)
        source, _, query = hint.partition("?") if isinstance(hint, str) else ("", "", "")
        if source not in self._sources:
            return {}
        given = dict(parse_qsl(query))
        self._asked.setdefault(source, set()).update(given)
        operation = self._names[f"options.{source}"]
        return {
            "x-ms-dynamic-values": {
                "operationId": operation,
                **({"parameters": given} if given else {}),
                "value-collection": "options",
                "value-path": "id",
                "value-title": "name",
            },
            "x-ms-dynamic-list": {
                "operationId": operation,
                **(
                    {"parameters": {name: {"value": value} for name, value in given.items()}} if given else {}
                ),
                "itemsPath": "options",
                "itemValuePath": "id",
                "itemTitlePath": "name",
            },
        }

    def _describe_source(self, source: SourceBlueprint) -> JsonObject:
        names = dict.fromkeys([*source.parameters, *sorted(self._asked[source.id])])
        title = shorten(source.title or source.id, MAX_LABEL)
        return {
            "operationId": self._names[f"options.{source.id}"],
            "summary": title,
            "description": shorten(f"Rows for the dropdown {title}.", MAX_DESCRIPTION),
            "x-ms-visibility": "internal",
            "parameters": [
                {
                    "name": name,
                    "in": "query",
                    "required": False,
                    "type": "string",
                    "description": "Narrows the rows down.",
                    "x-ms-summary": shorten(label_of(name), MAX_LABEL),
                    "x-ms-visibility": "internal",
                }
                for name in names
            ],
            "responses": {
                "200": {"description": "The rows.", "schema": {"$ref": "#/definitions/Options"}},
                "default": _PROBLEM,
            },
        }

    def _describe(self, shape: Shape, member: str, action: ActionBlueprint) -> JsonObject:
        text = shape.notes.get("description")
        if not isinstance(text, str) or not text.strip():
            return {}
        return {"description": self._short(text, MAX_DESCRIPTION, member, action)}

    def _short(self, text: str, most: int, place: str, action: ActionBlueprint) -> str:
        short = shorten(text, most)
        if len(short) < len(" ".join(text.split())):
            self._blueprint.losses.add(
                action.id,
                place,
                f"Its text is longer than {most} characters.",
                f"`GET {action.path}` has the whole text.",
            )
        return short


def _summary(name: str, shape: Shape) -> JsonObject:
    title = shape.notes.get("title")
    return {
        "x-ms-summary": shorten(
            title if isinstance(title, str) and title.strip() else label_of(name), MAX_LABEL
        )
    }


def _visibility(shape: Shape, *, is_needed: bool, is_wanted: bool) -> JsonObject:
    is_advanced = shape.notes.get("x-advanced") is True
    if is_needed or (is_wanted and not is_advanced):
        return {"x-ms-visibility": "important"}
    return {"x-ms-visibility": "advanced"} if is_advanced else {}


def _accepted(headers: Mapping[str, str]) -> JsonObject:
    told = {name: headers[name] for name in ("Location", "Retry-After") if name in headers}
    return {
        "description": "It takes longer; the platform looks at Location until it is there.",
        "headers": {name: {"type": "string", "description": meaning} for name, meaning in told.items()},
    }
