"""n8n: a workflow with one HTTP Request node per action."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from hookline.exports.field_keys import MEMBERS_IN_JAVASCRIPT
from hookline.exports.json_text import stable_id, write_json
from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint, FormField
    from hookline.exports.target import Files

FILE = "hookline-workflow.json"
CREDENTIAL = "Hookline"
TRIGGER = "Run by hand"
PROFILE = "n8n"

_HTTP_VERSION = 4.2  # the newest that n8n had for two years: later ones take it too
_TIMEOUT_MS = 300_000  # more than the 280 s of the profile, so that the gateway answers first
_WIDTH, _HEIGHT = 300, 200
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def make_n8n(blueprint: Blueprint) -> Files:
    """Return ``hookline-workflow.json``."""
    return {FILE: make_workflow(blueprint)}


def make_workflow(blueprint: Blueprint) -> JsonObject:
    """Return the workflow: a trigger, a node per action, and a note that says what to do."""
    connectors = list(dict.fromkeys(action.connector for action in blueprint.actions))
    rows = dict.fromkeys(connectors, 0)
    nodes = [_note(blueprint), _trigger()]
    for action in blueprint.actions:
        x = _WIDTH * (1 + connectors.index(action.connector))
        nodes.append(_node(action, blueprint, position=[x, _HEIGHT * rows[action.connector]]))
        rows[action.connector] += 1
        _note_losses(action, blueprint)
    steps = [{"node": node_name(action), "type": "main", "index": 0} for action in blueprint.actions]
    return {
        "name": "Hookline",
        "nodes": nodes,
        "connections": {TRIGGER: {"main": [steps]}},
        "pinData": {},
        "settings": {"executionOrder": "v1"},
    }


def node_name(action: ActionBlueprint) -> str:
    """Return what a node is called; no two actions share an id, so no two nodes share a name."""
    return f"{shorten(action.title, 60)} ({action.id})"


def _node(action: ActionBlueprint, blueprint: Blueprint, *, position: list[int]) -> JsonObject:
    parameters: JsonObject = {
        "method": "POST",
        "url": blueprint.url_of(action.path),
        "authentication": "genericCredentialType",
        "genericAuthType": "httpHeaderAuth",
    }
    if blueprint.has_option("profile"):
        parameters |= {"sendQuery": True, "queryParameters": _pairs(("profile", PROFILE))}
    if blueprint.has_option("X-Hookline-Flow"):
        parameters |= {
            "sendHeaders": True,
            "headerParameters": _pairs(("X-Hookline-Flow", "={{ $workflow.id }}")),
        }
    parameters |= {
        "sendBody": True,
        "contentType": "json",
        "specifyBody": "json",
        "jsonBody": _body(action),
        "options": {
            "timeout": _TIMEOUT_MS,
            # A problem document is JSON, which detection by its content type does not see.
            "response": {"response": {"responseFormat": "json"}},
            "sendCredentialsOnCrossOriginRedirect": False,
        },
    }
    return {
        "id": stable_id("n8n", action.id),
        "name": node_name(action),
        "type": "n8n-nodes-base.httpRequest",
        "typeVersion": _HTTP_VERSION,
        "position": position,
        "parameters": parameters,
        "credentials": {"httpHeaderAuth": {"id": None, "name": CREDENTIAL}},
        "notes": _describe(action),
    }


def _body(action: ActionBlueprint) -> str:
    """Return the sample as JSON, in which texts of the item that comes in take the place of sample texts."""
    fields = {field.name: field for field in action.form}
    mapped = {
        name: text
        for name, text in action.sample_input.items()
        if isinstance(text, str) and name in fields and _is_mapped(fields[name])
    }
    lines = []
    for name, value in action.sample_input.items():
        told = write_json(value).replace("\n", "\n  ")
        if name in mapped:
            told = "{{ JSON.stringify($json." + name + " ?? " + told + ") }}"
        lines.append(f"  {write_json(name)}: {told}")
    body = "{\n" + ",\n".join(lines) + "\n}" if lines else "{}"
    return f"={body}" if mapped else body


def _is_mapped(field: FormField) -> bool:
    return (
        field.kind == "text"
        and (field.is_required or field.is_multiline)
        and field.options is None
        and not field.is_binary
        and _PLAIN_NAME.fullmatch(field.name) is not None
        and field.name not in MEMBERS_IN_JAVASCRIPT
    )


def _describe(action: ActionBlueprint) -> str:
    names = [
        f"{json.dumps(field.name, ensure_ascii=False)}{' (needed)' if field.is_required else ''}"
        for field in action.form
    ]
    text = shorten(action.description or action.title, 500)
    return f"{text}\n\nFields: {', '.join(names)}." if names else text


def _trigger() -> JsonObject:
    return {
        "id": stable_id("n8n", "trigger"),
        "name": TRIGGER,
        "type": "n8n-nodes-base.manualTrigger",
        "typeVersion": 1,
        "position": [0, 0],
        "parameters": {},
    }


def _note(blueprint: Blueprint) -> JsonObject:
    text = f"""\
## Hookline

1. Make a credential of the type **Header Auth** and call it `{CREDENTIAL}`.
   Name: `X-API-Key`. Value: a key of {blueprint.server_url}.
   Nodes that are red ask for it: choose it there.
2. Open a node and press **Execute step**. It sends a sample, and runs that one action.
3. Put your own values into **JSON**.
   A text such as `$json.prompt` comes from the step before, if that has it.
4. Copy the node to where you need it.

**Execute workflow** runs every action, and what costs money costs it.

If a node fails, it shows what to do. To go on all the same: Settings, **On Error**.
"""
    return {
        "id": stable_id("n8n", "note"),
        "name": "What to do",
        "type": "n8n-nodes-base.stickyNote",
        "typeVersion": 1,
        "position": [-520, -80],
        "parameters": {"content": text, "width": 440, "height": 480},
    }


def _pairs(*pairs: tuple[str, str]) -> JsonObject:
    return {"parameters": [{"name": name, "value": value} for name, value in pairs]}


def _note_losses(action: ActionBlueprint, blueprint: Blueprint) -> None:
    sources = {source.id: source for source in blueprint.sources}
    for field in action.form:
        link = field.options
        if link is not None and link.source in sources:
            query = f"?{urlencode(link.query)}" if link.query else ""
            blueprint.losses.add(
                action.id,
                field.name,
                "The HTTP Request node has no dropdown, so its values are typed.",
                f"`GET {sources[link.source].path}{query}` lists them.",
            )
        if field.is_binary:
            blueprint.losses.add(
                action.id,
                field.name,
                "n8n keeps files beside JSON, and this field takes text.",
                "Put the node Extract from File in front, with Move File to Base64 String.",
            )
    if action.streams:
        blueprint.losses.add(
            action.id,
            "stream",
            "The node hands on the whole answer, not piece by piece.",
            'Put `"stream": true` into JSON and set Response Format to Text: the events come as one text.',
        )
