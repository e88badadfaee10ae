"""Zapier: an app of declared requests, with a connection, dropdowns and one step per action.

The app is data: the one line of JavaScript beside it hands the data to Zapier's tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from hookline.exports.dropdown_links import dropdown_links, link_key
from hookline.exports.flat_forms import plain_text
from hookline.exports.form_losses import note_form, short_text
from hookline.exports.names import flat_name, unique_names
from hookline.exports.targets.zapier.fields import ZapierForm, describe_outputs
from hookline.exports.whole_samples import whole_sample
from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint, OptionsLink, SourceBlueprint
    from hookline.exports.target import Files

PLATFORM_VERSION = "19.1.0"
"""Version of ``zapier-platform-core`` that the app is written for; both sides have to name the same."""

MAX_LABEL = 64
MAX_DESCRIPTION = 1000
"""Most characters that Zapier takes."""

_PROFILE = "zapier"
_MAX_ROWS = 1000
_APP = "app.json"  # `definition.json` is the name of a file that Zapier's tools write themselves
_INDEX = f"module.exports = require('./{_APP}');\n"


def make_zapier(blueprint: Blueprint) -> Files:
    """Return the app, and what Zapier's tools need to find it."""
    return {
        _APP: make_app(blueprint),
        "index.js": _INDEX,
        "package.json": {
            "name": "hookline-zapier",
            "version": "1.0.0",
            "description": "Actions of a Hookline gateway.",
            "private": True,
            "main": "index.js",
            "dependencies": {"zapier-platform-core": PLATFORM_VERSION},
        },
    }


def make_app(blueprint: Blueprint) -> JsonObject:
    """Return the app definition.

    Raises:
        ConfigurationError: If two actions or dropdowns would get the same key.
    """
    keys = unique_names((action.id for action in blueprint.actions), flat_name)
    links = dropdown_links(blueprint)
    dropdowns = unique_names(links, link_key)
    return {
        "version": "1.0.0",
        "platformVersion": PLATFORM_VERSION,
        "flags": {"cleanInputData": True},
        "authentication": {
            "type": "custom",
            "test": {"method": "GET", "url": blueprint.url_of("/me")},
            "fields": [
                {
                    "key": "api_key",
                    "label": "API Key",
                    "type": "password",
                    "required": True,
                    "helpText": "A key of your Hookline gateway. It needs the scopes `actions:run` and "
                    "`catalog:read`.",
                }
            ],
            "connectionLabel": "{{bundle.inputData.label}}",
        },
        "requestTemplate": {
            "headers": {
                "Authorization": "Bearer {{bundle.authData.api_key}}",
                "Accept": "application/json",
            }
        },
        "triggers": {
            key: _describe_dropdown(key, link, links[link], blueprint) for link, key in dropdowns.items()
        },
        "creates": {
            keys[action.id]: _describe_create(keys[action.id], action, blueprint, dropdowns)
            for action in blueprint.actions
        },
    }


def _describe_dropdown(
    key: str, link: OptionsLink, source: SourceBlueprint, blueprint: Blueprint
) -> JsonObject:
    query = urlencode([*link.query, ("format", "array"), ("limit", _MAX_ROWS)])
    title = plain_text(source.title) or key
    return {
        "key": key,
        "noun": shorten(title, MAX_LABEL).ljust(2, "."),
        "display": {
            "label": shorten(f"List {title}", MAX_LABEL),
            "description": "Fills a dropdown.",
            "hidden": True,
        },
        "operation": {
            "perform": {"method": "GET", "url": f"{blueprint.url_of(source.path)}?{query}"},
            "sample": {"id": "id", "name": "Name"},
            "outputFields": [{"key": "id", "label": "Id"}, {"key": "name", "label": "Name"}],
        },
    }


def _describe_create(
    key: str, action: ActionBlueprint, blueprint: Blueprint, dropdowns: dict[OptionsLink, str]
) -> JsonObject:
    note_form(blueprint, action)
    form = ZapierForm(action, blueprint, dropdowns)
    url = blueprint.url_of(action.path) + (f"?profile={_PROFILE}" if blueprint.has_option("profile") else "")
    operation: JsonObject = {
        "inputFields": form.fields,
        "perform": {
            "method": "POST",
            "url": url,
            "headers": {"Content-Type": "application/json"},
            "body": form.body,
            "removeMissingValuesFrom": {"body": True},
        },
        "throttle": {"window": 60, "limit": 300, "scope": ["auth"]},
        "outputFields": describe_outputs(action, blueprint),
        "sample": whole_sample(action) or {"message": "Test the step to see what comes out."},
    }
    if form.groups:
        operation["inputFieldGroups"] = form.groups
    if not action.outputs:
        blueprint.losses.add(
            action.id,
            "output",
            "What comes out is not known beforehand.",
            "Test the step: Zapier then lists what came.",
        )
    title = short_text(action.title or action.id, MAX_LABEL, "title", action, blueprint).ljust(2, ".")
    description = action.description or action.title or action.id
    return {
        "key": key,
        "noun": title,
        "display": {
            "label": title,
            "description": short_text(description, MAX_DESCRIPTION, "description", action, blueprint),
        },
        "operation": operation,
    }
