"""Connectors and their actions: what a plugin author writes, and what the catalog holds."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import quote, urlencode

from hookline.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.call import Call
    from hookline.metering import Meter
    from hookline.sources import ListOptions, Source
    from hookline.upstream import UpstreamRequest

JsonObject = dict[str, object]
Prepare = Callable[["Call", "UpstreamRequest"], None]
Present = Callable[["Call", object], JsonObject]
Restore = Callable[[object, JsonObject], object]
AskStream = Callable[[JsonObject], None]
ResumeStream = Callable[[JsonObject, JsonObject], JsonObject | None]

WARNINGS_SCHEMA: JsonObject = {
    "title": "Warnings",
    "description": "What should be known although the call went well; empty when there is nothing.",
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "code": {"title": "Code", "description": "Machine-readable reason.", "type": "string"},
            "message": {
                "title": "Message",
                "description": "What happened, and what to do.",
                "type": "string",
            },
        },
        "required": ["code", "message"],
    },
}
"""Member ``warnings`` of every output; added to the schema of an action that has none of that name."""

_SEGMENT = re.compile(r"[a-z][a-z0-9_]*\Z")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_MAX_ID_LENGTH = 60
_MAX_HEADER_NAMES = 256
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class StreamPresenter(Protocol):
    """Turns one upstream stream into what the action's caller reads."""

    def feed(self, event: JsonObject) -> Iterable[JsonObject]:
        """Return the events to send for one upstream event."""
        ...

    def finish(self) -> JsonObject:
        """Return the action's whole output once the stream is complete."""
        ...


@runtime_checkable
class JoiningPresenter(StreamPresenter, Protocol):
    """A presenter that can also put a stream together, and join another to it."""

    def answer(self, *, is_partial: bool = False) -> JsonObject:
        """Return what has arrived, as the service would have answered in one piece.

        Args:
            is_partial: Whether the stream broke off, so that the answer lacks its end.
        """
        ...

    def adapt(self, event: JsonObject) -> JsonObject | None:
        """Return an event of a stream that goes on where the first broke, as the first would have had it.

        None if there is nothing in it for the caller.
        """
        ...


