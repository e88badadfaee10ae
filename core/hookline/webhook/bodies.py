"""Reading a body into fields, by its content type."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hookline.engine.json_text import parse_object
from hookline.errors import InvalidInputError, MalformedRequestError, UnsupportedMediaTypeError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.principal import InboundRequest

_JSON = "application/json"
_MAX_FORM_FIELDS = 1000
_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def read_fields(request: InboundRequest) -> JsonObject:
    """Return the fields of an action's body: JSON, or a form.

    Raises:
        UnsupportedMediaTypeError: If it is neither.
        MalformedRequestError: If it cannot be read.
        BodyTooLargeError: If it is over the cap.
    """
    media_type = _media_type(request)
    if media_type in _FORM_TYPES and "content-length" not in request.headers:
        # Half a form is a form: without a length nobody could tell that the rest is missing.
        raise MalformedRequestError(
            "A form must be sent with a Content-Length.", status=411, code="length_required"
        )
    content = request.read_body()
    if media_type == "application/x-www-form-urlencoded":
        return _without_empty(_read_form(content))
    if media_type == "multipart/form-data":
        return _without_empty(_read_multipart(content, request.headers["content-type"]))
    _check_json_type(media_type)
    return parse_object(content)


def read_json(request: InboundRequest) -> tuple[JsonObject, bytes]:
    """Return the JSON object of a body, and the bytes it was read from.

    Raises:
        UnsupportedMediaTypeError: If the body is not JSON by its content type.
        MalformedRequestError: If it cannot be read.
        BodyTooLargeError: If it is over the cap.
    """
    _check_json_type(_media_type(request))
    content = request.read_body()
    return parse_object(content), content


def _media_type(request: InboundRequest) -> str:
    """Return the media type in lower case, after checking how the body is written."""
    if request.headers.get("content-type") == _JSON and "content-encoding" not in request.headers:
        return _JSON  # as most of them are
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaTypeError("Compressed bodies are not read.", hint="Send the body uncompressed.")
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _UTF8_NAMES:
            raise UnsupportedMediaTypeError(f"The charset {charset[:40]!r} is not read.", hint="Send UTF-8.")
    return kind.strip().lower()


def _check_json_type(media_type: str) -> None:
    if media_type and media_type != _JSON and not media_type.endswith("+json"):
        raise UnsupportedMediaTypeError(
            f"The content type {media_type[:80]!r} is not read here; send `Content-Type: application/json`."
        )


def _read_form(content: bytes) -> JsonObject:
    if content.lstrip()[:1] in (b"{", b"["):
        raise UnsupportedMediaTypeError(
            "The body is JSON but its content type says that it is a form.",
            hint="Add the header `Content-Type: application/json`.",
        )
    try:
        text = content.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, errors="strict")
    except UnicodeDecodeError as exc:
        raise MalformedRequestError("The form is not UTF-8.", code="invalid_form") from exc
    except ValueError as exc:
        raise MalformedRequestError(
            f"The form has more than {_MAX_FORM_FIELDS} fields.", code="invalid_form"
        ) from exc
    return _collect(pairs)


def _read_multipart(content: bytes, content_type: str) -> JsonObject:
    from werkzeug.exceptions import RequestEntityTooLarge
    from werkzeug.formparser import FormDataParser

    options = dict(part.strip().partition("=")[::2] for part in content_type.split(";")[1:])
    options = {name: value.strip('"') for name, value in options.items()}
    parser = FormDataParser(max_form_memory_size=None, max_form_parts=_MAX_FORM_FIELDS, silent=False)
    try:
        _, form, files = parser.parse(BytesIO(content), "multipart/form-data", len(content), options)
    except (ValueError, RequestEntityTooLarge) as exc:
        raise MalformedRequestError("The multipart form cannot be read.", code="invalid_form") from exc
    if files:
        name = next(iter(files))
        raise InvalidInputError(f"`{name[:80]}` is a file; send its text as a field.", field=name[:80])
    return _collect(list(form.items(multi=True)))


def _collect(pairs: list[tuple[str, str]]) -> JsonObject:
    fields: JsonObject = {}
    for name, value in pairs:
        present = fields.get(name)
        if isinstance(present, list):
            present.append(value)
        else:
            fields[name] = value if present is None else [present, value]
    return fields


def _without_empty(fields: JsonObject) -> JsonObject:
    """Leave out empty fields: a form sends every field, filled in or not."""
    return {name: value for name, value in fields.items() if value != ""}
