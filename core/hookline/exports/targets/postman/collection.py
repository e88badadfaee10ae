"""Postman: a collection of format 2.1 with a folder per connector, variables, and saved answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.exports.json_text import stable_id
from hookline.exports.targets.postman.field_table import plain
from hookline.exports.targets.postman.requests import (
    KEY,
    SERVER,
    describe_action,
    describe_get,
    describe_source,
)

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint
    from hookline.exports.target import Files

FILE = "hookline.postman_collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

_ABOUT = """\
Every action is one POST with a JSON object.

1. Open **Variables** and put a key into `{key}`. Do not share it: it is sent with every request here.
2. Open a request and press **Send**.

An error says in `message` what to do. A 401 means that `{key}` is empty or not a key of {server}.
"""


def make_postman(blueprint: Blueprint) -> Files:
    """Return ``hookline.postman_collection.json``."""
    return {FILE: make_collection(blueprint)}


def make_collection(blueprint: Blueprint) -> JsonObject:
    """Return the collection."""
    return {
        "info": {
            "_postman_id": stable_id("postman", "collection"),
            "name": "Hookline",
            "description": _ABOUT.format(key=KEY, server=plain(blueprint.server_url)),
            "schema": SCHEMA,
        },
        "item": [*_connectors(blueprint), *_options(blueprint), *_others(blueprint)],
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{KEY}}}}}", "type": "string"}]},
        "variable": [
            {"key": SERVER, "value": blueprint.server_url, "type": "string"},
            {"key": KEY, "value": "", "type": "string"},
        ],
    }


def _connectors(blueprint: Blueprint) -> list[JsonObject]:
    folders: dict[str, list[ActionBlueprint]] = {}
    for action in blueprint.actions:
        folders.setdefault(action.connector, []).append(action)
    return [
        _folder(
            actions[0].connector_title,
            f"connector {connector}",
            [request for action in actions for request in describe_action(action)],
        )
        for connector, actions in folders.items()
    ]


def _options(blueprint: Blueprint) -> list[JsonObject]:
    """Return a folder with each dropdown's rows, as the fields of the actions ask for them."""
    asked: dict[str, dict[tuple[tuple[str, str], ...], None]] = {
        source.id: {} for source in blueprint.sources
    }
    for action in blueprint.actions:
        for field in action.form:
            if field.options is not None and field.options.source in asked:
                asked[field.options.source].setdefault(field.options.query)
    requests = [
        describe_source(source, query)
        for source in blueprint.sources
        for query in (asked[source.id] or {(): None})
    ]
    return [_folder("Options", "options", requests)] if requests else []


def _others(blueprint: Blueprint) -> list[JsonObject]:
    """Return a folder with what can be read without knowing an id, such as whose key it is."""
    requests = [
        describe_get(route)
        for route in blueprint.routes
        if route.method == "GET" and "{" not in route.path and route.path != "/"
    ]
    return [_folder("Gateway", "gateway", requests)] if requests else []


def _folder(name: str, id: str, requests: list[JsonObject]) -> JsonObject:
    return {"id": stable_id("postman", id), "name": name, "item": requests}
