"""The field ``raw_json``: what a form cannot show, as one JSON object that joins the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline.engine.json_text import parse_object
from hookline.engine.references import as_object
from hookline.errors import InvalidInputError, MalformedRequestError
from hookline.order import RAW_JSON

if TYPE_CHECKING:
    from hookline.connector import Action, JsonObject

_HINT = 'Write an object such as {"stop": ["END"]}, or leave the field empty.'


def join_raw(fields: JsonObject, action: Action) -> JsonObject:
    """Return an input with the members of its raw JSON, which win over those beside it.

    An action with a field of that name keeps it for itself.

    Raises:
        InvalidInputError: If it is not a JSON object.
    """
    if RAW_JSON not in fields or RAW_JSON in as_object(action.input_schema.get("properties")):
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
    return {**rest, **cast("JsonObject", raw)}
