"""OpenAI function tools: every action as a tool that a model can call, strict and plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.engine.references import as_object
from hookline.exports.components import without_file_words
from hookline.exports.names import flat_name, unique_names
from hookline.exports.open_objects import open_object
from hookline.exports.targets.openai_tools.strict_schema import StrictSchema
from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, Blueprint
    from hookline.exports.target import Files

MAX_DESCRIPTION = 1024
"""Most characters of a tool's description."""


def make_tools(blueprint: Blueprint) -> Files:
    """Return ``tools-strict.json`` and ``tools.json``: lists for the parameter ``tools`` of a chat."""
    names = unique_names([action.id for action in blueprint.actions], flat_name)
    return {
        "tools-strict.json": [
            _tool(names[action.id], action, _strict(action, blueprint), is_strict=True)
            for action in blueprint.actions
        ],
        "tools.json": [
            _tool(names[action.id], action, _plain(action, blueprint), is_strict=False)
            for action in blueprint.actions
        ],
    }


def _tool(name: str, action: ActionBlueprint, parameters: JsonObject, *, is_strict: bool) -> JsonObject:
    needs = ""
    if action.one_of:
        groups = ", or ".join(" and ".join(group) for group in action.one_of)
        needs = f" Give {groups}."
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": shorten(action.description, MAX_DESCRIPTION - len(needs)) + needs,
            "parameters": parameters,
            "strict": is_strict,
        },
    }


def _strict(action: ActionBlueprint, blueprint: Blueprint) -> JsonObject:
    def lose(place: str, lost: str, instead: str) -> None:
        blueprint.losses.add(action.id, place, lost, instead)

    return StrictSchema(action.input_schema, lose=lose, left_out=_about_streams(action)).write()


def _plain(action: ActionBlueprint, blueprint: Blueprint) -> JsonObject:
    opened, is_looser = open_object(without_file_words(action.input_schema))
    if is_looser:
        blueprint.losses.add(
            action.id,
            "",
            "A tool cannot say at its top which fields go together.",
            "Its description says it; the gateway answers with what is missing.",
        )
    hidden = _about_streams(action)
    members = as_object(opened["properties"])
    return {**opened, "properties": {name: one for name, one in members.items() if name not in hidden}}


def _about_streams(action: ActionBlueprint) -> frozenset[str]:
    return frozenset(one.name for one in action.fields) - {one.name for one in action.form}
