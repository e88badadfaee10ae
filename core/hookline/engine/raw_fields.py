"""The field ``raw_json``: what a form cannot show, as one JSON object that joins the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline.engine.json_text import parse_object
from hookline.engine.references import as_object, follow
from hookline.errors import InvalidInputError, MalformedRequestError
from hookline.order import RAW_JSON

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject

_HINT = 'Write an object such as {"stop": ["END"]}, or leave the field empty.'
_MAX_DEPTH = 8


def join_raw(fields: JsonObject, action: Action) -> JsonObject:
    """Return an input with the members of its raw JSON, which win over those beside it.

    An action with a field of that name keeps it for itself.

    Raises:
        InvalidInputError: If it is not a JSON object.
    """
    if RAW_JSON not in fields or _has_field(action.input_schema, action.input_schema, 0):
        return fields
    rest = dict(fields)
    raw = rest.pop(RAW_JSON)
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return rest
    if isinstance(raw, str):
        try:
            raw = parse_object(raw.encode("utf-8", "surrogatepass"))
        except MalformedRequestError as exc:
            message = exc.message.replace("The body", f"`{RAW_JSON}`")
            raise InvalidInputError(message, field=RAW_JSON, hint=_HINT) from exc
    if not isinstance(raw, dict):
        raise InvalidInputError(f"`{RAW_JSON}` must be a JSON object.", field=RAW_JSON, hint=_HINT)
    if RAW_JSON in raw:
        raise InvalidInputError(
            f"`{RAW_JSON}` holds a member `{RAW_JSON}`.", field=f"{RAW_JSON}.{RAW_JSON}", hint=_HINT
        )
    if raw.get("stream") and action.stream is not None:
        raise InvalidInputError(
            f"`{RAW_JSON}` cannot ask for a stream, which no form reads.",
            field=f"{RAW_JSON}.stream",
            hint="Leave `stream` out of it; programs send it as a field of its own.",
        )
    return {**rest, **cast("JsonObject", raw)}


def joined_if_sound(fields: JsonObject, action: Action) -> JsonObject:
    """Return an input with its raw JSON, or as it is where that is none: `join_raw` then says why."""
    try:
        return join_raw(fields, action)
    except InvalidInputError:
        return fields


def _has_field(schema: JsonObject, root: JsonObject, depth: int) -> bool:
    """Tell whether a schema has a member of that name, in itself or in one of its parts."""
    schema = follow(schema, root)
    if RAW_JSON in as_object(schema.get("properties")):
        return True
    parts = [part for name in ("allOf", "anyOf", "oneOf") for part in _parts(schema.get(name))]
    return depth < _MAX_DEPTH and any(_has_field(part, root, depth + 1) for part in parts)


def _parts(value: object) -> list[JsonObject]:
    return [as_object(part) for part in value[:100]] if isinstance(value, list) else []
