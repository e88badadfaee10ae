"""Request bodies of all versions of OpenAPI as fields of an input.

Source: OpenAPI 2.0 "Parameter Object" (``body``, ``formData``); OpenAPI 3.1.1 "Request Body Object",
"Encoding Object".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from hookline.importing import reasons
from hookline.importing.document import Document, JsonObject, list_of, object_of, text_of
from hookline.importing.fields import InputField, Style
from hookline.importing.findings import LeftOutError
from hookline.importing.media_types import Kind, best_of, kind_of_media
from hookline.importing.object_view import MAX_DESCRIPTION, ObjectView, view_object
from hookline.importing.parameters import JSON_LIST, SEPARATORS, Parameters, as_joined_text, kind_of
from hookline.importing.texts import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.importing.schemas import Schemas

Encoding = Literal["json", "form", "multipart", "text", "binary"]
BODY = "body"
"""Name of the field that is the whole body."""


@dataclass(kw_only=True, slots=True)
class Body:
    """What goes into a request's body.

    Attributes:
        encoding: How it is written.
        fields: Its fields, or the one that is the whole body.
        others: JSON Schema of further members; False if there are none.
        example: An example of the body, as the document has it.
    """

    encoding: Encoding = "json"
    fields: list[InputField] = field(default_factory=list)
    others: object = False
    example: object = None


def read_body(
    document: Document, schemas: Schemas, operation: JsonObject, parameters: Parameters, *, place: str
) -> Body | None:
    """Return the body of an operation; None if it has none.

    Raises:
        LeftOutError: If it is of a type that cannot be written, or cannot be found.
    """
    if document.version == "2.0":
        return _read_old(document, schemas, operation, parameters, place)
    given = operation.get("requestBody")
    if given is None:
        return None
    body = document.follow(given)
    content = object_of(body.get("content"))
    best = best_of(content)
    if best is None:
        return None
    media_type, kind = best
    told = object_of(content[media_type])
    schema = told.get("schema", {})
    needed = body.get("required") is True
    made = _make(
        document,
        schemas,
        schema,
        media_type,
        kind,
        needed=needed,
        description=body.get("description"),
        styles=_styles(object_of(told.get("encoding")), kind),
        joined=_joined(object_of(told.get("encoding")), kind),
        place=place,
    )
    made.example = _example(document, told)
    return made


def _read_old(
    document: Document, schemas: Schemas, operation: JsonObject, parameters: Parameters, place: str
) -> Body | None:
    consumes = list_of(operation.get("consumes")) or list_of(document.root.get("consumes"))
    if parameters.form:
        return _read_form(document, schemas, parameters.form, consumes, place)
    if parameters.body is None:
        return None
    media_type, kind = best_of(consumes) or ("application/json", "json")
    if kind in ("form", "multipart"):
        media_type, kind = "application/json", "json"
    return _make(
        document,
        schemas,
        parameters.body.get("schema", {}),
        media_type,
        kind,
        needed=parameters.body.get("required") is True,
        description=parameters.body.get("description"),
        styles={},
        place=place,
    )


def _read_form(
    document: Document, schemas: Schemas, given: list[JsonObject], consumes: list[object], place: str
) -> Body:
    has_files = any(text_of(one.get("type")) == "file" for one in given)
    made = Body(encoding="multipart" if has_files or _is_only_multipart(consumes) else "form")
    for one in given:
        raw = {name: value for name, value in one.items() if name not in ("name", "in", "required")}
        style = text_of(one.get("collectionFormat"))
        schema = schemas.convert(raw, direction="input", place=f"{place}, field {one['name']}")
        is_list = one.get("type") == "array"
        if is_list and style in SEPARATORS:
            schema = as_joined_text(schema, f"separated by {SEPARATORS[style]}")
        made.fields.append(
            InputField(
                name=str(one["name"]),
                where="body",
                schema=schema,
                is_required=one.get("required") is True,
                style="comma" if is_list and style != "multi" and style not in SEPARATORS else "repeat",
            )
        )
    return made


def _is_only_multipart(consumes: list[object]) -> bool:
    names = [one for one in consumes if isinstance(one, str)]
    return bool(names) and all(one.startswith("multipart/") for one in names)


def _make(
    document: Document,
    schemas: Schemas,
    schema: object,
    media_type: str,
    kind: Kind,
    *,
    needed: bool,
    description: object,
    styles: dict[str, Style],
    place: str,
    joined: Mapping[str, str] = MappingProxyType({}),
) -> Body:
    if kind == "other" or kind == "events":
        raise LeftOutError(reasons.BODY_TYPE, media_type)
    if kind in ("text", "xml", "binary"):
        if kind == "xml":
            document.findings.add(reasons.XML, place, "request")
        return Body(
            encoding="binary" if kind == "binary" else "text",
            fields=[_whole({"type": "string"}, media_type, kind, needed, description)],
        )
    encoding: Encoding = "json" if kind == "json" else "form" if kind == "form" else "multipart"
    view = view_object(document, schema, direction="input")
    if view is not None and (view.fields or encoding != "json"):
        return _flat(document, schemas, view, encoding, styles, joined, place)
    if encoding != "json":
        if kind_of(document, schema) == "array":
            raise LeftOutError(reasons.BODY_TYPE, f"{media_type} that is no object")
        return Body(
            encoding=encoding,
            fields=[
                InputField(
                    name=BODY,
                    where="content",
                    schema={"type": "object", "description": "Fields of the form."},
                    is_required=needed,
                )
            ],
        )
    made = schemas.convert(schema, direction="input", place=f"{place}, body")
    one = _whole(made, media_type, kind, needed, description)
    return Body(encoding="json", fields=[one])


def _flat(
    document: Document,
    schemas: Schemas,
    view: ObjectView,
    encoding: Encoding,
    styles: dict[str, Style],
    joined: Mapping[str, str],
    place: str,
) -> Body:
    made = Body(encoding=encoding)
    if view.has_rules:
        document.findings.add(reasons.ALTERNATIVES, place, "body")
    for name, raw in view.fields.items():
        schema = schemas.convert(raw, direction="input", place=f"{place}, field {name}")
        if encoding == "multipart":
            _mark_file(raw, schema)
        if name in joined and kind_of(document, raw) == "array":
            schema = as_joined_text(schema, joined[name])
        style: Style = styles.get(name, "repeat") if encoding != "json" else "repeat"
        made.fields.append(
            InputField(name=name, where="body", schema=schema, is_required=name in view.required, style=style)
        )
    if view.others is True or (isinstance(view.others, dict) and not view.others):
        made.others = True
    elif isinstance(view.others, dict):
        made.others = schemas.convert(view.others, direction="input", place=f"{place}, other fields")
    return made


def _mark_file(raw: object, schema: JsonObject) -> None:
    """Mark a field of a form as a file in base64 that OpenAPI 3.1 tells by its media type, or by nothing."""
    told = object_of(raw)
    is_untyped = not ({"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"} & set(told))
    if is_untyped and isinstance(told.get("contentMediaType"), str) and "contentEncoding" not in told:
        schema.update({"type": "string", "contentEncoding": "base64"})


def _whole(schema: JsonObject, media_type: str, kind: Kind, needed: bool, description: object) -> InputField:
    """Return the field that is the whole body."""
    if kind == "binary":
        schema = {"type": "string", "contentEncoding": "base64"}
    bare = media_type.partition(";")[0].strip().lower()
    is_plain = "*" in bare or bare in ("application/json", "text/plain", "application/octet-stream")
    if not is_plain:
        schema["contentMediaType"] = bare  # in place: a reference gets its name later
    if text := clean(description, MAX_DESCRIPTION):
        schema["description"] = text
    schema.setdefault("title", "Body")
    return InputField(name=BODY, where="content", schema=schema, is_required=needed)


def _styles(encoding: JsonObject, kind: Kind) -> dict[str, Style]:
    found: dict[str, Style] = {}
    for name, told in encoding.items():
        style = object_of(told).get("style")
        if style == "deepObject":
            found[name] = "brackets"
        elif object_of(told).get("explode") is False and kind == "form" and text_of(style) not in SEPARATORS:
            found[name] = "comma"
    return found


def _joined(encoding: JsonObject, kind: Kind) -> dict[str, str]:
    """Return how lists are told that a form holds as one text, by the names of their fields."""
    found: dict[str, str] = {}
    for name, told in encoding.items() if kind == "form" else ():
        style = text_of(object_of(told).get("style"))
        if style in SEPARATORS and object_of(told).get("explode") is not True:
            found[name] = f"separated by {SEPARATORS[style]}"
        elif kind_of_media(text_of(object_of(told).get("contentType"))) == "json":
            found[name] = JSON_LIST
    return found


def _example(document: Document, told: JsonObject) -> object:
    if "example" in told:
        return told["example"]
    for one in object_of(told.get("examples")).values():
        try:
            return document.follow(one).get("value")
        except LeftOutError:
            continue
    return None
