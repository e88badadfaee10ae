"""Answers of all versions of OpenAPI as the output of an action.

Source: OpenAPI 2.0 and 3.1.1, "Responses Object", "Response Object".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hookline.importing import reasons
from hookline.importing.bodies import _example
from hookline.importing.document import Document, JsonObject, list_of, object_of
from hookline.importing.findings import LeftOutError
from hookline.importing.media_types import best_of, kind_of_media
from hookline.importing.object_view import view_object

if TYPE_CHECKING:
    from hookline.importing.object_view import ObjectView
    from hookline.importing.schemas import Schemas

Kind = Literal["json", "text", "binary", "nothing"]
ITEMS = "items"
"""Member of the output that holds an answer that is a list."""
RESULT = "result"
"""Member of the output that holds an answer that is neither an object nor a list."""

_TEXT: JsonObject = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_DONE: JsonObject = {"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]}
_BINARY: JsonObject = {
    "type": "object",
    "properties": {
        "content": {"type": "string", "contentEncoding": "base64"},
        "media_type": {"type": "string"},
        "size_bytes": {"type": "integer"},
    },
    "required": ["content"],
}
_MAX_BRANCHES = 40
_MAX_LOOKED_AT = 200
_SIMPLE = frozenset({"string", "number", "integer", "boolean", "null"})


@dataclass(kw_only=True, slots=True)
class Answer:
    """What an action gives back.

    Attributes:
        kind: How the service's answer is read.
        schema: JSON Schema of the output.
        pick: JMESPath from the answer to the output, if it is no object.
        view: Fields of the answer, if it is an object.
        headers: Names of the answer's headers, in lower case.
        example: An example of the answer, as the document has it.
        may_stream: Whether the service can answer with a stream of events too.
    """

    kind: Kind = "json"
    schema: JsonObject = field(default_factory=lambda: {"type": "object"})
    pick: str | None = None
    view: ObjectView | None = None
    headers: frozenset[str] = frozenset()
    example: object = None
    may_stream: bool = False


def read_answer(document: Document, schemas: Schemas, operation: JsonObject, *, place: str) -> Answer:
    """Return what an operation answers when it goes well.

    Raises:
        LeftOutError: If it answers with nothing but a redirect, or a stream of events.
    """
    responses = object_of(operation.get("responses"))
    given = _best_response(responses)
    if given is None:
        return Answer()
    try:
        response = document.follow(given)
    except LeftOutError as exc:
        document.findings.add(reasons.for_part(exc.reason), place, f"answer {exc.what}".strip())
        return Answer()
    found = (
        _read_old(document, schemas, operation, response, place)
        if document.version == "2.0"
        else _read(document, schemas, response, place)
    )
    found.headers = frozenset(name.lower() for name in object_of(response.get("headers")))
    return found


def _best_response(responses: JsonObject) -> object:
    """Return the first answer that is no refusal.

    Raises:
        LeftOutError: If there are only redirects.
    """
    good = sorted((status for status in responses if status[:1] == "2"), key=_rank)
    for status in good:
        if status not in ("204", "205"):
            return responses[status]
    if good:
        return responses[good[0]] if object_of(responses[good[0]]).get("content") else {}
    if any(status[:1] == "3" and status != "304" for status in responses) and "default" not in responses:
        raise LeftOutError(reasons.REDIRECT)
    return responses.get("default")


def _rank(status: str) -> tuple[int, str]:
    return (0, status) if status.isdigit() else (1, status)


def _read_old(
    document: Document, schemas: Schemas, operation: JsonObject, response: JsonObject, place: str
) -> Answer:
    produces = list_of(operation.get("produces")) or list_of(document.root.get("produces"))
    schema = response.get("schema")
    if schema is None:
        return Answer(kind="nothing", schema=_DONE)
    if object_of(schema).get("type") == "file":
        media_type, kind = best_of(produces) or ("", "binary")
        return _simple(document, "binary" if kind in ("json", "binary") else kind, place)
    media_type, kind = best_of(produces) or ("application/json", "json")
    if kind not in ("json", "form", "multipart") and kind != "binary":
        return _simple(document, kind, place)
    answer = _of_schema(document, schemas, schema, place)
    examples = object_of(response.get("examples"))
    answer.example = examples.get(media_type) or examples.get("application/json")
    return answer


def _read(document: Document, schemas: Schemas, response: JsonObject, place: str) -> Answer:
    content = object_of(response.get("content"))
    best = best_of(content)
    if best is None:
        return Answer(kind="nothing", schema=_DONE)
    media_type, kind = best
    told = object_of(content[media_type])
    if kind not in ("json", "form", "multipart"):
        return _simple(document, kind, place)
    raw = told.get("schema", {})
    if "*" in media_type and object_of(raw).get("format") == "binary":
        return _simple(document, "binary", place)
    answer = _of_schema(document, schemas, raw, place)
    answer.example = _example(document, told)
    answer.may_stream = any(kind_of_media(one) == "events" for one in content)
    return answer


def _simple(document: Document, kind: str, place: str) -> Answer:
    if kind == "events":
        raise LeftOutError(reasons.ONLY_STREAM)
    if kind in ("text", "xml"):
        if kind == "xml":
            document.findings.add(reasons.XML, place, "answer")
        return Answer(kind="text", schema=_TEXT)
    return Answer(kind="binary", schema=_BINARY)


def _of_schema(document: Document, schemas: Schemas, raw: object, place: str) -> Answer:
    view = view_object(document, raw, direction="output")
    if view is not None:
        return Answer(schema=_object(schemas, view, place), view=view)
    made = schemas.convert(raw, direction="output", place=f"{place}, answer")
    kind = _kind(document, raw, {})
    if kind == "array":
        properties: JsonObject = {ITEMS: made}
        return Answer(
            schema={"type": "object", "properties": properties, "required": [ITEMS]}, pick=f"{{{ITEMS}: @}}"
        )
    if kind in _SIMPLE:
        return Answer(
            schema={"type": "object", "properties": {RESULT: made}, "required": [RESULT]},
            pick=f"{{{RESULT}: @}}",
        )
    if kind == "object":
        return Answer(schema={**made, "type": "object"} if "$ref" not in made else _all_of(made))
    return Answer()


def _all_of(made: JsonObject) -> JsonObject:
    return {"type": "object", "allOf": [made]}


def _object(schemas: Schemas, view: ObjectView, place: str) -> JsonObject:
    made: JsonObject = {"type": "object"}
    made["properties"] = {
        name: schemas.convert(raw, direction="output", place=f"{place}, answer's field {name}")
        for name, raw in view.fields.items()
    }
    required = [name for name in dict.fromkeys(view.required) if name not in view.left_out]
    if required:
        made["required"] = required
    if isinstance(view.others, dict) and view.others:
        made["additionalProperties"] = schemas.convert(
            view.others, direction="output", place=f"{place}, answer's other fields"
        )
    return made


def _kind(document: Document, raw: object, known: dict[int, str]) -> str:
    """Return the one type of an answer, null aside; empty if it is not one.

    Args:
        document: The document.
        raw: The schema.
        known: Types by identity of schema, so that none is looked at twice.
    """
    try:
        told = document.follow(raw)
    except LeftOutError:
        return ""
    if id(told) in known or len(known) > _MAX_LOOKED_AT:
        return known.get(id(told), "")
    known[id(told)] = ""
    types = told.get("type")
    names = [one for one in (types if isinstance(types, list) else [types]) if isinstance(one, str)]
    some = [one for one in names if one != "null"]
    found = ""
    if some:
        found = some[0] if len(some) == 1 else ""
    elif "properties" in told:
        found = "object"
    elif "items" in told:
        found = "array"
    else:
        branches = [one for name in ("allOf", "oneOf", "anyOf") for one in list_of(told.get(name))]
        kinds = {_kind(document, one, known) for one in branches[:_MAX_BRANCHES]}
        found = kinds.pop() if len(kinds) == 1 else ""
    known[id(told)] = found
    return found
