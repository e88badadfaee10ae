"""What can be set for the plugin. It holds for the whole gateway: nobody is known yet when it is needed."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hookline.limit import parse_limit
from hookline.options import PluginOptions

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"
]
"""Algorithms whose check needs a public key only; those with a shared secret could be forged with it."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class GrantOptions(_Table):
    """What a value of the scope claim stands for."""

    claim: str = Field(min_length=1, description="The value that the token must have.")
    scopes: tuple[str, ...] = Field(("actions:run", "catalog:read", "usage:read"), description="Scopes.")
    actions: tuple[str, ...] = Field(("*",), description="Patterns of actions.")
    models: tuple[str, ...] = Field(("*",), description="Patterns of models.")
    connections: tuple[str, ...] = Field((), description="Names of upstream accounts; empty for all.")
    max_output_tokens: int | None = Field(None, ge=1, description="Most tokens of one answer.")
    max_choices: int | None = Field(None, ge=1, description="Most answers to one prompt.")
    max_stream_s: float | None = Field(None, gt=0, description="Most seconds of one stream.")
    limits: tuple[str, ...] = Field((), description="Limits, such as `60 requests / minute`.")

    @field_validator("limits")
    @classmethod
    def _check_limits(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            parse_limit(text)
        return texts

    @field_validator("actions", "models")
    @classmethod
    def _check_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if any(not pattern or "*" in pattern[:-1] for pattern in patterns):
            raise ValueError("a pattern is a name, or its beginning followed by `*`")
        return patterns


class IssuerOptions(_Table):
    """Somebody whose tokens are taken."""

    issuer: str = Field(description="Exact value of the claim `iss`.")
    audience: tuple[str, ...] = Field(
        min_length=1, description="Values of the claim `aud`, one of which must be there."
    )
    algorithms: tuple[Algorithm, ...] = Field(min_length=1, description="Algorithms that are taken.")
    jwks_url: str | None = Field(
        None,
        description="Where its public keys are; by default where its `/.well-known/openid-configuration` "
        "says, if that is the issuer's own origin.",
    )
    leeway_s: int = Field(30, ge=0, le=300, description="By how much clocks may differ.")
    tenant_claim: str | None = Field(None, min_length=1, description="Claim that names the tenant.")
    tenant: str | None = Field(
        None, min_length=1, description="Tenant of all its tokens, instead of a claim."
    )
    label_claim: str = Field("sub", min_length=1, description="Claim that people recognise the caller by.")
    scope_claim: str = Field(
        "scope",
        min_length=1,
        description="Claim that is looked up in `grants`: a list, or words in one text.",
    )
    grants: tuple[GrantOptions, ...] = Field(
        min_length=1, description="What its values stand for; the first that the token has counts alone."
    )

    @field_validator("audience", mode="before", json_schema_input_type=str | tuple[str, ...])
    @classmethod
    def _listed(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("audience")
    @classmethod
    def _check_audience(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(values):
            raise ValueError("an audience is not empty")
        return values

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _check_address(cls, url: str | None) -> str | None:
        if url is not None:
            check_address(url)
        return url

    @model_validator(mode="after")
    def _check_tenant(self) -> IssuerOptions:
        if (self.tenant is None) is (self.tenant_claim is None):
            raise ValueError("set either `tenant_claim` or `tenant`: callers never get a tenant by default")
        return self


class AuthOptions(PluginOptions):
    """How callers are recognised."""

    cache_s: float = Field(
        5.0,
        ge=0,
        le=60,
        description="Seconds that a valid key or token is remembered; a revocation takes that long in other "
        "processes.",
    )
    failures_per_minute: int = Field(
        30,
        ge=1,
        le=100_000,
        description="Invalid credentials from one address in a minute after which it is told to wait.",
    )
    rotation_grace_s: int = Field(
        86_400,
        ge=0,
        le=2_592_000,
        description="Seconds that the old secret stays valid after a rotation, unless it says otherwise.",
    )
    redeliveries: bool = Field(
        False,
        description="Whether a signed call whose `webhook-id` was seen is taken if it was signed anew, with "
        "another time; the plugin `idempotency` then answers it from what it keeps.",
    )
    jwks_max_age_s: int = Field(
        3600, ge=60, le=86_400, description="Age at which an issuer's public keys are fetched anew."
    )
    issuers: tuple[IssuerOptions, ...] = Field(
        (), description="Issuers whose JSON Web Tokens are taken: tables with the settings below."
    )

    @field_validator("issuers")
    @classmethod
    def _check_issuers(cls, issuers: tuple[IssuerOptions, ...]) -> tuple[IssuerOptions, ...]:
        names = [issuer.issuer for issuer in issuers]
        if len(set(names)) != len(names):
            raise ValueError("an issuer is listed twice")
        return issuers


def check_address(url: str) -> None:
    """Refuse an address that keys may not come from.

    Raises:
        ValueError: If it is neither https nor on this machine, or holds a user, a query or a fragment.
    """
    parts = urlsplit(url)
    try:
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("this is no address") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError("an address must begin with https://")
    if not host or parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("an address has a host, and no user, query or fragment")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("an address has no spaces and no special characters")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
