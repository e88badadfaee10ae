"""What somebody wants of a key, from the admin API or the command line; unknown fields are refused."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hookline.errors import InvalidInputError
from hookline.limit import parse_limit
from hookline.principal import ANYTHING, Caps
from hookline.spans import read_span
from hookline_auth.key_records import MICROSECONDS
from hookline_auth.rights import DEFAULT_SCOPES, Rights, network_of
from hookline_auth.wordings import near_field, path_of, say

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_LISTED = 200
_MAX_TEXT_LENGTH = 200
_ACTION = re.compile(r"(?:[a-z0-9_]+(?:\.[a-z0-9_]+)?|(?:[a-z0-9_]+\.)?[a-z0-9_]*\*)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}Z?")
_FORMS = (
    "`90d` for 90 days from now (or `12h`, `30m`, `2w`), a day such as 2027-01-31, or a time such as "
    "2027-01-31T12:00:00Z"
)
_CONNECTION = re.compile(r"[a-z][a-z0-9_]{0,99}")

W = TypeVar("W", bound=BaseModel)


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class WantedCaps(_Wanted):
    """The most that one call may ask for."""

    max_output_tokens: int | None = Field(None, ge=1, le=10**9)
    max_choices: int | None = Field(None, ge=1, le=10**6)
    max_stream_s: float | None = Field(None, gt=0, le=86_400)


class WantedSigning(_Wanted):
    """How requests are signed."""

    mode: Literal["off", "optional", "required"]
    scheme: Literal["standard", "github"] = "standard"
    secret: str | None = Field(None, max_length=512, repr=False)
    is_new: bool = False


class WantedKey(_Wanted):
    """A new key, or what is to be changed of one; fields that are left out stay as they are."""

    label: str = Field("", max_length=_MAX_TEXT_LENGTH)
    scopes: list[str] | None = Field(None, max_length=_MAX_LISTED)
    actions: list[str] | None = Field(None, max_length=_MAX_LISTED)
    models: list[str] | None = Field(None, max_length=_MAX_LISTED)
    connections: list[str] | None = Field(None, max_length=_MAX_LISTED)
    caps: WantedCaps | None = None
    networks: list[str] | None = Field(None, max_length=_MAX_LISTED)
    limits: list[str] | None = Field(None, max_length=_MAX_LISTED)
    expires_at: str | None = Field(None, max_length=40)

    @field_validator("label")
    @classmethod
    def _check_label(cls, text: str) -> str:
        if not text.isprintable():
            raise ValueError("write it in one line, without control characters")
        return text.strip()

    @field_validator("actions")
    @classmethod
    def _check_actions(cls, patterns: list[str] | None) -> list[str] | None:
        for pattern in patterns or ():
            if not _ACTION.fullmatch(pattern):
                raise ValueError(
                    f"{pattern[:80]!r} is no action; write one like `openai.chat`, `openai.*` or `*`"
                )
        return patterns

    @field_validator("models")
    @classmethod
    def _check_models(cls, patterns: list[str] | None) -> list[str] | None:
        for pattern in patterns or ():
            if not 0 < len(pattern) <= _MAX_TEXT_LENGTH or not pattern.isprintable() or "*" in pattern[:-1]:
                raise ValueError(f"{pattern[:80]!r} is no model; write one like `gpt-4o` or `gpt-5*`")
        return patterns

    @field_validator("connections")
    @classmethod
    def _check_connections(cls, names: list[str] | None) -> list[str] | None:
        for name in names or ():
            if not _CONNECTION.fullmatch(name):
                raise ValueError(f"{name[:80]!r} is no name of a connection")
        return names

    @field_validator("networks")
    @classmethod
    def _check_networks(cls, networks: list[str] | None) -> list[str] | None:
        for text in networks or ():
            try:
                network_of(text)
            except ValueError as exc:
                raise ValueError(
                    f"{text[:80]!r} is no network such as 10.0.0.0/8 or 2001:db8::/32: {exc}"
                ) from None
        return None if networks is None else [str(network_of(text)) for text in networks]

    @field_validator("limits")
    @classmethod
    def _check_limits(cls, texts: list[str] | None) -> list[str] | None:
        for text in texts or ():
            parse_limit(text)
        return texts

    @field_validator("expires_at")
    @classmethod
    def _check_time(cls, text: str | None) -> str | None:
        if text is not None:
            read_end(text, now_us=0)
        return text

    def check_label(self, *, is_new: bool) -> None:
        """Refuse a key without a name that people recognise.

        Raises:
            InvalidInputError: If there is none.
        """
        if not self.label and (is_new or "label" in self.model_fields_set):
            refuse("label", "A key needs a label: a name that people recognise, such as `Zapier, invoices`.")

    def rights_within(self, maker: Rights | None, *, now_us: int) -> Rights:
        """Return the rights of a new key; what is left out is as its maker has it, without admin scopes.

        Args:
            maker: The rights of its maker; None if no key makes it.
            now_us: What time it is.
        """
        most = maker or Rights()
        scopes = most.scopes & DEFAULT_SCOPES if self.scopes is None else frozenset(self.scopes)
        return self.changed(
            Rights(
                scopes=scopes,
                actions=most.actions,
                models=most.models,
                connections=most.connections,
                caps=most.caps,
                networks=most.networks,
                expires_at_us=most.expires_at_us,
            ),
            most,
            now_us=now_us,
        )

    def changed(self, rights: Rights, most: Rights, *, now_us: int) -> Rights:
        """Return rights with what is wanted in the place of what they were.

        Args:
            rights: What they were.
            most: The rights of whoever made the key; a cap that is taken away is this one's.
            now_us: What time it is.
        """
        given = self.model_fields_set
        caps = self.caps
        return Rights(
            scopes=rights.scopes if self.scopes is None else frozenset(self.scopes),
            actions=rights.actions if self.actions is None else _patterns(self.actions),
            models=rights.models if self.models is None else _patterns(self.models),
            connections=rights.connections if self.connections is None else _once(self.connections),
            caps=rights.caps if caps is None else _caps(caps, rights.caps, most.caps),
            networks=rights.networks if self.networks is None else _once(self.networks),
            limits=rights.limits if self.limits is None else tuple(parse_limit(text) for text in self.limits),
            expires_at_us=rights.expires_at_us
            if "expires_at" not in given
            else None
            if self.expires_at is None
            else read_end(self.expires_at, now_us=now_us),
        )

    def check_scopes(self, known: Collection[str]) -> None:
        """Refuse scopes that no route asks for: a misspelt one would give nothing.

        Raises:
            InvalidInputError: If there is one.
        """
        for scope in self.scopes or ():
            if scope not in known:
                refuse("scopes", f"There is no scope {scope[:80]!r}; there are {', '.join(sorted(known))}.")


class NewKey(WantedKey):
    """A key that is to be made."""

    signing: WantedSigning | None = None


class NewKeyOfTenant(NewKey):
    """A key that is to be made for any tenant."""

    tenant: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}\z")


class KeyChange(WantedKey):
    """What is to be changed of a key."""

    signing: WantedSigning | None = None


class Rotation(_Wanted):
    """How a key is rotated."""

    grace_s: int | None = Field(None, ge=0, le=2_592_000)


def read(model: type[W], values: Mapping[str, object]) -> W:
    """Return what somebody wants.

    Raises:
        InvalidInputError: If a field is unknown or its value is not valid; names it.
    """
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        problem = exc.errors(include_input=False, include_url=False)[0]
        field = path_of(problem["loc"])
        if problem["type"] == "extra_forbidden":
            refuse(field, f"There is no field `{field}` here.", hint=near_field(model, field))
        refuse(field, f"`{field}`{say(problem)}.")


def refuse(field: str, message: str, *, hint: str = "Correct the field that the message names.") -> NoReturn:
    """Refuse a field."""
    raise InvalidInputError(message, field=field, hint=hint)


def read_end(text: str, *, now_us: int) -> int:
    """Return when a key ends, in microseconds since 1970.

    Args:
        text: So long from now, such as ``90d``, a day, whose beginning in UTC it is, or a time.
        now_us: What time it is.

    Raises:
        ValueError: If it is none of these; the message shows how to write one.
    """
    words = text.strip()
    if (span := read_span(words.lower(), max_digits=5)) is not None:
        return now_us + int(span.total_seconds()) * MICROSECONDS
    try:
        at = datetime.fromisoformat(f"{words[:10]}T00:00:00Z" if _DAY.fullmatch(words) else words)
        end_us = int(at.timestamp() * MICROSECONDS)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no time; write {_FORMS}") from None
    if at.tzinfo is None:
        raise ValueError(f"{text[:40]!r} does not say in which zone; end it with Z for UTC")
    return end_us


def _caps(caps: WantedCaps, own: Caps, most: Caps) -> Caps:
    """Return the caps that are asked for: what is left out stays, and null is as the maker has it."""
    given = caps.model_fields_set
    tokens, choices, stream_s = caps.max_output_tokens, caps.max_choices, caps.max_stream_s
    if tokens is None:
        tokens = (most if "max_output_tokens" in given else own).max_output_tokens
    if choices is None:
        choices = (most if "max_choices" in given else own).max_choices
    if stream_s is None:
        stream_s = (most if "max_stream_s" in given else own).max_stream_s
    return Caps(max_output_tokens=tokens, max_choices=choices, max_stream_s=stream_s)


def _patterns(patterns: list[str]) -> tuple[str, ...]:
    return ANYTHING if "*" in patterns else _once(patterns)


def _once(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
