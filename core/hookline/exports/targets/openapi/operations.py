"""The operations of an OpenAPI document: actions, sources of options, and routes that describe themselves."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from hookline.engine.references import as_object
from hookline.exports.names import pascal_name
from hookline.exports.open_objects import open_object
from hookline.exports.schema_reading import alternatives_of
from hookline.exports.schema_walk import map_schemas
from hookline.exports.wording import shorten
from hookline.order import CALLBACK_URL

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call_options import CallOption
    from hookline.exports.blueprint import ActionBlueprint, Blueprint, RouteBlueprint, SourceBlueprint
    from hookline.exports.components import Components
    from hookline.operation import Answer

SCHEMAS = "#/components/schemas/"
MAX_DESCRIPTION = 300
"""Most characters of an operation's description that GPT Actions take."""
MAX_FIELD_DESCRIPTION = 700
"""Most characters of a parameter's description that GPT Actions take."""

REFUSALS = ("400", "401", "402", "403", "404", "409", "413", "415", "422", "429", "500", "502", "503", "504")
"""Statuses of errors that any operation may answer."""
_OPTIONS_SCHEMA: JsonObject = {
    "type": "object",
    "title": "Options",
    "description": "Rows of a dropdown.",
    "properties": {
        "options": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "What goes into the field."},
                    "name": {"type": "string", "description": "What people read."},
                },
                "required": ["id", "name"],
            },
        },
        "next_cursor": {"type": ["string", "null"], "description": "What to send as cursor for more."},
        "warnings": {"type": "array", "items": {"type": "object"}, "description": "What is to be known."},
    },
    "required": ["options", "next_cursor", "warnings"],
}


def describe_action(
    action: ActionBlueprint, blueprint: Blueprint, components: Components, *, name: str
) -> JsonObject:
    """Return the operation that runs an action."""
    fields = [one for one in blueprint.call_options if one.place == "field"]
    taken = components.add(
        f"{name}Input", _short_texts(_with_fields(action.input_schema, fields), action, blueprint)
    )
    answered = components.add(f"{name}Output", _short_texts(action.output_schema, action, blueprint))
    output = {
        "schema": answered,
        "examples": {"whole": {"summary": "An output with every field", "value": action.sample_output}},
    }
    content: JsonObject = {"application/json": output}
    if action.streams:
        content["text/event-stream"] = {
            "schema": {
                "type": "string",
                "description": "Events, if `stream` is true; the last one holds the whole output.",
            }
        }
    operation: JsonObject = {
        "operationId": name,
        "summary": shorten(action.title, 120),
        "description": _short(action.description, MAX_DESCRIPTION, "", action, blueprint),
        "tags": [action.connector_title],
        "x-openai-isConsequential": not action.is_read_only,
        "parameters": [
            {"$ref": f"#/components/parameters/{parameter_name(option)}"}
            for option in blueprint.call_options
            if option.place != "field"
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": taken, "examples": _examples(action)}},
        },
        "responses": {
            "200": {"description": "The action's output.", "content": content},
            **{str(status): _response(answer) for status, answer in blueprint.call_answers.items()},
            **_refusals(),
        },
    }
    if any(one.name == CALLBACK_URL for one in fields):
        operation["callbacks"] = {"onComplete": {"{$request.body#/" + CALLBACK_URL + "}": _callback(output)}}
    return operation


def describe_source(source: SourceBlueprint, components: Components, *, name: str) -> JsonObject:
    """Return the operation that lists the options of a dropdown."""
    if "OptionsPage" not in components.schemas:
        components.add("OptionsPage", _OPTIONS_SCHEMA)
    own = {one: ("A parameter of this source.", {"type": "string"}) for one in source.parameters}
    common: dict[str, tuple[str, JsonObject]] = {
        "q": ("Only rows whose id or name contains this.", {"type": "string", "maxLength": 200}),
        "limit": ("Most rows of one answer.", {"type": "integer", "minimum": 1, "maximum": 1000}),
        "cursor": ("The next_cursor of an earlier answer.", {"type": "string"}),
    }
    return {
        "operationId": name,
        "summary": source.title,
        "description": f"Rows for the dropdown {source.title!r}.",
        "tags": ["Options"],
        "x-openai-isConsequential": False,
        "parameters": [
            {"name": key, "in": "query", "required": False, "description": text, "schema": schema}
            for key, (text, schema) in {**common, **own}.items()
        ],
        "responses": {
            "200": {
                "description": "The rows.",
                "content": {"application/json": {"schema": {"$ref": SCHEMAS + "OptionsPage"}}},
            },
            **_refusals(),
        },
    }