class Batcher(Protocol):
    """Packs the inputs of several calls of an action into one call, and takes its output apart again.

    An action has one where its service takes several inputs in one request. It is asked from several threads.
    """

    def plan(self, inputs: Sequence[JsonObject]) -> Iterable[Sequence[int]]:
        """Return the numbers of the inputs that go into each call, every number once.

        The inputs were not validated: what is not sound is to go alone, so that only it is refused.
        """
        ...

    def pack(self, inputs: Sequence[JsonObject]) -> JsonObject:
        """Return the input of the one call for inputs that were planned together, or for a part of them."""
        ...

    def unpack(self, inputs: Sequence[JsonObject], output: JsonObject) -> Sequence[JsonObject]:
        """Return the output of each input, with its share of what the call took.

        Raises:
            HooklineError: If the call's output does not hold them.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialPlacement:
    """Where a service expects its credential.

    Attributes:
        header: Lower-case header name.
        prefix: Text in front of the credential.
    """

    header: str = "authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """An example of an action's input and the output it gives.

    Attributes:
        title: What the example shows.
        input: Satisfies the input schema.
        output: Satisfies the output schema.
    """

    title: str
    input: JsonObject
    output: JsonObject


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Action:
    """One operation of a service, described so that a form can be built from it.

    Attributes:
        id: ``connector.verb``, stable over releases.
        connector: The connector it belongs to.
        title: Short label.
        description: What it does, in a sentence or two.
        method: HTTP method of the upstream endpoint.
        path: Path below the connection's base URL; ``{field}`` takes a field of the input.
        input_schema: JSON Schema 2020-12 of the input.
        output_schema: JSON Schema 2020-12 of the output.
        request_schema: JSON Schema of the upstream's body; what hooks change is checked against it.
        is_read_only: Whether a call changes nothing.
        is_idempotent: Whether the same call may be made twice without harm.
        samples: Examples for forms and documentation.
        prepare: Writes the input into the upstream request.
        present: Makes the output from the upstream's JSON.
        restore: Writes a changed output back into the upstream's JSON, for the wire door.
        stream: Makes the presenter of one stream; None when the action cannot stream.
        stream_end: Data of the event that ends a complete stream, such as ``[DONE]``.
        ask_stream: Makes a request's body ask for a stream; None when the action cannot stream.
        resume_stream: Makes, from a request's body and a partial answer, the body that asks the service to
            go on; it returns None where that cannot be asked.
        meter: Knows what a request can take and what an answer took; None if that is not known.
        batcher: Packs several inputs into one request; None if the service takes them one by one.
    """

    id: str
    connector: Connector
    title: str
    description: str
    method: str
    path: str
    input_schema: JsonObject = field(repr=False)
    output_schema: JsonObject = field(repr=False)
    request_schema: JsonObject | None = field(default=None, repr=False)
    is_read_only: bool = False
    is_idempotent: bool = False
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    prepare: Prepare = field(repr=False)
    present: Present = field(repr=False)
    restore: Restore | None = field(default=None, repr=False)
    stream: Callable[[Call], StreamPresenter] | None = field(default=None, repr=False)
    stream_end: bytes | None = None
    ask_stream: AskStream | None = field(default=None, repr=False)
    resume_stream: ResumeStream | None = field(default=None, repr=False)
    meter: Meter | None = field(default=None, repr=False)
    batcher: Batcher | None = field(default=None, repr=False)


class Connector:
    """The actions of one service.

    Args:
        id: Lower-case name, such as ``acme``; actions are called ``acme.<verb>``.
        title: Name that people know the service by.
        base_url: Where its API lives unless a connection says otherwise.
        description: One sentence about the service.
        credential: Where the service expects its credential; None if it takes none.
        options: pydantic model of what a connection may set besides base URL and credential.
        environment: Environment variables that are read when Hookline's own are not set, by
            setting name (``api_key``, ``base_url``).
        forward_headers: Caller's headers that are passed on to the service; lower case.
        return_headers: Service's headers that are passed back; lower case, a final ``*`` matches any rest.
        user_fields: Fields of the input that name the person for whom the caller acts; the first that is
            filled in counts.
        test: Verb of the action that tells whether a connection works; it must need no input.
    """

    def __init__(
        self,
        id: str,
        *,
        title: str,
        base_url: str,
        description: str = "",
        credential: CredentialPlacement | None = CredentialPlacement(),  # frozen value
        options: type[BaseModel] | None = None,
        environment: Mapping[str, str] | None = None,
        forward_headers: Iterable[str] = (),
        return_headers: Iterable[str] = ("x-request-id", "retry-after"),
        user_fields: Iterable[str] = (),
        test: str | None = None,
    ) -> None:
        if not _SEGMENT.match(id):
            raise ConfigurationError(f"Connector id {id!r} must match [a-z][a-z0-9_]*.")
        self.id = id
        self.title = title
        self.base_url = base_url
        self.description = description
        self.credential = credential
        self.options = options
        self.environment = dict(environment or {})
        self.forward_headers = tuple(name.lower() for name in forward_headers)
        names = [name.lower() for name in return_headers]
        self.return_headers = frozenset(name for name in names if not name.endswith("*"))
        self.return_prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
        self.user_fields = tuple(user_fields)
        self.test = test
        self.actions: dict[str, Action] = {}
        self.sources: dict[str, Source] = {}
        self._returned: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"Connector({self.id!r}, actions={sorted(self.actions)})"

    def returns_header(self, name: str) -> bool:
        """Tell whether a header of the service is passed back to the caller; its name is in lower case."""
        known = self._returned.get(name)
        if known is None:
            known = name in self.return_headers or name.startswith(self.return_prefixes)
            if len(self._returned) < _MAX_HEADER_NAMES:
                self._returned[name] = known
        return known

    def endpoint(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        input: type[BaseModel] | JsonObject,
        output: type[BaseModel] | JsonObject,
        request: type[BaseModel] | JsonObject | None = None,
        title: str | None = None,
        description: str | None = None,
        read_only: bool = False,
        idempotent: bool | None = None,
        samples: Iterable[Sample] = (),
        prepare: Prepare | None = None,
        present: Present | None = None,
        restore: Restore | None = None,
        stream: Callable[[Call], StreamPresenter] | None = None,
        stream_end: bytes | None = None,
        ask_stream: AskStream | None = None,
        resume_stream: ResumeStream | None = None,
        meter: Meter | None = None,
        batcher: Batcher | None = None,
    ) -> Action:
        """Add an action that is one request to the service.

        Args:
            verb: Last part of the action's id.
            method: HTTP method.
            path: Path below the base URL; ``{field}`` is replaced by that field of the input.
            input: pydantic model or JSON Schema of the input.
            output: pydantic model or JSON Schema of the output.
            request: Model or schema of the service's own body, if it differs from ``input``.
            title: Label; made from ``verb`` if not given.
            description: A sentence or two; the input model's docstring if not given.
            read_only: Whether a call changes nothing.
            idempotent: Whether it may be repeated without harm; by default as ``read_only``.
            samples: Examples.
            prepare: Writes the input into the request; by default fields of ``path`` go there, the
                rest into the JSON body, or into the query for methods without a body.
            present: Makes the output from the service's JSON; by default hands it on.
            restore: Writes a changed output back into the service's JSON.
            stream: Makes the presenter of one stream.
            stream_end: Data of the event that ends a complete stream.
            ask_stream: Makes a body ask for a stream; by default sets its member ``stream`` to true.
            resume_stream: Makes the body that asks the service to go on after a partial answer.
            meter: Knows what a request can take, what an answer took, and what that costs.
            batcher: Packs several inputs into one request, for calls with ``items``.

        Returns:
            The action, already part of this connector.

        Raises:
            ConfigurationError: If the id is malformed or already taken.
        """
        action_id = f"{self.id}.{verb}"
        if not _SEGMENT.match(verb) or len(action_id) > _MAX_ID_LENGTH:
            raise ConfigurationError(
                f"Action id {action_id!r}: the verb must be like `find_contact`, the id at most 60 long."
            )
        if action_id in self.actions:
            raise ConfigurationError(f"Action {action_id!r} is defined twice.")
        action = Action(
            id=action_id,
            connector=self,
            title=title or verb.replace("_", " ").capitalize(),
            description=description or _docstring_of(input) or title or verb.replace("_", " ").capitalize(),
            method=method.upper(),
            path=path,
            input_schema=_schema_of(input, mode="validation"),
            output_schema=_with_warnings(_schema_of(output, mode="serialization")),
            request_schema=None if request is None else _schema_of(request, mode="validation"),
            is_read_only=read_only,
            is_idempotent=read_only if idempotent is None else idempotent,
            samples=tuple(_complete(sample) for sample in samples),
            prepare=prepare or fill_request,
            present=present or hand_on,
            restore=restore,
            stream=stream,
            stream_end=stream_end,
            ask_stream=None if stream is None else ask_stream or _set_stream,
            resume_stream=resume_stream,
            meter=meter,
            batcher=batcher,
        )
        self.actions[action_id] = action
        return action

    def source(
        self,
        name: str,
        *,
        title: str | None = None,
        parameters: Iterable[str] = (),
        cache_s: float | None = None,
    ) -> Callable[[ListOptions], ListOptions]:
        """Mark a function that returns the options of a dropdown.

        ``GET /options/{id}`` answers with them. A field whose schema has ``"x-options"`` with the source's id
        is shown as a dropdown.

        Args:
            name: Last part of the source's id.
            title: Label; made from ``name`` if not given.
            parameters: Query parameters that the function reads.
            cache_s: For how long its options are kept for one caller; a minute if not given.

        Raises:
            ConfigurationError: If the id is malformed or already taken.
        """
        from hookline.sources import CACHE_S, Source

        source_id = f"{self.id}.{name}"
        if not _SEGMENT.match(name) or len(source_id) > _MAX_ID_LENGTH:
            raise ConfigurationError(
                f"Source id {source_id!r}: the name must be like `stages`, the id at most 60 long."
            )
        if source_id in self.sources:
            raise ConfigurationError(f"Source {source_id!r} is defined twice.")

        def add(list: ListOptions) -> ListOptions:
            self.sources[source_id] = Source(
                id=source_id,
                title=title or name.replace("_", " ").capitalize(),
                list=list,
                parameters=tuple(parameters),
                cache_s=CACHE_S if cache_s is None else cache_s,
                connector=self.id,
            )
            return list

        return add


def _set_stream(body: JsonObject) -> None:
    body["stream"] = True


def fill_request(call: Call, request: UpstreamRequest) -> None:
    """Put the input where the endpoint's path and method say; the default ``prepare``."""
    fields = dict(call.input)
    request.path = fill_path(request.path, fields)
    if call.action.method in _BODY_METHODS:
        request.body = fields
    elif query := {name: value for name, value in fields.items() if value is not None}:
        pairs = {
            name: [_as_text(item) for item in value] if isinstance(value, list) else _as_text(value)
            for name, value in query.items()
        }
        request.path += "?" + urlencode(pairs, doseq=True)


