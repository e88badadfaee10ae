"""OpenAPI 3.1: one document that describes every action, its errors, its callbacks and its dropdowns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.exports.components import Components
from hookline.exports.names import pascal_name, unique_names
from hookline.exports.targets.openapi.operations import (
    REFUSALS,
    SCHEMAS,
    describe_action,
    describe_route,
    describe_source,
    parameter_name,
)
from hookline.exports.targets.openapi.problem_schema import PROBLEM_SCHEMA, statuses

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import Blueprint
    from hookline.exports.target import Files

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_openapi(blueprint: Blueprint) -> Files:
    """Return ``openapi.json``."""
    return {"openapi.json": make_document(blueprint)}


def make_document(blueprint: Blueprint) -> JsonObject:
    """Return the document."""
    names = operation_ids(blueprint)
    components = Components(SCHEMAS)
    components.add("Problem", PROBLEM_SCHEMA)
    paths: JsonObject = {}
    tags: dict[str, str] = {}
    for action in blueprint.actions:
        tags.setdefault(action.connector_title, f"Actions of {action.connector_title}.")
        paths[action.path] = {"post": describe_action(action, blueprint, components, name=names[action.id])}
    for source in blueprint.sources:
        tags.setdefault("Options", "Rows of dropdowns.")
        paths[source.path] = {"get": describe_source(source, components, name=names[f"options.{source.id}"])}
    for route in blueprint.routes:
        tags.setdefault(route.operation.group, f"Routes for {route.operation.group.lower()}.")
        told = paths.setdefault(route.path, {})
        assert isinstance(told, dict)  # made above
        told[route.method.lower()] = describe_route(route, components, name=names[route.operation.id])
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": _DIALECT,
        "info": {
            "title": "Hookline",
            "summary": "Actions behind one limited, well-described webhook.",
            "description": "Every action is one POST with a JSON object. Errors are problem documents whose "
            "`message` says what to do.",
            "version": blueprint.version,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": blueprint.server_url}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [{"name": name, "description": text} for name, text in tags.items()],
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "parameters": _parameters(blueprint),
            "responses": {
                **{
                    str(status): _problem(meaning)
                    for status, meaning in statuses().items()
                    if str(status) in REFUSALS
                },
                "default": _problem("What went wrong."),
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of this gateway.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "The same key, for tools that send no `Authorization` of their own.",
                },
            },
        },
    }


def operation_ids(blueprint: Blueprint) -> dict[str, str]:
    """Return the operationId of every action, source (``options.ID``) and route, by its id.

    Raises:
        ConfigurationError: If two would be the same.
    """
    ids = [action.id for action in blueprint.actions]
    ids += [f"options.{source.id}" for source in blueprint.sources]
    ids += [route.operation.id for route in blueprint.routes]
    return unique_names(ids, pascal_name)


def _parameters(blueprint: Blueprint) -> JsonObject:
    return {
        parameter_name(option): {
            "name": option.name,
            "in": option.place,
            "required": False,
            "description": option.description,
            "schema": option.schema,
            **({} if option.example is None else {"example": option.example}),
        }
        for option in blueprint.call_options
        if option.place != "field"
    }


def _problem(meaning: str) -> JsonObject:
    return {
        "description": meaning,
        "headers": {
            "Retry-After": {
                "description": "Seconds to wait before the same call may succeed.",
                "schema": {"type": "integer", "minimum": 1},
            }
        },
        "content": {"application/problem+json": {"schema": {"$ref": SCHEMAS + "Problem"}}},
    }
