"""The targets that come with Hookline; each has a module of its own, imported when it is asked for."""

from __future__ import annotations

from hookline.exports.target import ExportTarget

TARGETS = (
    ExportTarget(
        name="openapi",
        title="OpenAPI 3.1",
        summary="One document that describes every action, for Retool, GPT Actions and code generators.",
        next_step="Import {out} where the tool asks for an OpenAPI document.",
        file="openapi.json",
        make="hookline.exports.targets.openapi.document:make_openapi",
    ),
    ExportTarget(
        name="openai-tools",
        title="OpenAI function tools",
        summary="Every action as a function tool that a model can call, strict and plain.",
        next_step="Send what a file in {out} holds as `tools`, and run what the model calls with "
        "POST /actions/{id}.",
        file="openai-tools",
        make="hookline.exports.targets.openai_tools.tools:make_tools",
    ),
    ExportTarget(
        name="curl",
        title="cURL",
        summary="One command per action for a shell, and one for n8n's Import cURL.",
        next_step="Run {out}/NAME.sh with your key in HOOKLINE_KEY, or paste {out}/n8n/NAME.sh into n8n.",
        file="curl",
        make="hookline.exports.targets.curl:make_curl",
    ),
    ExportTarget(
        name="n8n",
        title="n8n",
        summary="A workflow with one HTTP Request node per action.",
        next_step="In n8n make a Header Auth credential called Hookline, then import {out}.",
        file="hookline-workflow.json",
        make="hookline.exports.targets.n8n:make_n8n",
    ),
    ExportTarget(
        name="postman",
        title="Postman",
        summary="A collection with every action, its samples and its answers.",
        next_step="Import {out}, and put your key into the variable hookline_key.",
        file="hookline.postman_collection.json",
        make="hookline.exports.targets.postman.collection:make_postman",
    ),
    ExportTarget(
        name="html",
        title="HTML",
        summary="One page that tells of every action, its fields, samples and errors, to read and to print.",
        next_step="Open {out} in a browser.",
        file="reference.html",
        make="hookline.exports.targets.html.page:make_html",
    ),
    ExportTarget(
        name="power-platform",
        title="Power Platform",
        summary="A custom connector for Power Automate, Power Apps, Logic Apps and Copilot Studio.",
        next_step="Import {out}/apiDefinition.swagger.json under Custom connectors, or give both files to "
        "`paconn create`.",
        file="power-platform",
        make="hookline.exports.targets.power_platform.connector:make_connector",
        is_remote=True,
    ),
    ExportTarget(
        name="zapier",
        title="Zapier",
        summary="A private Zapier app: a connection, dropdowns, and one step per action.",
        next_step="In the folder {out}, type `npm install`, `npx zapier-platform-cli login`, "
        "`npx zapier-platform-cli register Hookline` and `npx zapier-platform-cli push`.",
        file="zapier",
        make="hookline.exports.targets.zapier.app:make_zapier",
        is_remote=True,
    ),
    ExportTarget(
        name="make",
        title="Make",
        summary="A custom app for Make: a connection, dropdowns, and one module per action.",
        next_step='Choose the command "Import App" of the extension Make Apps Editor in VS Code, and give it '
        "{out}.",
        file="hookline",
        make="hookline.exports.targets.make.app:make_make",
        is_remote=True,
        out="hookline.zip",
    ),
)
