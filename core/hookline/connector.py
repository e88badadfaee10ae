"""Connectors: what a plugin author writes to add the actions of a service."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from hookline.action import (
    WARNINGS_SCHEMA,
    Action,
    AskStream,
    Batcher,
    JsonObject,
    Prepare,
    Present,
    Restore,
    ResumeStream,
    Sample,
    StreamPresenter,
)
from hookline.code_action import (
    CODE_BASE_URL,
    STREAM_END,
    CodeStream,
    callers_names,
    prepare_code,
    read_function,
)
from hookline.connection import check_base_url
from hookline.credential import Credential, CredentialPlacement, check_credential
from hookline.declaring import ANSWER_SCHEMAS, AnswerKind, EndpointParts, make_parts
from hookline.endpoint_checks import check_headers, check_method, check_returned
from hookline.error_rules import ErrorRule, check_rules
from hookline.errors import ConfigurationError
from hookline.filling import hand_on
from hookline.paging import with_pages
from hookline.schema_fields import with_stream_field

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.call import Call
    from hookline.encodings import Encoding
    from hookline.engine.schema_guard import SchemaGuard
    from hookline.event_stream import EventStream
    from hookline.metering import Meter
    from hookline.pages import Pages
    from hookline.places import Place
    from hookline.sources import ListOptions, Source

F = TypeVar("F", bound=Callable[..., object])

_SEGMENT = re.compile(r"[a-z][a-z0-9_]*\Z")
_MAX_ID_LENGTH = 60
MAX_CONNECTOR_ID_LENGTH = 40
"""Longest id of a connector: what is left of an action's id is for the verb."""

_MAX_HEADER_NAMES = 256
_BEARER = CredentialPlacement()


class ReturnedHeaders(dict[str, bool]):
    """Which headers are passed back, by lower-case name: every name has a value, and is judged once.

    Args:
        names: Those that are.
        prefixes: What the names of others begin with that are, too.
    """

    def __init__(self, names: frozenset[str], prefixes: tuple[str, ...]) -> None:
        super().__init__(dict.fromkeys(names, True))
        self._prefixes = prefixes

    def __missing__(self, name: str) -> bool:
        is_returned = name.startswith(self._prefixes)
        if len(self) < _MAX_HEADER_NAMES:
            self[name] = is_returned
        return is_returned


