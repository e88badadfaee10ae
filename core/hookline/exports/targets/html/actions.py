"""One action in the HTML export: what it does, takes and gives, with samples and a command to try."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from hookline.engine.field_rows import row_of
from hookline.exports.targets.curl import KEY_VARIABLE, curl_command
from hookline.exports.targets.html.parts import block, code, folded, json_block, paragraphs, table, text

if TYPE_CHECKING:
    from hookline.exports.blueprint import ActionBlueprint, Blueprint, FormField, OutputField

_KINDS = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "choice": "one of several values",
    "list": "list",
    "object": "object",
    "json": "object or list",
}


def describe_action(action: ActionBlueprint, blueprint: Blueprint) -> str:
    """Return the section of an action."""
    return (
        f'<section class="action" id="{anchor_of(action.id)}">\n'
        f"<h2>{text(action.title)} {code(action.id)}</h2>\n"
        f"<p>{_kinds(action)}</p>\n"
        f"{paragraphs(action.description)}"
        f"<p>{code(f'POST {action.path}')} with a JSON object</p>\n"
        f"<h3>Fields</h3>\n{_fields(action)}"
        f"{folded(action.input_schema, 'JSON Schema of the input')}"
        f"<h3>Output</h3>\n{_outputs(action)}"
        f"{folded(action.output_schema, 'JSON Schema of the output')}"
        f"<h3>Samples</h3>\n{_samples(action)}"
        f"<h3>Try it</h3>\n{block(_command(action, blueprint), f'With a key of yours in `{KEY_VARIABLE}`:')}"
        '<p>What is refused, and why: see <a href="#errors">Errors</a>.</p>\n'
        "</section>\n"
    )


def anchor_of(action_id: str) -> str:
    """Return the place of an action on the page; an id holds small letters, digits, dots and underscores."""
    return f"action-{quote(action_id)}"


def _command(action: ActionBlueprint, blueprint: Blueprint) -> str:
    return curl_command(action, blueprint, input=action.samples[0].input if action.samples else None)


def _kinds(action: ActionBlueprint) -> str:
    told = [
        action.connector_title,
        "changes nothing" if action.is_read_only else "",
        "may be repeated" if action.is_idempotent else "",
        "can answer piece by piece" if action.streams else "",
    ]
    return " ".join(f'<span class="kind">{text(one)}</span>' for one in told if one)


def _fields(action: ActionBlueprint) -> str:
    if not action.fields:
        return "<p>It takes any object.</p>\n"
    rows = [_field(field, action) for field in action.fields]
    shown = table(("Field", "Type", "Needed", "Meaning"), rows, name=f"Fields of {action.id}")
    if action.one_of:
        groups = "; or ".join(" with ".join(code(name) for name in group) for group in action.one_of)
        shown += f"<p>One of these must be there: {groups}.</p>\n"
    return shown


def _field(field: FormField, action: ActionBlueprint) -> tuple[str, ...]:
    row = row_of(field.name, field.schema, action.input_schema, is_required=field.is_required)
    meaning = text(field.help)
    if field.options is not None:
        query = f"?{urlencode(field.options.query)}" if field.options.query else ""
        meaning += f" Values: {code(f'GET /options/{field.options.source}{query}')}."
    if field.default is not None:
        meaning += f" Without it: {code(json.dumps(field.default, ensure_ascii=False))}."
    return (
        _named(field.name, field.label),
        text(row.type),
        "yes" if field.is_required else "no",
        meaning.strip() + (f' <span class="soft">({text(row.limits)})</span>' if row.limits else ""),
    )


def _named(name: str, label: str) -> str:
    """Return a name with the label that people read below it."""
    return f'{code(name or "(no name)")}<br><span class="soft">{text(label)}</span>'


def _outputs(action: ActionBlueprint) -> str:
    rows = list(_members(action.outputs, ""))
    if not rows:
        return "<p>What it holds is known when it has run.</p>\n"
    return table(("Member", "Type", "Always", "Meaning"), rows, name=f"Output of {action.id}")


def _members(members: tuple[OutputField, ...], above: str) -> Iterator[tuple[str, ...]]:
    for member in members:
        path = above + (member.name or "(no name)") + ("[]" if member.is_list else "")
        kind = _KINDS[member.kind] + (", as above" if member.holds_what_holds_it else "")
        yield (
            _named(path, member.label),
            f"list of {kind}" if member.is_list else kind,
            "yes" if member.is_always_there else "no",
            text(member.help),
        )
        if not member.holds_what_holds_it:
            yield from _members(member.members, f"{path}.")


def _samples(action: ActionBlueprint) -> str:
    told = "".join(
        json_block(sample.input, f"{sample.title}: input")
        + json_block(sample.output, f"{sample.title}: output")
        for sample in action.samples
    )
    if not action.samples:
        told = json_block(action.sample_input, "What has to be given")
    if all(sample.output != action.sample_output for sample in action.samples):
        told += json_block(action.sample_output, "An output with every field that it can have")
    return told
