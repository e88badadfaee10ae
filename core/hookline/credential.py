"""How a service wants to be shown its credential."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from hookline.connection import origin_of
from hookline.errors import ConfigurationError

_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_FRAMING = frozenset({"connection", "content-length", "content-type", "host", "te", "transfer-encoding"})
_URL = re.compile(r"[\x21\x22\x24-\x7e]+\Z")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OWN_FIELDS = frozenset({"client_id", "client_secret", "grant_type", "refresh_token", "scope"})


@dataclass(frozen=True, kw_only=True, slots=True)
class CredentialPlacement:
    """A service that expects its credential in a header: a bearer token, or an API key.

    Attributes:
        header: Lower-case header name.
        prefix: Text in front of the credential.
    """

    header: str = "authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryCredential:
    """A service that expects its API key in the query.

    Attributes:
        parameter: Name of the query parameter.
    """

    parameter: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BasicCredential:
    """A service that expects HTTP's basic authentication; the credential is ``user:password``.

    Source: RFC 7617.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class OAuth2Credential:
    """A service that expects an access token, which is fetched with the credential and renewed in time.

    The credential is ``client_id:client_secret``; with the grant ``refresh_token`` it is
    ``client_id:client_secret:refresh_token``. It goes to ``token_url`` only, and the access token to the
    connection's base URL only.

    Attributes:
        token_url: Where access tokens are fetched; an absolute https URL.
        grant: How.
        scopes: What is asked for.
        client_in: Whether client id and secret go into the header or the form.
        parameters: Further fields of the form, such as ``audience``.

    Source: RFC 6749, sections 2.3.1, 4.4 and 6.
    """

    token_url: str
    grant: Literal["client_credentials", "refresh_token"] = "client_credentials"
    scopes: tuple[str, ...] = ()
    client_in: Literal["header", "form"] = "header"
    parameters: tuple[tuple[str, str], ...] = ()


Credential = CredentialPlacement | QueryCredential | BasicCredential | OAuth2Credential


def check_credential(credential: Credential | None, *, where: str) -> None:
    """Refuse a credential that cannot be shown as it says.

    Args:
        credential: What a connector declares.
        where: The connector, for messages.

    Raises:
        ConfigurationError: If it cannot; says what is wrong.
    """
    problem = None
    if isinstance(credential, CredentialPlacement):
        if not _HEADER.match(credential.header) or credential.header in _FRAMING:
            problem = f"`header` must be the lower-case name of a header, not {credential.header!r}."
        elif not all(0x20 <= ord(char) <= 0x7E for char in credential.prefix):
            problem = "`prefix` holds a character that cannot stand in a header."
    elif isinstance(credential, QueryCredential):
        if not credential.parameter or not credential.parameter.isprintable():
            problem = f"`parameter` must be the name of a query parameter, not {credential.parameter!r}."
    elif isinstance(credential, OAuth2Credential):
        problem = _problem_of(credential)
    elif credential is not None and not isinstance(credential, BasicCredential):
        problem = f"it must be a CredentialPlacement or the like, not {type(credential).__name__}."
    if problem is not None:
        raise ConfigurationError(f"{where}: `credential`: {problem}")


def _problem_of(credential: OAuth2Credential) -> str | None:
    try:
        origin_of(credential.token_url)
    except ConfigurationError:
        return "`token_url` must be an absolute https URL."
    parts = urlsplit(credential.token_url)
    if parts.username or parts.password or parts.fragment or not _URL.match(credential.token_url):
        return "`token_url` must be a URL without user, password, fragment and spaces."
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        return f"`token_url` must begin with https://, not with {parts.scheme}://: a secret goes there."
    if credential.grant not in ("client_credentials", "refresh_token"):
        return f"the grant {credential.grant!r} is none of client_credentials, refresh_token."
    if credential.client_in not in ("header", "form"):
        return f"`client_in` is {credential.client_in!r} and must be header or form."
    for scope in credential.scopes:
        if not isinstance(scope, str) or not _SCOPE.match(scope):
            return f"{scope!r} is no scope: write each one as a text of its own, without spaces."
    for name, _ in credential.parameters:
        if name in _OWN_FIELDS:
            return f"the parameter {name!r} is set by the gateway itself."
    return None
