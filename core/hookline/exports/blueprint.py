"""The form between the catalog and every platform: names, fields, outputs, samples, hints and choices.

A target reads a `Blueprint` and writes files. What a third party's connector declares is in it as much as
what comes with Hookline, so its actions come out of every export.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

from hookline.exports.losses import Losses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.action import JsonObject, Sample
    from hookline.call_options import CallOption
    from hookline.operation import Answer, Operation

FieldKind = Literal["text", "integer", "number", "boolean", "choice", "list", "object", "json"]
"""What a field takes: ``list`` is one of texts, numbers or booleans; ``json`` is anything more involved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionsLink:
    """Where the rows of a dropdown come from.

    Attributes:
        source: Id of the source, such as ``openai.models``.
        query: Parameters that it is asked with.
    """

    source: str
    query: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return it as fields write it: ``openai.models?kind=chat``."""
        return f"{self.source}?{urlencode(self.query)}" if self.query else self.source


@dataclass(frozen=True, kw_only=True, slots=True)
class FormField:
    """One field of a form.

    Attributes:
        name: Name in JSON.
        label: What people read.
        help: What it means; may be empty.
        kind: What it takes.
        item_kind: What each entry takes, if it is a list.
        is_required: Whether it must be filled in.
        is_advanced: Whether a form hides it at first.
        is_multiline: Whether its text may be long.
        is_nullable: Whether the schema takes null.
        is_binary: Whether its text is base64 or the like.
        takes_more: Whether its schema takes more than this kind says; the rest goes by ``raw_json``.
        group: Heading that it stands under; may be empty.
        default: Value that the service assumes; None if there is none.
        example: A value that fits; None if none is known.
        placeholder: Text in the empty field.
        choices: Values and labels, if it is a choice.
        options: Where its rows come from, if it is a dropdown that is filled when it is opened.
        minimum: Least number.
        maximum: Greatest number.
        min_length: Least characters.
        max_length: Most characters.
        pattern: Regular expression of its text.
        schema: Its JSON Schema; references lead into the action's whole schema.
    """

    name: str
    label: str
    help: str = ""
    kind: FieldKind = "text"
    item_kind: FieldKind = "text"
    is_required: bool = False
    is_advanced: bool = False
    is_multiline: bool = False
    is_nullable: bool = False
    is_binary: bool = False
    takes_more: bool = False
    group: str = ""
    default: object = None
    example: object = None
    placeholder: str = ""
    choices: tuple[tuple[object, str], ...] = ()
    options: OptionsLink | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    schema: JsonObject = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputField:
    """One member of an output, with those inside of it.

    Attributes:
        name: Name in JSON.
        label: What people read.
        help: What it means; may be empty.
        kind: What it holds.
        is_list: Whether it is a list of what ``kind`` and ``members`` say.
        is_always_there: Whether every output has it.
        holds_what_holds_it: Whether its members are those of an object that it is in, as in a tree.
        members: What an object holds, as far as it is known.
    """

    name: str
    label: str
    help: str = ""
    kind: FieldKind = "text"
    is_list: bool = False
    is_always_there: bool = False
    holds_what_holds_it: bool = False
    members: tuple[OutputField, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionBlueprint:
    """One action.

    Attributes:
        id: ``connector.verb``.
        path: Address that runs it, below the gateway's own.
        title: Label.
        description: What it does.
        connector: Id of the connector.
        connector_title: What people call the service.
        is_read_only: Whether a call changes nothing.
        is_idempotent: Whether it may be repeated without harm.
        streams: Whether its answer can come piece by piece.
        input_schema: JSON Schema 2020-12 of the input.
        output_schema: JSON Schema 2020-12 of the output.
        fields: The input as a form, in its order.
        one_of: Groups of fields of which at least one must be filled in.
        outputs: Members of the output.
        samples: Examples that the connector declares; there may be none.
        sample_input: An input that the connector declares, or one made from the schema. A made one keeps to
            types, choices and bounds as far as a quick look tells; patterns and conditions are not followed.
        sample_output: An output with every field that it can have, unless types hold each other too often.
        form: The fields without those about streams, which no form can show.
        labels: What people call the fields of the form, by name.
        alternatives: Names of the fields that are in a group of ``one_of``.
    """

    id: str
    path: str
    title: str
    description: str
    connector: str
    connector_title: str
    is_read_only: bool
    is_idempotent: bool
    streams: bool
    input_schema: JsonObject = field(repr=False)
    output_schema: JsonObject = field(repr=False)
    fields: tuple[FormField, ...] = field(repr=False)
    one_of: tuple[tuple[str, ...], ...] = ()
    outputs: tuple[OutputField, ...] = field(repr=False)
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    sample_input: JsonObject = field(repr=False)
    sample_output: JsonObject = field(repr=False)
    form: tuple[FormField, ...] = field(init=False, repr=False, compare=False)
    labels: Mapping[str, str] = field(init=False, repr=False, compare=False)
    alternatives: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shown = tuple(
            one for one in self.fields if not (one.name == "stream" or one.name.startswith("stream_"))
        )
        object.__setattr__(self, "form", shown)
        object.__setattr__(self, "labels", {one.name: one.label for one in shown})
        object.__setattr__(self, "alternatives", frozenset(name for group in self.one_of for name in group))


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceBlueprint:
    """One source of options.

    Attributes:
        id: Its name, such as ``openai.models``.
        path: Its address, below the gateway's own.
        title: What people call it.
        parameters: Query parameters that it reads besides those that every source reads.
    """

    id: str
    path: str
    title: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteBlueprint:
    """A route that describes itself, such as the one that tells how far a job is.

    Attributes:
        method: Upper-case HTTP method.
        path: Path; variable parts stand in braces.
        operation: What it takes and answers.
    """

    method: str
    path: str
    operation: Operation


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """All that a target needs to know.

    Attributes:
        server_url: Address of the gateway, without a slash at its end.
        version: Version of Hookline.
        actions: The actions, by id.
        sources: Where the rows of dropdowns come from, by id.
        routes: Other routes that describe themselves.
        call_options: What a call may say besides the action's own input.
        call_answers: What it may answer besides the action's own output, by status.
        losses: Note here what the platform cannot say.
    """

    server_url: str
    version: str
    actions: tuple[ActionBlueprint, ...]
    sources: tuple[SourceBlueprint, ...] = ()
    routes: tuple[RouteBlueprint, ...] = ()
    call_options: tuple[CallOption, ...] = ()
    call_answers: Mapping[int, Answer] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses, repr=False, compare=False)

    def url_of(self, path: str) -> str:
        """Return the whole address of a path."""
        return self.server_url + path

    def has_option(self, name: str) -> bool:
        """Tell whether a call may say something besides its input, such as ``profile``."""
        return any(one.name == name for one in self.call_options)
