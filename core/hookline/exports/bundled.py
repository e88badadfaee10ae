"""The targets that come with Hookline; each has a module of its own, imported when it is asked for."""

from __future__ import annotations

from hookline.exports.target import ExportTarget

TARGETS = (
    ExportTarget(
        name="openapi",
        title="OpenAPI 3.1",
        summary="One document that describes every action, for Retool, GPT Actions and code generators.",
        next_step="Import openapi.json where the tool asks for an OpenAPI document.",
        file="openapi.json",
        make="hookline.exports.openapi:make_openapi",
    ),
    ExportTarget(
        name="openai-tools",
        title="OpenAI function tools",
        summary="Every action as a function tool that a model can call, strict and plain.",
        next_step="Send the list as `tools`, and run what the model calls with POST /actions/{id}.",
        file="openai-tools",
        make="hookline.exports.openai_tools:make_tools",
    ),
    ExportTarget(
        name="zapier",
        title="Zapier",
        summary="A private Zapier app: a connection, dropdowns, and one step per action.",
        next_step="In the folder, type `npm install`, `npx zapier-platform-cli login`, "
        "`npx zapier-platform-cli register Hookline` and `npx zapier-platform-cli push`.",
        file="zapier",
        make="hookline.exports.zapier:make_zapier",
    ),
    ExportTarget(
        name="make",
        title="Make",
        summary="A custom app for Make: a connection, dropdowns, and one module per action.",
        next_step='Write it with `--out hookline.zip`, and choose the command "Import App" of the extension '
        "Make Apps Editor in VS Code.",
        file="hookline",
        make="hookline.exports.make:make_make",
    ),
)
