"""Power Platform: a custom connector for Power Automate, Power Apps, Logic Apps and Copilot Studio.

Source of limits and extensions: Microsoft's pages "Extend an OpenAPI definition for a custom connector" and
"Custom connectors FAQ", and the schemas in its repository PowerPlatformConnectors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookline.errors import ConfigurationError
from hookline.exports.dropdown_links import dropdown_links
from hookline.exports.form_fields import label_of
from hookline.exports.targets.openapi.document import operation_ids
from hookline.exports.targets.openapi.problem_schema import PROBLEM_SCHEMA
from hookline.exports.targets.power_platform.operations import PowerOperations
from hookline.exports.targets.power_platform.swagger_definitions import parts_of
from hookline.exports.targets.power_platform.swagger_schema import SwaggerSchemas

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import Blueprint
    from hookline.exports.target import Files
    from hookline.exports.targets.power_platform.schema_shapes import Shape

MAX_BYTES = 1_000_000
MAX_OPERATIONS = 256
MAX_SCHEMAS = 512

_HOST = re.compile(r"[^{}/ :\\]+(:\d+)?")
_NARROW = (
    "Export fewer actions: `--actions PATTERN`, such as `openai.*`; several exports make several connectors."
)
_OPTIONS: JsonObject = {
    "type": "object",
    "properties": {
        "options": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "title": "Id", "description": "What goes into the field."},
                    "name": {"type": "string", "title": "Name", "description": "What people read."},
                },
                "required": ["id", "name"],
            },
        }
    },
    "required": ["options"],
}


def make_connector(blueprint: Blueprint) -> Files:
    """Return ``apiDefinition.swagger.json`` and ``apiProperties.json``.

    Raises:
        ConfigurationError: If there is more than a connector can hold; says what to leave out.
    """
    definition = _make_definition(blueprint)
    size = len((json.dumps(definition, indent=2, ensure_ascii=False) + "\n").encode())
    if size >= MAX_BYTES:
        raise ConfigurationError(
            f"A connector for the Power Platform must be smaller than {MAX_BYTES:,} bytes; "
            f"this one has {size:,}.",
            hint=_NARROW,
        )
    return {"apiDefinition.swagger.json": definition, "apiProperties.json": _make_properties()}


def _make_definition(blueprint: Blueprint) -> JsonObject:
    address = urlsplit(blueprint.server_url)
    if not _HOST.fullmatch(address.netloc):
        raise ConfigurationError(
            f"The Power Platform takes no host such as {address.netloc!r}.",
            hint="Name the gateway's public address with --server, such as https://hooks.example.com.",
        )
    if len(blueprint.actions) > MAX_OPERATIONS:  # told at once, without what would be made in vain
        sources = {link.source for link in dropdown_links(blueprint)}
        _check_operations(len(blueprint.actions) + len(sources))
    names = operation_ids(blueprint)
    operations = PowerOperations(blueprint, names)
    paths: JsonObject = {}
    for action in blueprint.actions:
        described = operations.describe_action(action)
        _check_schemas(action.id, described, operations.definitions)
        paths[action.path] = {"post": described}
    for source, described in operations.list_sources():
        paths[source.path] = {"get": described}
    _check_operations(len(paths))
    definitions = {**operations.definitions, **_define("Problem", PROBLEM_SCHEMA)}
    if len(paths) > len(blueprint.actions):
        definitions.update(_define("Options", _OPTIONS))
    return {
        "swagger": "2.0",
        "info": {
            "title": "Hookline",
            "description": "Runs actions of connected services through one gateway, with limits, "
            "retries and clear errors.",
            "version": blueprint.version,
            "contact": {"name": "Hookline", "url": blueprint.server_url},
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "host": address.netloc,
        "basePath": address.path or "/",
        "schemes": [address.scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "definitions": dict(sorted(definitions.items())),
        "securityDefinitions": {
            "api_key": {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "A key of the gateway.",
            }
        },
        "security": [{"api_key": []}],
        "x-ms-connector-metadata": [
            {"propertyName": "Website", "propertyValue": blueprint.server_url},
            {"propertyName": "Privacy policy", "propertyValue": blueprint.server_url},
            {"propertyName": "Categories", "propertyValue": "AI;Productivity"},
        ],
    }


def _make_properties() -> JsonObject:
    return {
        "properties": {
            "iconBrandColor": "#1f6f5c",
            "capabilities": ["actions"],
            "connectionParameters": {
                "api_key": {
                    "type": "securestring",
                    "uiDefinition": {
                        "displayName": "Gateway key",
                        "description": "Paste a key of your gateway as it is, without Bearer in front. "
                        "`hookline keys create` makes one.",
                        "tooltip": "The key that calls of this connection are made with",
                        "constraints": {"tabIndex": 2, "clearText": False, "required": "true"},
                    },
                }
            },
        }
    }


def _define(name: str, schema: JsonObject) -> dict[str, JsonObject]:
    def decorate(member: str, shape: Shape, depth: int) -> JsonObject:
        return {"x-ms-summary": str(shape.notes.get("title") or label_of(member))}

    whole, definitions = SwaggerSchemas(root=schema, name=name, decorate=decorate).write_object()
    return {**definitions, name: whole}


def _check_operations(count: int) -> None:
    if count > MAX_OPERATIONS:
        raise ConfigurationError(
            f"A connector for the Power Platform has at most {MAX_OPERATIONS} operations; "
            f"this one has {count}.",
            hint=_NARROW,
        )


def _check_schemas(action_id: str, operation: JsonObject, definitions: dict[str, JsonObject]) -> None:
    for body in _bodies(operation):
        count = _count(body, definitions, set())
        if count > MAX_SCHEMAS:
            raise ConfigurationError(
                f"The Power Platform takes at most {MAX_SCHEMAS} schemas in a body; one of {action_id} "
                f"has {count}.",
                hint=f"Leave {action_id} out: name the others with `--actions`.",
            )


def _bodies(operation: JsonObject) -> Iterator[JsonObject]:
    parameters, responses = operation["parameters"], operation["responses"]
    assert isinstance(parameters, list)
    assert isinstance(responses, dict)
    for one in [*parameters, *responses.values()]:
        if "schema" in one:
            yield one["schema"]


def _count(schema: JsonObject, definitions: dict[str, JsonObject], seen: set[str]) -> int:
    """Return how many schemas there are, those of each definition once."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name:
        if name in seen or name not in definitions:
            return 0
        seen.add(name)
        return _count(definitions[name], definitions, seen)
    return 1 + sum(_count(part, definitions, seen) for part in parts_of(schema))
