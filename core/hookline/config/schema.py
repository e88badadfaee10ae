"""A JSON Schema of the whole settings file, tables of installed plugins and connectors included.

Editors complete and check a file by it: it is stricter than the gateway where that reads text as a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from hookline.settings import ConnectionSettings, PluginSettings, Settings

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.action import JsonObject
    from hookline.config.surroundings import Surroundings

_ACTIONS = "Different options for actions, by `connector.*` or `connector.action`."
_KEYS = "Different options for keys, by the key's id."


def make_schema(around: Surroundings) -> JsonObject:
    """Return a JSON Schema 2020-12 of the settings file.

    Args:
        around: The plugins and connectors that have tables in it.
    """
    options = {c.id: c.options for c in around.catalog.connectors.values() if c.options is not None}
    models: list[type[BaseModel]] = [Settings, ConnectionSettings, *around.models.values(), *options.values()]
    refs, whole = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)],
        schema_generator=_WithoutTitles,
        ref_template="#/$defs/{model}",
    )
    definitions = cast("dict[str, JsonObject]", whole["$defs"])

    def at(model: type[BaseModel]) -> JsonObject:
        return cast("JsonObject", refs[model, "validation"])

    def body(model: type[BaseModel]) -> JsonObject:
        return definitions[str(at(model)["$ref"]).rpartition("/")[2]]

    schema = dict(body(Settings))
    properties = dict(cast("dict[str, JsonObject]", schema["properties"]))
    plugins = dict(_resolved(properties["plugins"], definitions))
    tables = {name: _plugin_table(body(model)) for name, model in around.models.items()}
    idle = {name: {"type": "object"} for name, info in around.host.plugins.items() if info.status != "active"}
    own = dict(cast("dict[str, JsonObject]", plugins["properties"]))
    plugins |= {"properties": {**own, **tables, **idle}, "additionalProperties": False}
    properties["plugins"] = plugins
    properties["connections"] = _connections(
        at(ConnectionSettings), body(ConnectionSettings), {id: body(model) for id, model in options.items()},
        list(around.catalog.connectors),
    )  # fmt: skip
    definitions.pop(PluginSettings.__name__, None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Hookline",
        **schema,
        "properties": properties,
        "$defs": definitions,
    }


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of names: an editor shows the description."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """Return that none is."""
        return False


def _resolved(schema: JsonObject, definitions: dict[str, JsonObject]) -> JsonObject:
    ref = schema.get("$ref")
    return definitions[str(ref).rpartition("/")[2]] if ref else schema


def _plugin_table(options: JsonObject) -> JsonObject:
    """Return the schema of a plugin's table: its options, for all, for actions and for keys."""
    fields = cast("JsonObject", options.get("properties", {}))
    for_action = _closed(fields)
    by_action = {"type": "object", "description": _ACTIONS, "additionalProperties": for_action}
    for_key = _closed({**fields, "actions": by_action})
    by_key = {"type": "object", "description": _KEYS, "additionalProperties": for_key}
    table = _closed({**fields, "actions": by_action, "keys": by_key})
    return {"description": str(options.get("description", "")), **table}


def _closed(fields: JsonObject) -> JsonObject:
    return {"type": "object", "properties": fields, "additionalProperties": False}


def _connections(
    any_of_them: JsonObject, members: JsonObject, options: dict[str, JsonObject], connectors: list[str]
) -> JsonObject:
    """Return the schema of the accounts: one that bears a connector's name takes this connector's options."""
    fields = cast("JsonObject", members["properties"])
    own: JsonObject = {}
    for id in connectors:
        more = cast("JsonObject", options.get(id, {}).get("properties", {}))
        closed = _closed({**fields, **more})
        own[id] = {"if": {"required": ["connector"]}, "then": any_of_them, "else": closed, "type": "object"}
    return {
        "type": "object",
        "description": "Upstream accounts, by name.",
        "properties": own,
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
        "additionalProperties": {**any_of_them, "required": ["connector"]},
    }
