"""One operation of a document as one action of a manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.importing import reasons
from hookline.importing.answers import Answer, read_answer
from hookline.importing.bodies import Body, read_body
from hookline.importing.document import Document, JsonObject, list_of
from hookline.importing.fields import InputField, InputForm, make_form
from hookline.importing.findings import LeftOutError
from hookline.importing.paging import find_pages
from hookline.importing.parameters import read_parameters
from hookline.importing.paths import read_path
from hookline.importing.servers import first_server, path_below
from hookline.importing.texts import clean, label, one_line

if TYPE_CHECKING:
    from hookline.importing.operations import Operation
    from hookline.importing.schemas import Schemas
    from hookline.importing.security import Security

_MAX_TITLE = 120
_MAX_DESCRIPTION = 600
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_BODILESS = frozenset({"GET", "HEAD"})
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(kw_only=True, slots=True)
class Drafted:
    """An action before it is written.

    Attributes:
        verb: Its verb.
        part: The action as a manifest has it.
        form: Its input.
        body: Its body; None if it has none.
        answer: Its answer.
        operation: What it was made of.
    """

    verb: str
    part: JsonObject
    form: InputForm
    body: Body | None
    answer: Answer
    operation: Operation = field(repr=False)


def draft_action(
    document: Document,
    schemas: Schemas,
    operation: Operation,
    verb: str,
    *,
    base_url: str,
    security: Security,
) -> Drafted:
    """Return an operation as an action.

    Raises:
        LeftOutError: If it cannot be one.
    """
    place = operation.place
    method = operation.method.upper()
    template = read_path(operation.path)
    prefix = _server_prefix(document, operation, base_url)
    given = [*list_of(operation.item.get("parameters")), *list_of(operation.raw.get("parameters"))]
    parameters = read_parameters(document, schemas, given, place=place, taken=security.taken)
    body = read_body(document, schemas, operation.raw, parameters, place=place)
    if body is not None and method in _BODILESS:
        if any(one.is_required for one in body.fields):
            raise LeftOutError(reasons.NO_BODY_METHOD)
        document.findings.add(reasons.GET_BODY, place)
        body = None
    answer = read_answer(document, schemas, operation.raw, place=place)
    if body is not None and answer.may_stream:
        _drop_stream(document, body, place)
    fields = _path_fields(document, parameters.fields, template.names, place)
    is_content = body is not None and any(one.where == "content" for one in body.fields)
    fields += [] if body is None else body.fields
    takes_body = method in _BODY_METHODS and not is_content
    form = make_form(
        fields,
        takes_body=takes_body,
        others=False if body is None or is_content else body.others,
        findings=document.findings,
        place=place,
    )
    names = {name: form.names["path", name] for name in template.names}
    part: JsonObject = {"method": method, "path": prefix + template.write(names, parameters.styles)}
    _describe(operation, verb, part)
    if operation.tags:
        part["group"] = operation.tags[0][:100]
    part["input"] = form.schema
    if form.places:
        part["places"] = form.places
    if body is not None and body.encoding != "json":
        part["encoding"] = body.encoding
    _add_fixed(template.query, form, part)
    part["output"] = answer.schema
    if answer.kind != "json":
        part["answers"] = answer.kind
    if answer.pick is not None:
        part["pick"] = answer.pick
    pages = find_pages(document, schemas, method=method, fields=fields, form=form, answer=answer)
    if pages is not None:
        part["pages"] = pages
    return Drafted(verb=verb, part=part, form=form, body=body, answer=answer, operation=operation)


def _server_prefix(document: Document, operation: Operation, base_url: str) -> str:
    for holder in (operation.raw, operation.item):
        own = first_server(document, holder.get("servers"))
        if own is not None:
            prefix = path_below(base_url, own)
            if prefix is None:
                raise LeftOutError(reasons.OTHER_SERVER, own)
            return prefix
    return ""


def _path_fields(
    document: Document, fields: list[InputField], names: list[str], place: str
) -> list[InputField]:
    """Return the fields, with one for each placeholder of the path and none for others."""
    kept = []
    for one in fields:
        if one.where == "path" and one.name not in names:
            document.findings.add(reasons.UNUSED_PATH, place, one.name)
        else:
            kept.append(one)
    described = {one.name for one in kept if one.where == "path"}
    for name in names:
        if name not in described:
            document.findings.add(reasons.UNDECLARED, place, name)
            kept.append(InputField(name=name, where="path", schema={"type": "string"}, is_required=True))
    return kept


def _drop_stream(document: Document, body: Body, place: str) -> None:
    """Take the field away that asks for a stream of events, which the action could not read."""
    kept = [one for one in body.fields if one.name != "stream"]
    if len(kept) < len(body.fields):
        body.fields = kept
        document.findings.add(reasons.STREAM, place, "field stream")


def _describe(operation: Operation, verb: str, part: JsonObject) -> None:
    raw = operation.raw
    title = one_line(raw.get("summary"), _MAX_TITLE).rstrip(".") or label(verb)
    description = clean(raw.get("description"), _MAX_DESCRIPTION)
    if raw.get("deprecated") is True:
        description = f"Deprecated. {description}".strip()
    part["title"] = title
    if description and description.rstrip(".") != title:
        part["description"] = description


def _add_fixed(query: dict[str, str], form: InputForm, part: JsonObject) -> None:
    """Add the parameters that stand in the path itself."""
    fixed = {name: value for name, value in query.items() if ("query", name) not in form.names}
    if not fixed:
        return
    taken = set(form.names.values())
    places = part.setdefault("places", {})
    assert isinstance(places, dict)  # it was made here or above
    values: JsonObject = {}
    for name, value in fixed.items():
        own = name if name not in taken else f"fixed_{name}"
        places[own] = {"where": "query", "name": name} if own != name else "query"
        values[own] = value
    part["defaults"] = values
