"""How a service wants to be shown its credential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
