"""Reading the JSON that a model wrote, also where it put it into a code fence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import orjson

_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL)


class NotJsonError(ValueError):
    """A text is not JSON."""


def wants_json(fields: Mapping[str, object]) -> bool:
    """Tell whether an input asks for JSON: ``json_schema``, or a ``response_format`` of a JSON kind."""
    response_format = fields.get("response_format")
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    return fields.get("json_schema") is not None or kind in ("json_object", "json_schema")


def schema_in(fields: Mapping[str, object]) -> tuple[str, dict[str, object]] | None:
    """Return the schema that an input asks for, with the field that holds it; None if it names none."""
    schema = fields.get("json_schema")
    if isinstance(schema, dict):
        return "json_schema", schema
    response_format = fields.get("response_format")
    if isinstance(response_format, dict) and response_format.get("type") == "json_schema":
        definition = response_format.get("json_schema")
        schema = definition.get("schema") if isinstance(definition, dict) else None
        if isinstance(schema, dict):
            return "response_format.json_schema.schema", schema
    return None


def read_json_text(text: str) -> object:
    """Return the value of a text that is JSON, alone or in one code fence.

    Raises:
        NotJsonError: If it is neither.
    """
    candidate = text.strip()
    if candidate.startswith("```"):
        fenced = _FENCE.match(candidate)
        candidate = fenced.group(1) if fenced else candidate
    try:
        return cast("object", orjson.loads(candidate))
    except orjson.JSONDecodeError as exc:
        raise NotJsonError(str(exc)) from None


def parse_json_text(text: str) -> object:
    """Return the value of a text that is JSON, alone or in one code fence; None if it is neither."""
    try:
        return read_json_text(text)
    except NotJsonError:
        return None
