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
        name="power-platform",
        title="Power Platform",
        summary="A custom connector for Power Automate, Power Apps, Logic Apps and Copilot Studio.",
        next_step="Import apiDefinition.swagger.json under Custom connectors, or give both files to "
        "`paconn create`.",
        file="power-platform",
        make="hookline.exports.power_platform:make_connector",
    ),
)