def describe_route(route: RouteBlueprint, components: Components, *, name: str) -> JsonObject:
    """Return the operation of a route that describes itself."""
    told = route.operation
    described: JsonObject = {
        "operationId": name,
        "summary": told.title,
        "description": shorten(told.description, MAX_DESCRIPTION),
        "tags": [told.group],
        "x-openai-isConsequential": route.method != "GET",
    }
    if told.parameters:
        described["parameters"] = [
            {
                "name": one.name,
                "in": "path" if one.is_in_path else "query",
                "required": one.is_in_path,
                "description": one.description,
                "schema": one.schema,
            }
            for one in told.parameters
        ]
    if told.body is not None:
        media: JsonObject = {"schema": components.add(f"{name}Body", told.body)}
        if told.example is not None:
            media["example"] = told.example
        described["requestBody"] = {"required": True, "content": {"application/json": media}}
    described["responses"] = {
        **_refusals(),
        **{str(status): _response(answer) for status, answer in told.answers.items()},
    }
    return described


def parameter_name(option: CallOption) -> str:
    """Return the name under which a document keeps a header or query parameter."""
    return pascal_name(option.name.lower().replace("-", "_")) + ("Header" if option.place == "header" else "")


def _with_fields(schema: JsonObject, fields: list[CallOption]) -> JsonObject:
    """Return an input's schema with what every call may have besides; its own members win."""
    own = as_object(schema.get("properties"))
    more: JsonObject = {
        one.name: {"title": one.title, "description": one.description, **one.schema, "x-advanced": True}
        for one in fields
        if one.name not in own
    }
    if not more:
        return schema
    if not own and _is_closed(schema):
        schema, _ = open_object(schema)
        own = as_object(schema["properties"])
    return {**schema, "properties": {**own, **more}}


def _is_closed(schema: JsonObject) -> bool:
    """Tell whether a schema without members of its own takes no others in one of its parts."""
    parts = islice(alternatives_of(schema, schema), 50)
    return any(one.get("additionalProperties") is False for one in parts)


def _examples(action: ActionBlueprint) -> JsonObject:
    if not action.samples:
        return {"smallest": {"summary": "What has to be given", "value": action.sample_input}}
    return {
        f"example{number}": {"summary": sample.title, "value": sample.input}
        for number, sample in enumerate(action.samples, start=1)
    }


def _response(answer: Answer) -> JsonObject:
    told: JsonObject = {"description": answer.description}
    if answer.headers:
        told["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}}
            for name, meaning in answer.headers.items()
        }
    if answer.schema is not None:
        told["content"] = {"application/json": {"schema": answer.schema}}
    if answer.links:
        told["links"] = {
            name: {
                "operationId": pascal_name(link.operation),
                "parameters": dict(link.parameters),
                "description": link.description,
            }
            for name, link in answer.links.items()
        }
    return told


def _refusals() -> JsonObject:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in (*REFUSALS, "default")}


def _callback(output: JsonObject) -> JsonObject:
    return {
        "post": {
            "summary": "The result, posted when it is there",
            "description": "Signed as Standard Webhooks say. Answer with any 2xx status.",
            "requestBody": {"required": True, "content": {"application/json": {"schema": output["schema"]}}},
            "responses": {"2XX": {"description": "It has arrived."}},
        }
    }


def _short_texts(schema: JsonObject, action: ActionBlueprint, blueprint: Blueprint) -> JsonObject:
    def change(one: JsonObject) -> JsonObject:
        text = one.get("description")
        if isinstance(text, str):
            one["description"] = _short(
                text, MAX_FIELD_DESCRIPTION, str(one.get("title", "")), action, blueprint
            )
        return one

    return map_schemas(schema, change)


def _short(text: str, most: int, place: str, action: ActionBlueprint, blueprint: Blueprint) -> str:
    short = shorten(text, most) if len(text) > most else text
    if short != text:
        blueprint.losses.add(
            action.id,
            place,
            f"Its description is longer than the {most} characters that GPT Actions read.",
            f"`GET {action.path}` has the whole text.",
        )
    return short
