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
from hookline_auth.key_records import MICROSECONDS
from hookline_auth.rights import DEFAULT_SCOPES, Rights, network_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_LISTED = 200
_MAX_TEXT_LENGTH = 200
_ACTION = re.compile(r"(?:[a-z0-9_]+(?:\.[a-z0-9_]+)?|(?:[a-z0-9_]+\.)?[a-z0-9_]*\*)")
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
            _read_time(text)
        return text

    def rights_within(self, maker: Rights | None) -> Rights:
        """Return the rights of a new key; what is left out is as its maker has it, without admin scopes."""
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
        )

    def changed(self, rights: Rights, most: Rights) -> Rights:
        """Return rights with what is wanted in the place of what they were.

        Args:
            rights: What they were.
            most: The rights of whoever made the key; a cap that is left out is this one's.
        """
        given = self.model_fields_set
        caps = self.caps
        return Rights(
            scopes=rights.scopes if self.scopes is None else frozenset(self.scopes),
            actions=rights.actions if self.actions is None else _patterns(self.actions),
            models=rights.models if self.models is None else _patterns(self.models),
            connections=rights.connections if self.connections is None else _once(self.connections),
            caps=rights.caps if caps is None else _caps(caps, most.caps),
            networks=rights.networks if self.networks is None else _once(self.networks),
            limits=rights.limits if self.limits is None else tuple(parse_limit(text) for text in self.limits),
            expires_at_us=rights.expires_at_us
            if "expires_at" not in given
            else None
            if self.expires_at is None
            else _read_time(self.expires_at),
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
        field = _path(problem["loc"])
        if problem["type"] == "extra_forbidden":
            message = f"There is no field `{field}` here."
        else:
            message = f"`{field}`: {problem['msg'].removeprefix('Value error, ')}"
        refuse(field, message.rstrip(".") + ".")


def refuse(field: str, message: str) -> NoReturn:
    """Refuse a field."""
    raise InvalidInputError(message, field=field, hint="Correct the field that the message names.")


def _path(parts: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:80]}" for part in parts)
    return text.lstrip(".")


def _read_time(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time such as 2027-01-31T12:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"{text[:40]!r} does not say in which zone; end it with Z for UTC")
    return int(at.timestamp() * MICROSECONDS)


def _caps(caps: WantedCaps, most: Caps) -> Caps:
    """Return the caps that are asked for, and those of the maker where nothing is said."""
    return Caps(
        max_output_tokens=most.max_output_tokens
        if caps.max_output_tokens is None
        else caps.max_output_tokens,
        max_choices=most.max_choices if caps.max_choices is None else caps.max_choices,
        max_stream_s=most.max_stream_s if caps.max_stream_s is None else caps.max_stream_s,
    )


def _patterns(patterns: list[str]) -> tuple[str, ...]:
    return ANYTHING if "*" in patterns else _once(patterns)


def _once(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
