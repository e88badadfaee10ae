"""Make: a custom app with a connection, one module per action, and remote procedures for dropdowns.

The folder is what "Import App" of Make's extension for VS Code reads as a ZIP archive. By ``makecomapp.json``
its local development finds the same files, to update an app that is there already.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hookline.exports.dropdown_links import dropdown_links, link_key
from hookline.exports.flat_forms import plain_text, plain_value
from hookline.exports.form_losses import note_form, short_text
from hookline.exports.names import pascal_name, unique_names
from hookline.exports.targets.make.errors import error_map
from hookline.exports.targets.make.fields import MakeForm, describe_interface
from hookline.exports.targets.make.project import describe_project
from hookline.exports.whole_samples import whole_sample
from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint, OptionsLink, SourceBlueprint
    from hookline.exports.target import Files

APP = "hookline"
"""Name of the app, and of the folder that the archive holds."""

CONNECTION = "hookline"
TIMEOUT_MS = 300_000
"""The longest that Make waits for an answer."""

MAX_ID = 48
"""Most characters of a module's name."""

_PROFILE = "make-long"  # 280 s: modules wait as long as the base says; only remote procedures end after 40 s
_MAX_TITLE = 100
_MAX_DESCRIPTION = 255
_MAX_ROWS = 500
_SANITIZE = {"sanitize": ["request.headers.authorization"]}


def make_make(blueprint: Blueprint) -> Files:
    """Return the files of the app.

    Raises:
        ConfigurationError: If two actions or dropdowns would get the same name.
    """
    names = unique_names((action.id for action in blueprint.actions), module_name)
    links = dropdown_links(blueprint)
    dropdowns = unique_names(links, dropdown_name)
    files: dict[str, object] = {
        "metadata.json": {
            "name": APP,
            "label": "Hookline",
            "description": "Actions of a Hookline gateway.",
            "version": 1,
            "theme": "#2f5d8a",
            "language": "en",
            "countries": [],
        },
        ".sdk": {"version": 2},
        "readme.md": _readme(blueprint),
        "base.imljson": _base(blueprint),
        **_connection(blueprint),
    }
    for link, name in dropdowns.items():
        files.update(_dropdown(name, link, links[link]))
    for action in blueprint.actions:
        files.update(_module(names[action.id], action, blueprint, dropdowns))
    files["groups.json"] = _groups(blueprint, names)
    files["makecomapp.json"] = describe_project(files)
    return files


def module_name(id: str) -> str:
    """Return the name of an action's module: ``openai.list_models`` becomes ``openaiListModels``."""
    name = pascal_name(id)
    name = name[:1].lower() + name[1:]
    if len(name) > MAX_ID:
        name = name[: MAX_ID - 8] + hashlib.sha256(id.encode()).hexdigest()[:8]
    return name if len(name) > 2 else f"{name}Action"


def dropdown_name(link: OptionsLink) -> str:
    """Return the name of a dropdown's remote procedure, such as ``listOpenaiModels``."""
    return module_name(f"list.{link_key(link)}")


def _readme(blueprint: Blueprint) -> str:
    return (
        "# Hookline\n\n"
        f"Runs the actions of the gateway at {blueprint.server_url}.\n"
        "The connection asks for a key of that gateway, with the scopes `actions:run` and `catalog:read`.\n"
        "What a module has no field for goes into its advanced field Raw JSON.\n"
    )


def _base(blueprint: Blueprint) -> JsonObject:
    return {
        "baseUrl": blueprint.server_url,
        "timeout": TIMEOUT_MS,
        "headers": {"authorization": "Bearer {{connection.apiKey}}", "accept": "application/json"},
        "response": {"type": "json", "error": error_map()},
        "log": _SANITIZE,
    }


def _connection(blueprint: Blueprint) -> dict[str, object]:
    folder = f"connections/{CONNECTION}"
    return {
        f"{folder}/metadata.json": {"name": CONNECTION, "label": "Hookline", "type": "basic"},
        f"{folder}/api.imljson": {
            "url": blueprint.url_of("/me"),
            "method": "GET",
            "headers": {"authorization": "Bearer {{parameters.apiKey}}", "accept": "application/json"},
            "response": {
                "type": "json",
                "metadata": {"type": "text", "value": "{{body.label}}"},
                "error": error_map(),
            },
            "log": _SANITIZE,
        },
        f"{folder}/parameters.imljson": [
            {
                "name": "apiKey",
                "label": "API key",
                "type": "password",
                "required": True,
                "editable": True,
                "help": "A key of your Hookline gateway, with the scopes `actions:run` and `catalog:read`.",
            }
        ],
        f"{folder}/scope.imljson": [],
        f"{folder}/scopes.imljson": {},
    }


def _dropdown(name: str, link: OptionsLink, source: SourceBlueprint) -> dict[str, object]:
    return {
        f"rpcs/{name}/metadata.json": {
            "name": name,
            "label": shorten(plain_text(source.title) or name, _MAX_TITLE),
            "connection": CONNECTION,
        },
        f"rpcs/{name}/api.imljson": {
            "url": source.path,
            "method": "GET",
            "qs": {**{name: plain_text(value) for name, value in link.query}, "limit": _MAX_ROWS},
            "response": {
                "limit": _MAX_ROWS,
                "iterate": "{{body.options}}",
                "output": {"label": "{{item.name}}", "value": "{{item.id}}"},
            },
        },
        f"rpcs/{name}/parameters.imljson": [],
    }


def _module(
    name: str, action: ActionBlueprint, blueprint: Blueprint, dropdowns: dict[OptionsLink, str]
) -> dict[str, object]:
    note_form(blueprint, action)
    form = MakeForm(action, blueprint, dropdowns)
    communication: JsonObject = {"url": action.path, "method": "POST", "body": form.body}
    if blueprint.has_option("profile"):
        communication["qs"] = {"profile": _PROFILE}
    communication["response"] = {"output": "{{body}}"}
    if not action.outputs:
        blueprint.losses.add(
            action.id,
            "output",
            "What comes out is not known beforehand.",
            "Run the scenario once: Make then lists what came.",
        )
    folder = f"modules/{name}"
    description = action.description or action.title or action.id
    return {
        f"{folder}/metadata.json": {
            "name": name,
            "label": short_text(action.title or action.id, _MAX_TITLE, "title", action, blueprint),
            "description": short_text(description, _MAX_DESCRIPTION, "description", action, blueprint),
            "type": "action",
            "connection": CONNECTION,
        },
        f"{folder}/api.imljson": communication,
        f"{folder}/parameters.imljson": [],
        f"{folder}/expect.imljson": form.parameters,
        f"{folder}/interface.imljson": describe_interface(action, blueprint),
        f"{folder}/samples.imljson": plain_value(whole_sample(action)),
        f"{folder}/scope.imljson": [],
    }


def _groups(blueprint: Blueprint, names: dict[str, str]) -> list[JsonObject]:
    groups: dict[str, list[str]] = {}
    for action in blueprint.actions:
        groups.setdefault(plain_text(action.connector_title), []).append(names[action.id])
    return [{"label": label, "modules": modules} for label, modules in groups.items()]
