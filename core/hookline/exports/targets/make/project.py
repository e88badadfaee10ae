"""The file ``makecomapp.json``, by which Make's extension for VS Code deploys the files of an app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from hookline.engine.references import as_object

if TYPE_CHECKING:
    from hookline.action import JsonObject

_CODES = {
    "connection": {"communication": "api", "params": "parameters"},
    "module": {
        "communication": "api",
        "staticParams": "parameters",
        "mappableParams": "expect",
        "interface": "interface",
        "samples": "samples",
        "scope": "scope",
    },
    "rpc": {"communication": "api", "params": "parameters"},
}
_KINDS = ("connection", "module", "rpc", "webhook", "function", "endpoint")


def describe_project(files: Mapping[str, object]) -> JsonObject:
    """Return the project file for the files of an app.

    It names no app of Make's: that is asked for when the files are deployed.
    """
    components: dict[str, JsonObject] = {kind: {} for kind in _KINDS}
    for path, content in files.items():
        folder, _, file = path.rpartition("/")
        if file == "metadata.json" and folder:
            kind = folder.partition("/")[0].removesuffix("s")
            metadata = as_object(content)
            components[kind][str(metadata["name"])] = _describe(kind, folder, metadata)
    return {
        "fileVersion": 1,
        "generalCodeFiles": {
            "base": "base.imljson",
            "common": None,
            "readme": "readme.md",
            "groups": "groups.json",
        },
        "components": cast("JsonObject", components),
        "origins": [],
    }


def _describe(kind: str, folder: str, metadata: JsonObject) -> JsonObject:
    told: JsonObject = {
        "label": metadata["label"],
        "codeFiles": {code: f"{folder}/{file}.imljson" for code, file in _CODES[kind].items()},
    }
    if kind == "connection":
        return {**told, "connectionType": metadata["type"]}
    told["connection"] = metadata["connection"]
    if kind == "module":
        told |= {"description": metadata["description"], "moduleType": metadata["type"], "actionCrud": None}
    return told