class Connector:
    """The actions of one service.

    Args:
        id: Lower-case name, such as ``acme``; actions are called ``acme.<verb>``.
        title: Name that people know the service by.
        base_url: Where its API lives unless a connection says otherwise; a connector whose actions are all
            code needs none.
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
        errors: What the service's refusals mean, for all actions; an action's own rules come first.

    Raises:
        ConfigurationError: If the id, the base URL or a header's name is not sound.

    Attributes:
        returns: Tells by lower-case name which of the service's headers are passed back to the caller.
        guard: What judged the schemas of its actions if a stranger wrote them; they are then compiled with
            care, when they are first needed. None for schemas that are trusted.
    """

    def __init__(
        self,
        id: str,
        *,
        title: str,
        base_url: str = CODE_BASE_URL,
        description: str = "",
        credential: Credential | None = _BEARER,
        options: type[BaseModel] | None = None,
        environment: Mapping[str, str] | None = None,
        forward_headers: Iterable[str] = (),
        return_headers: Iterable[str] = ("x-request-id", "retry-after"),
        user_fields: Iterable[str] = (),
        test: str | None = None,
        errors: Iterable[ErrorRule] = (),
    ) -> None:
        if not _SEGMENT.match(id) or len(id) > MAX_CONNECTOR_ID_LENGTH:
            raise ConfigurationError(
                f"Connector id {id[:80]!r} must match [a-z][a-z0-9_]* and be at most "
                f"{MAX_CONNECTOR_ID_LENGTH} long."
            )
        where = f"Connector {id!r}"
        self.id = id
        self.title = title
        self.base_url = check_base_url(base_url, setting=f"{where}: `base_url`")
        self.description = description
        check_credential(credential, where=where)
        self.credential = credential
        self.options = options
        self.environment = dict(environment or {})
        self.forward_headers = check_headers(
            forward_headers, where=where, argument="forward_headers", credential=credential
        )
        names = check_returned(return_headers, where=where)
        self.return_headers = frozenset(name for name in names if not name.endswith("*"))
        self.return_prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
        self.returns = ReturnedHeaders(self.return_headers, self.return_prefixes)
        self.user_fields = tuple(user_fields)
        self.test = test
        self.errors = check_rules(errors, where=where)
        self.actions: dict[str, Action] = {}
        self.sources: dict[str, Source] = {}
        self.guard: SchemaGuard | None = None

    def __repr__(self) -> str:
        return f"Connector({self.id!r}, actions={sorted(self.actions)})"

    def endpoint(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        input: type[BaseModel] | JsonObject,
        output: type[BaseModel] | JsonObject | None = None,
        request: type[BaseModel] | JsonObject | None = None,
        title: str | None = None,
        description: str | None = None,
        read_only: bool = False,
        idempotent: bool | None = None,
        samples: Iterable[Sample] = (),
        prepare: Prepare | None = None,
        present: Present | None = None,
        restore: Restore | None = None,
        stream: Callable[[Call], StreamPresenter] | EventStream | None = None,
        stream_end: bytes | None = None,
        ask_stream: AskStream | None = None,
        resume_stream: ResumeStream | None = None,
        meter: Meter | None = None,
        batcher: Batcher | None = None,
        places: Mapping[str, Place] | None = None,
        encoding: Encoding = "json",
        answers: AnswerKind = "json",
        pick: str | None = None,
        shape: str | None = None,
        defaults: Mapping[str, object] | None = None,
        errors: Iterable[ErrorRule] = (),
        group: str | None = None,
        is_hidden: bool = False,
        pages: Pages | None = None,
    ) -> Action:
        """Add an action that is one request to the service.

        Args:
            verb: Last part of the action's id.
            method: HTTP method.
            path: Path below the base URL; ``{field}`` is replaced by that field of the input.
            input: pydantic model or JSON Schema of the input. A field that a model does not have is
                refused, unless the model's configuration says ``extra="ignore"`` or ``"allow"``.
            output: pydantic model or JSON Schema of the output; not needed where ``answers`` says it.
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
            stream: How a stream's events are read, or what makes the presenter of one stream.
            stream_end: Data of the event that ends a complete stream.
            ask_stream: Makes a body ask for a stream; by default sets its member ``stream`` to true.
            resume_stream: Makes the body that asks the service to go on after a partial answer.
            meter: Knows what a request can take, what an answer took, and what that costs.
            batcher: Packs several inputs into one request, for calls with ``items``.
            places: Where fields of the input go, if not where ``prepare`` says by default.
            encoding: How the body is written.
            answers: How the answer is read.
            pick: JMESPath from the service's JSON to the output; what is no object becomes its ``result``.
            shape: JMESPath from the input to the body. Members that come out null are left out.
            defaults: Values of fields that the input does not have or does not fill in; they go where
                ``places`` says.
            errors: What the service's refusals mean; the first rule that fits counts.
            group: Heading under which forms and lists show the action.
            is_hidden: Whether only other actions may run it, so that no list or export shows it.
            pages: How one page of the output leads to the next; the action then takes ``max_items``.

        Returns:
            The action, already part of this connector.

        Raises:
            ConfigurationError: If the id is malformed or already taken, or something declared does not hold
                together; names the action and the argument.
        """
        action_id = self._new_id(verb)
        method = check_method(method, where=action_id)
        if output is None:
            if answers == "json":
                raise ConfigurationError(f"{action_id}: `output`: it is missing; give a model or a schema.")
            output = ANSWER_SCHEMAS.get(answers, {})
        output_schema = _schema_of(output, mode="serialization")
        parts = make_parts(
            EndpointParts(
                where=action_id,
                method=method,
                path=path,
                input_schema=_schema_of(input, mode="validation"),
                output_schema=output_schema,
                places=places or {},
                encoding=encoding,
                answers=answers,
                pick=pick,
                shape=shape,
                defaults=defaults or {},
                prepare=prepare,
                present=present,
                stream=stream,
                stream_end=stream_end,
                ask_stream=ask_stream,
                credential=self.credential,
            )
        )
        action = Action(
            id=action_id,
            connector=self,
            title=title or verb.replace("_", " ").capitalize(),
            description=description or _docstring_of(input) or title or verb.replace("_", " ").capitalize(),
            method=method,
            path=path,
            input_schema=parts.input_schema,
            output_schema=_with_warnings(output_schema),
            request_schema=None if request is None else _schema_of(request, mode="request"),
            is_read_only=read_only,
            is_idempotent=read_only if idempotent is None else idempotent,
            samples=tuple(_complete(sample) for sample in samples),
            prepare=parts.prepare,
            present=parts.present,
            restore=restore,
            stream=parts.stream,
            stream_end=parts.stream_end,
            ask_stream=parts.ask_stream,
            resume_stream=resume_stream,
            meter=meter,
            batcher=batcher,
            answers=answers,
            errors=(*check_rules(errors, where=action_id), *self.errors),
            group=group,
            is_hidden=is_hidden,
            service_names=parts.service_names,
        )
        if pages is not None:
            action = with_pages(action, pages)
        self.actions[action_id] = action
        return action

    @overload
    def action(self, function: F, /) -> F: ...

    @overload
    def action(
        self,
        verb: str | None = None,
        /,
        *,
        title: str | None = None,
        description: str | None = None,
        input: type[BaseModel] | JsonObject | None = None,
        output: type[BaseModel] | JsonObject | None = None,
        read_only: bool = False,
        idempotent: bool | None = None,
        samples: Iterable[Sample] = (),
        group: str | None = None,
        is_hidden: bool = False,
    ) -> Callable[[F], F]: ...

    def action(
        self,
        verb: str | F | None = None,
        /,
        *,
        title: str | None = None,
        description: str | None = None,
        input: type[BaseModel] | JsonObject | None = None,
        output: type[BaseModel] | JsonObject | None = None,
        read_only: bool = False,
        idempotent: bool | None = None,
        samples: Iterable[Sample] = (),
        group: str | None = None,
        is_hidden: bool = False,
    ) -> F | Callable[[F], F]:
        """Mark a function that is an action: code in place of one request to the service.

        It takes the call, and the input if it has one: ``def greet(call: Call, input: Greeting) -> Text``.
        What it runs with ``call.run`` has its caller, deadline and cancellation. A generator is a stream: it
        yields texts or dicts, and returns its output, or yields it as its last model. The function itself
        stays as it is.

        Args:
            verb: Last part of the action's id; the function's name if not given.
            title: Label; made from the verb if not given.
            description: A sentence or two; the first paragraph of the function's docstring if not given.
            input: Model or JSON Schema of the input; the annotation of the second argument if not given.
            output: Model or JSON Schema of the output; the annotation of what is returned if not given.
            read_only: Whether a call changes nothing.
            idempotent: Whether it may be repeated without harm; by default as ``read_only``.
            samples: Examples.
            group: Heading under which forms and lists show it.
            is_hidden: Whether only other actions may run it.

        Raises:
            ConfigurationError: If the id is malformed or taken, or the function cannot be an action.
        """
        names = callers_names()

        def add(function: F) -> F:
            name = verb if isinstance(verb, str) else function.__name__
            action_id = self._new_id(name)
            parts = read_function(function, action_id=action_id, input=input, output=output, names=names)
            label = title or name.replace("_", " ").capitalize()
            input_schema = _schema_of(parts.input, mode="validation")
            self.actions[action_id] = Action(
                id=action_id,
                connector=self,
                title=label,
                description=description or parts.description or _docstring_of(parts.input) or label,
                method="POST",
                path=f"/{action_id}",
                input_schema=with_stream_field(input_schema) if parts.code.is_stream else input_schema,
                output_schema=_with_warnings(_schema_of(parts.output, mode="serialization")),
                is_read_only=read_only,
                is_idempotent=read_only if idempotent is None else idempotent,
                samples=tuple(_complete(sample) for sample in samples),
                prepare=prepare_code,
                present=hand_on,
                stream=CodeStream if parts.code.is_stream else None,
                stream_end=STREAM_END if parts.code.is_stream else None,
                code=parts.code,
                group=group,
                is_hidden=is_hidden,
            )
            return function

        return add(verb) if callable(verb) else add

    def _new_id(self, verb: str) -> str:
        """Return the id of an action that is about to be added.

        Raises:
            ConfigurationError: If it is malformed or taken.
        """
        action_id = f"{self.id}.{verb}"
        if not _SEGMENT.match(verb) or len(action_id) > _MAX_ID_LENGTH:
            raise ConfigurationError(
                f"Action id {action_id!r}: the verb must be like `find_contact`, the id at most 60 long."
            )
        if action_id in self.actions:
            raise ConfigurationError(f"Action {action_id!r} is defined twice.")
        return action_id

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


def _schema_of(
    source: type[BaseModel] | JsonObject, *, mode: Literal["validation", "request", "serialization"]
) -> JsonObject:
    if isinstance(source, dict):
        return source
    if not hasattr(source, "model_json_schema"):
        raise TypeError(f"{source!r} is neither a pydantic model nor a JSON Schema; write a model for it.")
    from hookline.model_schemas import ModelSchemas

    schema = source.model_json_schema(
        schema_generator=ModelSchemas, mode="serialization" if mode == "serialization" else "validation"
    )
    if mode == "validation" and source.model_config.get("extra") is None:
        schema.setdefault("additionalProperties", False)  # a misspelt field is an error
    return schema


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
