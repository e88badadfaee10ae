"""The fields of an action as a Markdown table, for platforms that show descriptions."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

from hookline.exports.wording import shorten

if TYPE_CHECKING:
    from hookline.exports.blueprint import ActionBlueprint, FormField

_MOST_HELP = 240
_MOST_CHOICES = 12
_MARKS = re.compile(r"([\\`*_\[\]|~#])")
_KINDS = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "JSON object",
    "json": "JSON",
}


def describe_fields(action: ActionBlueprint) -> str:
    """Return a table of what an action takes; empty if nothing is known of it."""
    if not action.fields:
        return ""
    rows = ["| Field | Needed | Takes | Meaning |", "|---|---|---|---|", *map(_row, action.fields)]
    if action.one_of:
        names = [" and ".join(plain(name) for name in group) for group in action.one_of]
        rows += ["", f"Needed besides: {', or '.join(names)}."]
    return "\n".join(rows)


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line: no marks, and no HTML."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _row(field: FormField) -> str:
    cells = [
        plain(field.name) or "(a field without a name)",
        "yes" if field.is_required else "",
        _describe_kind(field),
        plain(shorten(f"{field.label}. {field.help}" if field.help else field.label, _MOST_HELP)),
    ]
    return f"| {' | '.join(cells)} |"


def _describe_kind(field: FormField) -> str:
    if field.choices:
        shown = [plain(_as_json(value)) for value, _ in field.choices[:_MOST_CHOICES]]
        told = "one of " + ", ".join(shown) + (", …" if len(field.choices) > _MOST_CHOICES else "")
    elif field.kind == "list":
        told = f"list: {_KINDS.get(field.item_kind, 'JSON')}"
    elif field.is_binary:
        told = "text, base64"
    else:
        told = _KINDS.get(field.kind, "text")
    return told + (", or other JSON" if field.takes_more and field.kind != "json" else "")


def _as_json(value: object) -> str:
    return shorten(json.dumps(value, ensure_ascii=False), 60)
