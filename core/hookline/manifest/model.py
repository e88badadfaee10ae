"""The format of a manifest, version 1: what its keys are called and what they may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hookline.manifest.fields import SchemaValue
from hookline.manifest.parts import (
    BearerPart,
    CredentialPart,
    ErrorPart,
    Expression,
    PagesPart,
    Part,
    PlaceValue,
    SamplePart,
    StreamPart,
)
from hookline.manifest.patterns import (
    HEADER_PATTERN,
    ID_PATTERN,
    NAME_PATTERN,
    PATH_PATTERN,
    URL_PATTERN,
)

VERSION = 1
MAX_ACTIONS = 10_000

Id = Annotated[str, Field(pattern=ID_PATTERN, max_length=40)]
Verb = Annotated[str, Field(pattern=ID_PATTERN, max_length=58)]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
HeaderName = Annotated[str, Field(pattern=HEADER_PATTERN, max_length=100)]

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_REPEATABLE_METHODS = _SAFE_METHODS | {"PUT", "DELETE"}


class ActionPart(Part):
    """One action: one request to the service."""

    method: Method = Field(description="HTTP method.")
    path: str = Field(
        pattern=PATH_PATTERN,
        max_length=2_000,
        description="Path below the base URL; `{field}` takes a field of the input.",
    )
    title: str | None = Field(
        None, min_length=1, max_length=200, description="Label; made from the verb if not given."
    )
    description: str | None = Field(
        None, max_length=10_000, description="What it does, in a sentence or two."
    )
    group: str | None = Field(
        None, min_length=1, max_length=100, description="Key of `groups`, or a heading if there are none."
    )
    hidden: bool = Field(
        False, description="Whether it is in no list and no export; other actions may run it."
    )
    read_only: bool | None = Field(
        None, description="Whether a call changes nothing; true for GET and HEAD unless it says otherwise."
    )
    idempotent: bool | None = Field(
        None,
        description="Whether the same call may be made twice without harm; true for GET, HEAD, PUT and "
        "DELETE unless it says otherwise.",
    )
    input: SchemaValue = Field(
        default_factory=dict,
        description="What callers give: a JSON Schema 2020-12 of an object, or `fields`. Without it: nothing "
        "but the fields of the path.",
    )
    output: SchemaValue = Field(
        default_factory=dict,
        description="What callers get: a JSON Schema 2020-12 of an object, or `fields`.",
    )
    request: SchemaValue | None = Field(
        None, description="The service's own body, where `shape` makes it differ from the input."
    )
    places: dict[str, PlaceValue] = Field(
        default_factory=dict,
        description="Where input fields go. Without it: those of the path there, the rest into the body, or "
        "into the query for methods without one.",
    )
    encoding: Literal["json", "form", "multipart", "text", "binary"] = Field(
        "json", description="How the body is written."
    )
    answers: Literal["json", "text", "binary", "nothing"] = Field(
        "json", description="How the answer is read."
    )
    pick: Expression | None = Field(None, description="JMESPath from the service's JSON to the output.")
    shape: Expression | None = Field(None, description="JMESPath from the input to the request's body.")
    defaults: dict[str, object] = Field(
        default_factory=dict, description="Fixed values that go with every request, by `places`."
    )
    pages: PagesPart | None = Field(None, description="How a long list is read to its end.")
    errors: list[ErrorPart] = Field(
        default_factory=list,
        description="What refusals of this action mean; they come before the manifest's.",
    )
    stream: StreamPart | None = Field(None, description="How the service streams the answer.")
    samples: list[SamplePart] = Field(
        default_factory=list, description="Examples for forms and documentation."
    )

    @property
    def is_read_only(self) -> bool:
        """Whether a call changes nothing, as it says or as its method means (RFC 9110, section 9.2.1)."""
        return self.method in _SAFE_METHODS if self.read_only is None else self.read_only

    @property
    def is_idempotent(self) -> bool:
        """Whether a call may be repeated, as it says or as its method means (RFC 9110, section 9.2.2)."""
        if self.idempotent is not None:
            return self.idempotent
        return self.is_read_only or self.method in _REPEATABLE_METHODS


class Manifest(Part):
    """A connector without Python: one service, its actions, and how calls become requests."""

    manifest: Literal[1] = Field(description="Version of this format.")
    id: Id = Field(description="Lower-case name, such as `acme`; actions are called `acme.<verb>`.")
    title: str = Field(min_length=1, max_length=200, description="Name that people know the service by.")
    description: str = Field("", max_length=10_000, description="One sentence about the service.")
    base_url: str = Field(
        pattern=URL_PATTERN,
        max_length=2_000,
        description="Where its API lives unless a connection says otherwise.",
    )
    credential: CredentialPart = Field(
        default_factory=lambda: BearerPart(kind="bearer"),
        description="How the service is shown its credential; a bearer token if not given.",
    )
    test: Verb | None = Field(
        None, description="Verb of the action that tells whether a connection works; it must need no input."
    )
    groups: dict[str, str] = Field(
        default_factory=dict, description="Headings under which forms and lists show actions, by key."
    )
    forward_headers: list[HeaderName] = Field(
        default_factory=list, description="Caller's headers that are passed on to the service."
    )
    return_headers: list[HeaderName] = Field(
        default_factory=lambda: ["x-request-id", "retry-after"],
        description="Service's headers that are passed back; a final `*` matches any rest.",
    )
    user_fields: list[str] = Field(
        default_factory=list,
        description="Input fields that name the person for whom the caller acts; the first that is filled "
        "counts.",
    )
    errors: list[ErrorPart] = Field(
        default_factory=list,
        description="What refusals of every action mean; the first rule that fits counts.",
    )
    schemas: dict[Annotated[str, Field(pattern=NAME_PATTERN)], SchemaValue] = Field(
        default_factory=dict,
        description='Schemas that actions share; refer to one with `{"$ref": "#/$defs/Name"}`.',
    )
    actions: dict[Verb, ActionPart] = Field(
        min_length=1, max_length=MAX_ACTIONS, description="The actions by verb."
    )
