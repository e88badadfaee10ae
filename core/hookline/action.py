"""Actions: what the catalog holds, and what a connector's author may hand over with one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.code_action import Code
    from hookline.connector import Connector
    from hookline.declaring import AnswerKind
    from hookline.error_rules import ErrorRule
    from hookline.metering import Meter
    from hookline.paging import Paging
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
class Sample:
    """An example of an action's input and the output it gives.

    Attributes:
        input: Satisfies the input schema.
        output: Satisfies the output schema.
        title: What the example shows.
    """

    input: JsonObject
    output: JsonObject
    title: str = "Example"


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
        answers: How the service's answer is read.
        errors: What the service's refusals mean, its own rules before those of the connector.
        group: Heading under which forms and lists show it.
        is_hidden: Whether only other calls may run it, and no list or export shows it.
        service_names: What the service calls fields that have another name there.
        code: The function that the action is; None for one request to the service.
        paging: How its pages are gone through; None if its output comes in one piece.
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
    answers: AnswerKind = "json"
    errors: tuple[ErrorRule, ...] = field(default=(), repr=False)
    group: str | None = None
    is_hidden: bool = False
    service_names: Mapping[str, str] = field(default_factory=dict, repr=False)
    code: Code | None = field(default=None, repr=False)
    paging: Paging | None = field(default=None, repr=False)
