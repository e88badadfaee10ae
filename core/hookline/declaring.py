"""Making an action's parts of what its endpoint declares as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from hookline.credential import QueryCredential
from hookline.encodings import BodyEncoding, Encoding
from hookline.endpoint_checks import (
    BODILESS_METHODS,
    BODY_METHODS,
    check_choice,
    check_encoding,
    check_path,
    check_places,
    refuse,
)
from hookline.errors import InvalidUpstreamAnswerError
from hookline.event_presenter import EventPresenter, presents_joined
from hookline.event_stream import EventStream
from hookline.file_fields import holds_files, media_type_of
from hookline.filling import fill_request, hand_on, set_stream
from hookline.picking import PickError, compile_pick, find
from hookline.places import InPlace, Place, PlaceKind
from hookline.request_layout import RequestLayout
from hookline.schema_fields import STREAM, SchemaFields, fields_of, with_stream_field

if TYPE_CHECKING:
    from hookline.action import AskStream, JsonObject, Prepare, Present, StreamPresenter
    from hookline.call import Call
    from hookline.credential import Credential

AnswerKind = Literal["json", "text", "binary", "nothing"]
"""How a service's answer is read. ``text``: output ``{"text": …}``. ``binary``: ``{"content": base64,
"media_type": …, "size_bytes": …}``. ``nothing``: ``{"done": true}``, whatever it holds."""

ANSWER_KINDS: tuple[str, ...] = get_args(AnswerKind)

MakePresenter = Callable[["Call"], "StreamPresenter"]

ANSWER_SCHEMAS: dict[str, JsonObject] = {
    "text": {
        "type": "object",
        "properties": {
            "text": {"title": "Text", "description": "What the service answered.", "type": "string"}
        },
        "required": ["text"],
    },
    "binary": {
        "type": "object",
        "properties": {
            "content": {
                "title": "Content",
                "description": "The file, in base64.",
                "type": "string",
                "contentEncoding": "base64",
            },
            "media_type": {
                "title": "Media type",
                "description": "What the file is, such as `image/png`.",
                "type": "string",
            },
            "size_bytes": {
                "title": "Size in bytes",
                "description": "How long the file is, before it was put into base64.",
                "type": "integer",
                "minimum": 0,
            },
        },
        "required": ["content", "media_type", "size_bytes"],
    },
    "nothing": {
        "type": "object",
        "properties": {
            "done": {
                "title": "Done",
                "description": "Always true: the service did what was asked.",
                "type": "boolean",
            }
        },
        "required": ["done"],
    },
}
"""What actions output whose answer is not JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointParts:
    """What one endpoint declares.

    Attributes:
        where: Connector or action, for messages.
        method: HTTP method, in capital letters.
        path: Path with placeholders.
        input_schema: Schema of the input.
        output_schema: Schema of the output.
        places: Where fields go.
        encoding: How the body is written.
        answers: How the answer is read.
        pick: JMESPath from the service's JSON to the output.
        shape: JMESPath from the input to the body.
        defaults: Values of fields that are not filled in.
        prepare: Code that writes the request instead.
        present: Code that reads the answer instead.
        stream: How, or by what code, a stream is read.
        stream_end: Data of the event that ends a stream.
        ask_stream: Code that asks for a stream.
        credential: Where the credential goes, which nothing else may take.
    """

    where: str
    method: str
    path: str
    input_schema: JsonObject
    output_schema: JsonObject
    places: Mapping[str, Place]
    encoding: Encoding
    answers: AnswerKind
    pick: str | None
    shape: str | None
    defaults: Mapping[str, object]
    prepare: Prepare | None
    present: Present | None
    stream: MakePresenter | EventStream | None
    stream_end: bytes | None
    ask_stream: AskStream | None
    credential: Credential | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionParts:
    """What an action takes of it; see `hookline.action.Action`.

    Attributes:
        input_schema: As declared, with the field ``stream`` if it is needed.
        prepare: Writes the request.
        present: Makes the output.
        stream: Makes the presenter of a stream.
        stream_end: Data of the event that ends a stream.
        ask_stream: Makes a body ask for a stream.
        service_names: What the service calls fields that have another name there.
    """

    input_schema: JsonObject
    prepare: Prepare
    present: Present
    stream: MakePresenter | None
    stream_end: bytes | None
    ask_stream: AskStream | None
    service_names: Mapping[str, str]


