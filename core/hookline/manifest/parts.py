"""The small parts of a manifest: credential, places, pages, errors, streams and samples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from hookline.error_rules import ErrorKind
from hookline.manifest.patterns import CODE_PATTERN, HEADER_PATTERN, HTTPS_PATTERN

Expression = Annotated[str, Field(min_length=1, max_length=2_000)]
"""JMESPath, see `hookline.picking`."""

NOTES = "x-"
"""What names of keys begin with that are for notes; nothing reads them."""


class Part(BaseModel):
    """A table of a manifest: keys that it does not know are refused, and those for notes left out."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"patternProperties": {f"^{NOTES}": True}},
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_notes(cls, value: object) -> object:
        if isinstance(value, dict) and any(str(key).startswith(NOTES) for key in value):
            return {key: one for key, one in value.items() if not str(key).startswith(NOTES)}
        return value


# ---------------------------------------------------------------- how the service is shown a credential


class HeaderPart(Part):
    """A credential in a header, such as an API key in `X-API-Key`."""

    kind: Literal["header"]
    header: str = Field("authorization", pattern=HEADER_PATTERN, description="Its name.")
    prefix: str = Field("", max_length=40, description="Text in front of the credential, such as `Token `.")


class BearerPart(Part):
    """A token in the header `Authorization: Bearer …`."""

    kind: Literal["bearer"]


class QueryPart(Part):
    """An API key in the query."""

    kind: Literal["query"]
    parameter: str = Field(min_length=1, max_length=100, description="Name of the query parameter.")


class BasicPart(Part):
    """HTTP's basic authentication; the credential is `user:password`."""

    kind: Literal["basic"]


class OAuth2Part(Part):
    """An access token that is fetched with the credential and renewed in time."""

    kind: Literal["oauth2"]
    token_url: str = Field(
        pattern=HTTPS_PATTERN, description="Where access tokens are fetched; an https URL."
    )
    grant: Literal["client_credentials", "refresh_token"] = Field(
        "client_credentials",
        description="`client_credentials`: the credential is `client_id:client_secret`. "
        "`refresh_token`: it is `client_id:client_secret:refresh_token`.",
    )
    scopes: list[str] = Field(default_factory=list, description="What is asked for.")
    client_in: Literal["header", "form"] = Field(
        "header", description="Where the client's id and secret go: into a header or into the form."
    )
    parameters: dict[str, str] = Field(
        default_factory=dict, description="Further fields of the form, such as `audience`."
    )


class NoPart(Part):
    """A service that takes no credential."""

    kind: Literal["none"]


_SHORT_KINDS = ("bearer", "basic", "none")
_KINDS = ("header", "query", "oauth2", *_SHORT_KINDS)


def _kind_of(value: object) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"({kind})" if kind in _KINDS else None


_AnyCredential = Annotated[
    Annotated[HeaderPart, Tag("(header)")]
    | Annotated[BearerPart, Tag("(bearer)")]
    | Annotated[QueryPart, Tag("(query)")]
    | Annotated[BasicPart, Tag("(basic)")]
    | Annotated[OAuth2Part, Tag("(oauth2)")]
    | Annotated[NoPart, Tag("(none)")],
    Discriminator(
        _kind_of,
        custom_error_type="credential_kind",
        custom_error_message="must have a `kind`, one of " + ", ".join(f"`{kind}`" for kind in _KINDS),
    ),
]
CredentialPart = Annotated[
    _AnyCredential,
    BeforeValidator(
        lambda value: {"kind": value} if isinstance(value, str) else value,
        json_schema_input_type=_AnyCredential | Literal["bearer", "basic", "none"],
    ),
]

# ---------------------------------------------------------------- where input fields go

Where = Literal["path", "query", "header", "cookie", "body", "content"]
Style = Literal["repeat", "comma", "brackets"]


class PlacePart(Part):
    """Where an input field goes, under another name or in another style."""

    where: Where = Field(description="Part of the request; `content`: the field is the whole body.")
    name: str | None = Field(
        None, min_length=1, max_length=200, description="Name there; that of the field if not given."
    )
    style: Style | None = Field(
        None, description="How a list is written in a query: `a=1&a=2`, `a=1,2` or `a[]=1&a[]=2`."
    )


PlaceValue = Annotated[
    PlacePart,
    BeforeValidator(
        lambda value: {"where": value} if isinstance(value, str) else value,
        json_schema_input_type=PlacePart | Where,
    ),
]

# ---------------------------------------------------------------- pages, errors, streams, samples


class PagesPart(Part):
    """A long list that the service hands out piece by piece."""

    items: Expression = Field(description="JMESPath of the list in the action's output.")
    field: str = Field(min_length=1, description="Input field that asks for a page.")
    next: Expression | None = Field(
        None, description="JMESPath, in the service's JSON, of what goes into `field` for the next page."
    )
    by: Literal["cursor", "link", "page", "offset"] = Field(
        "cursor",
        description="What `field` holds: the cursor that `next` finds, the same parameter of the header "
        '`Link: <…>; rel="next"`, the number of a page, or the number of items before it.',
    )
    first: int = Field(1, ge=0, description="Number of the first page, or of its first item.")
    size_field: str | None = Field(None, description="Input field with the number of items on a page.")
    max_pages: int = Field(100, ge=1, le=10_000, description="Most pages that one call goes through.")


def _one_status(value: object) -> object:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


Status = Annotated[int, Field(ge=100, le=599)]
Statuses = Annotated[list[Status], BeforeValidator(_one_status, json_schema_input_type=list[Status] | Status)]


class ErrorPart(Part):
    """One kind of refusal; the first rule that fits counts."""

    kind: ErrorKind = Field(description="What the caller should take it for.")
    statuses: Statuses = Field(
        default_factory=list,
        description="Statuses of the service that it is for; without any: all that are not 2xx. "
        "With 200 among them `when` is needed.",
    )
    when: Expression | None = Field(None, description="JMESPath in the service's JSON that must be true.")
    code: str | None = Field(
        None, pattern=CODE_PATTERN, description="Machine-readable reason for our caller."
    )
    message: Expression | None = Field(
        None, description="JMESPath of a text of the service that callers may see."
    )
    field: Expression | None = Field(None, description="JMESPath of the name of the input field at fault.")
    hint: str | None = Field(None, max_length=500, description="What the caller should do next.")
    retry_after_s: Expression | None = Field(None, description="JMESPath of the seconds to wait.")


def _ask_plainly() -> dict[str, object]:
    return {"stream": True}


class StreamPart(Part):
    """How the service streams an answer, as server-sent events."""

    text: Expression = Field(description="JMESPath, in an event's JSON, of the text that it adds.")
    output: Expression | None = Field(
        None, description="JMESPath, in an event's JSON, of members that the output takes from it."
    )
    into: str = Field("text", min_length=1, description="Member of the output that holds the whole text.")
    end: str | None = Field(
        "[DONE]", description="Data of the event that ends a stream; null if it just ends."
    )
    ask: dict[str, object] = Field(
        default_factory=_ask_plainly,
        description="Members that the request's body gets to ask for a stream.",
    )


class SamplePart(Part):
    """An example of an input and of the output that it gives."""

    title: str = Field("Example", min_length=1, max_length=200, description="What the example shows.")
    input: dict[str, object] = Field(default_factory=dict, description="Fits the input schema.")
    output: dict[str, object] = Field(description="Fits the output schema.")


AnyJson = Annotated[object, WithJsonSchema({})]