def fill_path(template: str, fields: JsonObject) -> str:
    """Replace ``{name}`` by the quoted field of that name, which is taken out of ``fields``.

    Raises:
        InvalidInputError: If a value would change the path's structure.
    """

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        value = fields.pop(name, None)
        text = "" if value is None else _as_text(value)
        if text in ("", ".", ".."):
            raise InvalidInputError(
                f"`{name}` must not be {text!r}: it becomes part of an address.", field=name
            )
        return quote(text, safe=":@")

    return _PLACEHOLDER.sub(fill, template)


def _as_text(value: object) -> str:
    """Return a value as it stands in an address: text and numbers as they are, all else as JSON."""
    if isinstance(value, str):
        return value
    import orjson  # here, because every plugin with a connector imports this module, also for `--help`

    return orjson.dumps(value).decode()


def hand_on(call: Call, raw: object) -> JsonObject:
    """Return the service's JSON as the output; the default ``present``."""
    return raw if isinstance(raw, dict) else {"data": raw}


def _schema_of(source: type[BaseModel] | JsonObject, *, mode: str) -> JsonObject:
    if isinstance(source, dict):
        return source
    return source.model_json_schema(mode="validation" if mode == "validation" else "serialization")


def _with_warnings(schema: JsonObject) -> JsonObject:
    """Add the member that every action's output may have."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or "warnings" in properties:
        return schema
    return {**schema, "properties": {**properties, "warnings": WARNINGS_SCHEMA}}


def _complete(sample: Sample) -> Sample:
    return replace(sample, output={**sample.output, "warnings": sample.output.get("warnings", [])})


def _docstring_of(source: type[BaseModel] | JsonObject) -> str:
    if isinstance(source, dict):
        return str(source.get("description", ""))
    return inspect.cleandoc(source.__doc__ or "")
