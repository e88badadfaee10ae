"""Putting an action's input where the connector's declarations say: a ``prepare`` made of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.encodings import JSON_BODY, BodyEncoding
from hookline.errors import InvalidInputError
from hookline.filling import add_query, fill_path
from hookline.pairs import cookie_header, header_value, pairs_of
from hookline.picking import PickError, find

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.picking import Pick
    from hookline.places import InPlace, PlaceKind
    from hookline.upstream import UpstreamRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestLayout:
    """How one endpoint's request is made of its input.

    Attributes:
        places: Where fields go that do not go to ``rest``, by their names in the input.
        rest: Where all others go.
        encoding: How the body is written.
        defaults: Values of fields that the input does not fill in.
        shape: Makes the body of the whole input; None if fields go there one by one.
        has_body: Whether a body is sent although no field is filled in.
        content_type: What a field is that is the whole body, if it does not say so itself.
        left_out: Fields that are not sent, such as ``stream``.
        ask: Members that ask for a stream.
        always_streams: Whether the service answers with a stream whatever it is asked.
    """

    places: Mapping[str, InPlace]
    rest: PlaceKind
    encoding: BodyEncoding = JSON_BODY
    defaults: JsonObject = field(default_factory=dict)
    shape: Pick | None = None
    has_body: bool = True
    content_type: str | None = None
    left_out: frozenset[str] = frozenset()
    ask: tuple[tuple[str, object], ...] = ()
    always_streams: bool = False

    def __call__(self, call: Call, request: UpstreamRequest) -> None:
        """Write the input into the request; what an action's ``prepare`` does.

        Raises:
            InvalidInputError: If a value cannot stand where it goes; names the field.
        """
        fields = {**self.defaults, **call.input}
        for name in self.left_out:
            fields.pop(name, None)
        parts = _Parts()
        for name, value in fields.items():
            parts.put(name, value, self.places.get(name), self.rest)
        request.encoding = self.encoding
        if parts.content is not None:
            self._use_content(request, *parts.content)
        elif self.shape is not None:
            self._use_shape(request, fields)
        elif parts.body or (self.has_body and self.rest == "body"):
            request.body = parts.body
        if call.is_stream:
            self._ask_for_stream(request, parts)
        elif self.always_streams:
            request.is_stream = True  # and is put together to one answer
            request.headers["accept"] = "text/event-stream"
        request.path = fill_path(request.path, parts.path, fields=parts.path_fields)
        if parts.query:
            add_query(call, request, parts.query)
        request.headers.update(parts.headers)
        if parts.cookies:
            request.headers["cookie"] = cookie_header(parts.cookies)

    def _use_content(self, request: UpstreamRequest, name: str, value: object) -> None:
        if isinstance(value, dict) and self.encoding.kind in ("json", "form"):
            request.body = dict(value)
        elif value is not None:
            request.content, request.media_type = self.encoding.write_content(
                value, field=name, media_type=self.content_type
            )

    def _use_shape(self, request: UpstreamRequest, fields: JsonObject) -> None:
        assert self.shape is not None  # the caller looked
        try:
            found = _without_nulls(find(self.shape, fields))
        except PickError as exc:
            raise InvalidInputError(f"No request can be made of this input: {exc}.") from exc
        if isinstance(found, dict):
            request.body = found
        elif found is not None:
            request.content, request.media_type = self.encoding.write_content(
                found, field="input", media_type=self.content_type
            )

    def _ask_for_stream(self, request: UpstreamRequest, parts: _Parts) -> None:
        if self.rest == "body" or request.body is not None:
            request.body = {**(request.body or {}), **dict(self.ask)}
        else:
            parts.query += [pair for name, value in self.ask for pair in pairs_of(name, value)]


class _Parts:
    """The parts of one request, while they are collected."""

    __slots__ = ("body", "content", "cookies", "headers", "path", "path_fields", "query")

    def __init__(self) -> None:
        self.path: JsonObject = {}
        self.path_fields: dict[str, str] = {}
        self.query: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.cookies: list[tuple[str, object, str]] = []
        self.body: JsonObject = {}
        self.content: tuple[str, object] | None = None

    def put(self, name: str, value: object, place: InPlace | None, rest: PlaceKind) -> None:
        where = rest if place is None else place.where
        there = name if place is None or place.name is None else place.name
        if where == "body":
            _put_into(self.body, there, value, is_path=place is not None and place.name is not None)
        elif where == "path":
            self.path[there] = value
            self.path_fields[there] = name
        elif value is None:
            return
        elif where == "content":
            self.content = (name, value)
        elif where == "header":
            self.headers[there.lower()] = header_value(value, field=name)
        elif where == "cookie":
            self.cookies.append((there, value, name))
        else:
            self.query += pairs_of(there, value, style="repeat" if place is None else place.style, field=name)


def _put_into(body: JsonObject, name: str, value: object, *, is_path: bool) -> None:
    """Put a value into the body; the dots of a declared name lead into objects."""
    *above, last = name.split(".") if is_path else (name,)
    inside = body
    for step in above:
        below = inside.setdefault(step, {})
        if not isinstance(below, dict):
            below = inside[step] = {}
        inside = below
    inside[last] = value


def _without_nulls(value: object) -> object:
    """Return what a shape made without members that are null: an input that was not filled in is not sent."""
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