def make_parts(declared: EndpointParts) -> ActionParts:
    """Return the parts of an action for what its endpoint declares.

    Raises:
        ConfigurationError: If it does not hold together; names the action and the argument.
    """
    where, stream = declared.where, declared.stream
    check_choice(declared.answers, ANSWER_KINDS, where=where, argument="answers")
    schema, declared_stream = declared.input_schema, stream if isinstance(stream, EventStream) else None
    if declared_stream is not None:
        schema = with_stream_field(schema)
    layout = _make_layout(declared, fields_of(schema), declared_stream)
    present = _make_present(declared)
    if declared_stream is None:
        code = cast("MakePresenter | None", stream)
        return ActionParts(
            input_schema=schema,
            prepare=layout,
            present=present,
            stream=code,
            stream_end=declared.stream_end,
            ask_stream=None if code is None else declared.ask_stream or set_stream,
            service_names=_service_names(layout),
        )
    _check_stream(declared, declared_stream)
    return ActionParts(
        input_schema=schema,
        prepare=layout,
        present=presents_joined(present),
        stream=_presenter_maker(declared_stream, where=where),
        stream_end=None if declared_stream.end is None else declared_stream.end.encode(),
        ask_stream=_asker(declared_stream),
        service_names=_service_names(layout),
    )


# ---------------------------------------------------------------- the request


def _make_layout(declared: EndpointParts, fields: SchemaFields, stream: EventStream | None) -> Prepare:
    where, method = declared.where, declared.method
    check_encoding(declared.encoding, where=where)
    _check_json(declared.defaults, where=where)
    placeholders = check_path(declared.path, where=where)
    if declared.prepare is not None:
        for argument in ("places", "shape", "defaults"):
            if getattr(declared, argument):
                refuse(where, argument, "`prepare` writes the request, so give one of the two.")
        return _encoding_for(declared, declared.prepare)
    has_content = any(_kind_of(place) == "content" for place in declared.places.values())
    places = dict(declared.places)
    takes_one = declared.encoding in ("text", "binary")
    if takes_one and not has_content and declared.shape is None:
        places[_only_field(declared, fields)] = "content"
        has_content = True
    in_body = (method in BODY_METHODS or declared.shape is not None) and not has_content
    rest: PlaceKind = "body" if in_body else "query"
    if declared.shape is not None:
        if has_content:
            refuse(where, "shape", "a field is the whole body already; give one of the two.")
        if method in BODILESS_METHODS:
            refuse(where, "shape", f"a {method} request has no body.")
    found = check_places(
        places,
        where=where,
        placeholders=placeholders,
        fields=fields,
        defaults=declared.defaults,
        method=method,
        rest=rest,
        credential=declared.credential,
    )
    asked = dict(stream.ask) if stream is not None and rest == "query" else {}
    if isinstance(declared.credential, QueryCredential) and declared.credential.parameter in asked:
        name = declared.credential.parameter
        refuse(where, "stream", f"the query's {name!r} of `ask` is where the credential goes.")
    has_body = rest == "body" or has_content or declared.shape is not None
    if declared.encoding != "json" and not has_body and "body" not in [one.where for one in found.values()]:
        refuse(where, "encoding", f"a {method} request has no body that could be {declared.encoding}.")
    if not (declared.places or declared.defaults or declared.shape or stream) and declared.encoding == "json":
        return fill_request
    return _layout(declared, fields, found, rest, stream)


def _check_json(defaults: Mapping[str, object], *, where: str) -> None:
    if not defaults:
        return
    import orjson

    try:
        orjson.dumps(dict(defaults))
    except TypeError as exc:
        refuse(where, "defaults", f"its values must be JSON: {exc}.")


def _layout(
    declared: EndpointParts,
    fields: SchemaFields,
    places: dict[str, InPlace],
    rest: PlaceKind,
    stream: EventStream | None,
) -> RequestLayout:
    where = declared.where
    content = next((name for name, one in places.items() if one.where == "content"), None)
    in_body = [name for name in fields.schemas if (places[name].where if name in places else rest) == "body"]
    return RequestLayout(
        places=places,
        rest=rest,
        encoding=_body_encoding(declared, fields, places),
        defaults=dict(declared.defaults),
        shape=None if declared.shape is None else compile_pick(declared.shape, where=f"{where}: `shape`"),
        has_body=rest == "body" and (bool(in_body) or fields.is_open or not declared.places),
        content_type=None if content is None else media_type_of(fields.schemas.get(content, {}), fields.root),
        left_out=frozenset() if stream is None else frozenset({STREAM}),
        ask=() if stream is None else stream.ask,
        always_streams=stream is not None and not stream.ask,
    )


