"""JSON as text inside of other texts: templates of platforms find nothing in it that they would replace."""

from __future__ import annotations

import json
import uuid


def write_json(value: object) -> str:
    """Return a value as indented JSON without ``{{`` and ``}}``.

    n8n and Postman replace what stands between them. Between the lines of indented JSON they never meet, so
    they are part of a text, where an escape says the same.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text.replace("{{", "{\\u007b").replace("}}", "}\\u007d")


def stable_id(*parts: str) -> str:
    """Return a UUID that is always the same for the same parts, such as a target and the id of an action."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "hookline:" + ":".join(parts)))
