"""The comment at the top of a manifest that was made of a document."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.importing.openapi import Imported

_WIDTH = 100


def heading_of(imported: Imported, name: str) -> str:
    """Return the lines of the comment; the same document gives the same ones.

    Args:
        imported: What became of the document.
        name: Id of the connector.
    """
    findings = imported.findings
    text = [
        f"The connector `{name}`, made from {imported.name} (OpenAPI {imported.version}) by "
        "`hookline new connector`. It is yours to change: nothing writes it again unless you say --force.",
        f"Of {imported.operations:,} operations {imported.actions:,} became actions.",
    ]
    text += [
        f"Left out, {findings.counts[one]:,}: {one.why} {one.do}"
        for one in findings
        if one.weight == "left_out"
    ]
    if imported.security.credential != "none":
        text.append(f"Its credential is HOOKLINE_{name.upper()}_API_KEY.")
    text += imported.security.notes
    lines = [line for part in text for line in textwrap.wrap(_plain(part), _WIDTH, break_on_hyphens=False)]
    return "".join(f"# {line}\n" for line in lines) + "\n"


def _plain(text: str) -> str:
    """Return a text without what could end a comment, or hide in one."""
    return "".join(one if one.isprintable() else " " for one in text)