def _encoding_for(declared: EndpointParts, prepare: Prepare) -> Prepare:
    """Return code that writes a request, with a body that is written as declared."""
    if declared.encoding == "json":
        return prepare
    encoding = BodyEncoding(kind=declared.encoding, takes_file_objects=True)

    def prepare_encoded(call: Call, request: object) -> None:
        from hookline.upstream import UpstreamRequest

        assert isinstance(request, UpstreamRequest)
        request.encoding = encoding
        prepare(call, request)

    return prepare_encoded


def _body_encoding(
    declared: EndpointParts, fields: SchemaFields, places: Mapping[str, InPlace]
) -> BodyEncoding:
    named = {name: one for name, one in places.items() if one.where == "body"}
    there = {name: (named[name].name or name) if name in named else name for name in fields.schemas}
    return BodyEncoding(
        kind=declared.encoding,
        styles={one.name or name: one.style for name, one in named.items() if one.style != "repeat"},
        files={
            there[name]: media_type_of(schema, fields.root)
            for name, schema in fields.schemas.items()
            if declared.encoding == "multipart" and holds_files(schema, fields.root)
        },
        takes_file_objects=declared.shape is not None,
        fields={name: field for field, name in there.items() if field != name},
    )


def _only_field(declared: EndpointParts, fields: SchemaFields) -> str:
    left = [
        name
        for name in fields.schemas
        if name not in declared.places and name != STREAM and f"{{{name}}}" not in declared.path
    ]
    if len(left) != 1:
        refuse(
            declared.where,
            "encoding",
            f'a body that is {declared.encoding} is one field; say which with `places={{…: "content"}}`.',
        )
    return left[0]


def _kind_of(place: Place) -> PlaceKind:
    return place.where if isinstance(place, InPlace) else place


def _service_names(layout: Prepare) -> Mapping[str, str]:
    if not isinstance(layout, RequestLayout):
        return {}
    return {
        name: one.name for name, one in layout.places.items() if one.name is not None and one.name != name
    }


# ---------------------------------------------------------------- the answer


def _make_present(declared: EndpointParts) -> Present:
    where, expression = declared.where, declared.pick
    if expression is None:
        return declared.present or hand_on
    if declared.present is not None:
        refuse(where, "pick", "`present` makes the output, so give one of the two.")
    if declared.answers != "json":
        refuse(where, "pick", f"an answer that is {declared.answers} holds no JSON to pick from.")
    pick = compile_pick(expression, where=f"{where}: `pick`")

    def present_picked(call: Call, raw: object) -> JsonObject:
        try:
            found = find(pick, raw)
        except PickError as exc:
            raise InvalidUpstreamAnswerError(
                f"The service's answer to {call.action.id} is not what it usually answers: {exc}."
            ) from exc
        return dict(found) if isinstance(found, dict) else {"result": found}

    return present_picked


# ---------------------------------------------------------------- streams


def _check_stream(declared: EndpointParts, stream: EventStream) -> None:
    where = declared.where
    if declared.stream_end is not None:
        refuse(where, "stream_end", "the EventStream says how it ends, in `end`.")
    if declared.ask_stream is not None:
        refuse(where, "ask_stream", "the EventStream says how it is asked for, in `ask`.")
    if declared.answers != "json":
        refuse(where, "answers", f"an answer that is {declared.answers} cannot be a stream of events.")
    if not stream.into:
        refuse(where, "stream", "`into` names the member of the output that holds the text.")
    output = fields_of(declared.output_schema)
    if not output.may_have(stream.into):
        refuse(where, "stream", f"the output has no member {stream.into!r} to put the text into.")
    EventPresenter(stream, where=where)


def _presenter_maker(stream: EventStream, *, where: str) -> MakePresenter:
    return lambda call: EventPresenter(stream, where=where, max_bytes=call.max_answer_bytes)


def _asker(stream: EventStream) -> AskStream:
    def ask(body: JsonObject) -> None:
        body.update(stream.ask)

    return ask
