"""Parameters of all versions of OpenAPI as fields of an input: query, header, cookie, path.

Source: OpenAPI 2.0 "Parameter Object" (``collectionFormat``); OpenAPI 3.1.1
"Parameter Object", "Style Values".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from hookline.importing import reasons
from hookline.importing.document import Document, JsonObject, list_of, object_of, text_of
from hookline.importing.fields import InputField, Style, Where
from hookline.importing.findings import LeftOutError
from hookline.importing.object_view import MAX_DESCRIPTION, ObjectView, view_object
from hookline.importing.texts import clean

if TYPE_CHECKING:
    from hookline.importing.schemas import Schemas

IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""Headers that a parameter cannot be, as the specification says; others say them."""

GATEWAY_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "cookie", "expect", "host"),
        *("keep-alive", "proxy-authorization", "proxy-connection", "set-cookie", "te", "trailer"),
        *("transfer-encoding", "upgrade", "x-hookline-hops"),
    }
)
"""Headers that the gateway sets itself."""

_HEADER_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+.^_`|~-"
)
_NOT_SCHEMA = frozenset({"name", "in", "required", "description", "allowEmptyValue", "collectionFormat"})
JSON_LIST = "JSON, in square brackets"
"""How a text holds a list that is sent as JSON."""
SEPARATORS = {
    "ssv": "spaces",
    "tsv": "tabs",
    "pipes": "`|`",
    "spaceDelimited": "spaces",
    "pipeDelimited": "`|`",
}
"""What stands between the items of a list, by ``collectionFormat`` or ``style``."""
_MAX_PARAMETERS = 500
_MAX_NAME = 200
_MAX_BRANCHES = 20


@dataclass(kw_only=True, slots=True)
class Parameters:
    """The parameters of one operation.

    Attributes:
        fields: Those that are fields.
        styles: Styles of path parameters that are not ``simple``, by name.
        body: The parameter of OpenAPI 2.0 that is the body.
        form: Those of OpenAPI 2.0 that are fields of a form.
    """

    fields: list[InputField] = field(default_factory=list)
    styles: dict[str, str] = field(default_factory=dict)
    body: JsonObject | None = None
    form: list[JsonObject] = field(default_factory=list)


def read_parameters(
    document: Document,
    schemas: Schemas,
    given: list[object],
    *,
    place: str,
    taken: frozenset[tuple[str, str]] = frozenset(),
) -> Parameters:
    """Return the parameters of one operation.

    Args:
        document: The document.
        schemas: Converts their schemas.
        given: Those of the path, then those of the operation; later ones win over earlier ones of their name.
        place: The operation, for findings.
        taken: Where credentials go, as ``in`` and name in lower case.

    Raises:
        LeftOutError: If a required one cannot be sent.
    """
    found: dict[tuple[str, str], JsonObject] = {}
    for one in given[:_MAX_PARAMETERS]:
        try:
            parameter = document.follow(one)
        except LeftOutError as exc:
            document.findings.add(reasons.for_part(exc.reason), place, f"parameter {exc.what}".strip())
            continue
        name, where = parameter.get("name"), parameter.get("in")
        if not isinstance(name, str) or not name or len(name) > _MAX_NAME or not isinstance(where, str):
            document.findings.add(reasons.WRONG_PART, place, "a parameter without `name` or `in`")
            continue
        found[where, name.lower() if where == "header" else name] = parameter  # headers have no case
    result = Parameters()
    for (where, _), parameter in found.items():
        name = str(parameter["name"])
        if where == "body":
            result.body = parameter
        elif where == "formData":
            result.form.append(parameter)
        elif where in ("query", "path", "header", "cookie", "querystring"):
            _add(document, schemas, parameter, name, where, result, place, taken)
        else:
            document.findings.add(reasons.WRONG_PART, place, f"parameter {name} in {where[:40]}")
    return result


def _add(
    document: Document,
    schemas: Schemas,
    parameter: JsonObject,
    name: str,
    where: str,
    result: Parameters,
    place: str,
    taken: frozenset[tuple[str, str]],
) -> None:
    is_required = parameter.get("required") is True or where == "path"
    if where == "header":
        if name.lower() in IGNORED_HEADERS or name.lower() in GATEWAY_HEADERS:
            document.findings.add(reasons.GATEWAY_HEADER, place, f"header {name}")
            return
        if not set(name) <= _HEADER_CHARACTERS or len(name) > 100:
            _cannot(document, place, f"header {name}", is_required)
            return
    if where == "cookie" and not set(name) <= _HEADER_CHARACTERS:
        _cannot(document, place, f"cookie {name}", is_required)
        return
    if (where, name.lower()) in taken:
        document.findings.add(reasons.GATEWAY_HEADER, place, f"{where} {name}, which is the credential")
        return
    schema, is_json = schema_of(document, parameter)
    kind = kind_of(document, schema)
    style = _style_of(document, parameter, where)
    if where == "querystring" or (kind == "object" and style == "explode"):
        if where not in ("query", "querystring"):
            _cannot(document, place, f"{where} {name}", is_required)
            return
        _add_exploded(schemas, schema, name, result, place, is_required, document)
        return
    made = schemas.convert(schema, direction="input", place=f"{place}, parameter {name}")
    _describe(parameter, made)
    separator = SEPARATORS.get(style)
    if kind == "object" and not is_json and style != "brackets":
        _cannot(document, place, f"{where} {name}", is_required)
        return
    if kind == "array":
        if where in ("path", "cookie") and separator is None and style in ("comma", "repeat"):
            separator = "commas"
        if is_json:
            made = as_joined_text(made, JSON_LIST)
        elif separator is not None:
            made = as_joined_text(made, f"separated by {separator}")
    if where == "path" and style in ("label", "matrix"):
        if kind in ("array", "object"):
            raise LeftOutError(reasons.STYLE, f"{name} in the style {style}")
        result.styles[name] = style
    styled: Style = (
        "comma" if style == "comma" and kind == "array" else "brackets" if style == "brackets" else "repeat"
    )
    result.fields.append(
        InputField(
            name=name,
            where=cast("Where", where),
            schema=made,
            is_required=is_required,
            style=styled if where == "query" and separator is None else "repeat",
        )
    )


def _add_exploded(
    schemas: Schemas,
    schema: object,
    name: str,
    result: Parameters,
    place: str,
    is_required: bool,
    document: Document,
) -> None:
    """Add the members of an object as parameters of their own: ``style: form`` with ``explode``."""
    view = view_object(document, schema, direction="input") or _union(document, schemas, schema)
    if not view.fields:
        _cannot(document, place, f"query {name}", is_required)
        return
    for member, raw in view.fields.items():
        made = schemas.convert(raw, direction="input", place=f"{place}, parameter {name}")
        needed = is_required and member in view.required
        result.fields.append(InputField(name=member, where="query", schema=made, is_required=needed))


def _union(document: Document, schemas: Schemas, schema: object) -> ObjectView:
    """Return the fields of all alternatives of an object; none of them is needed."""
    found = ObjectView()
    try:
        told = document.follow(schema)
    except LeftOutError:
        return found
    for branch in [*list_of(told.get("oneOf")), *list_of(told.get("anyOf"))][:_MAX_BRANCHES]:
        view = view_object(document, branch, direction="input")
        found.fields |= {} if view is None else view.fields
    return found


def _cannot(document: Document, place: str, what: str, is_required: bool) -> None:
    if is_required:
        raise LeftOutError(
            reasons.HEADER_NEEDED if what.startswith("header ") and "object" not in what else reasons.STYLE,
            what,
        )
    document.findings.add(reasons.PARAMETER, place, what)


def schema_of(document: Document, parameter: JsonObject) -> tuple[object, bool]:
    """Return a parameter's schema, and whether its value is written as JSON."""
    if document.version == "2.0" and "schema" not in parameter:
        return {name: value for name, value in parameter.items() if name not in _NOT_SCHEMA}, False
    if "schema" in parameter:
        return parameter["schema"], False
    for media_type, told in object_of(parameter.get("content")).items():
        return object_of(told).get("schema", {}), "json" in media_type
    return {"type": "string"}, False


def kind_of(document: Document, schema: object) -> str:
    """Return ``array``, ``object``, or ``simple`` for all else."""
    try:
        raw = document.follow(schema)
    except LeftOutError:
        return "simple"
    types = raw.get("type")
    names = types if isinstance(types, list) else [types]
    if "array" in names or (types is None and "items" in raw):
        return "array"
    if "object" in names or (types is None and "properties" in raw):
        return "object"
    for keyword in ("allOf", "oneOf", "anyOf"):
        for branch in list_of(raw.get(keyword))[:8]:
            try:
                inner = document.follow(branch)
            except LeftOutError:
                continue
            if inner.get("type") in ("array", "object"):
                return str(inner["type"])
            if "properties" in inner:
                return "object"
    return "simple"


def _style_of(document: Document, parameter: JsonObject, where: str) -> str:
    """Return one of repeat, comma, brackets, explode, label, matrix and the names of `SEPARATORS`."""
    if document.version == "2.0":
        given = text_of(parameter.get("collectionFormat")) or "csv"
        return {"csv": "comma", "multi": "repeat"}.get(given, given if given in SEPARATORS else "comma")
    default = "form" if where in ("query", "cookie") else "simple"
    given = text_of(parameter.get("style")) or default
    explode = parameter.get("explode", given == "form")
    if given == "deepObject":
        return "brackets"
    if given == "form":
        kind = kind_of(document, parameter.get("schema", {}))
        if explode is not False:
            return "explode" if kind == "object" and "schema" in parameter else "repeat"
        return "comma"
    if given in SEPARATORS:
        return "repeat" if explode is True else given
    return given if given in ("label", "matrix") else "comma"


def _describe(parameter: JsonObject, made: JsonObject) -> None:
    """Put what stands beside a parameter's schema into it."""
    if description := clean(parameter.get("description"), MAX_DESCRIPTION):
        made["description"] = description
    if parameter.get("deprecated") is True:
        made["deprecated"] = True
    if "examples" not in made and "$ref" not in made:
        example = parameter.get("example")
        if isinstance(example, (str, int, float)) and len(str(example)) <= 200:
            made["examples"] = [example]


def as_joined_text(schema: JsonObject, how: str) -> JsonObject:
    """Return the schema of a text that holds the items of a list."""
    told = str(schema.get("description") or "")
    made: JsonObject = {"type": "string", "description": f"{told}{' ' if told else ''}Several values, {how}."}
    if "title" in schema:
        made["title"] = schema["title"]
    return made
