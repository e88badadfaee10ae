"""Putting a credential where its connector says that the service expects it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlencode

from hookline.credential import BasicCredential, CredentialPlacement, QueryCredential
from hookline.errors import UpstreamCredentialError

if TYPE_CHECKING:
    from hookline import Call, Secret, UpstreamRequest


def place(call: Call, request: UpstreamRequest, secret: Secret) -> bool | None:
    """Put a credential on a request; None if its connector wants something else.

    Raises:
        UpstreamCredentialError: If the credential is not of the kind that the connector wants.
    """
    wanted = call.action.connector.credential
    if isinstance(wanted, CredentialPlacement):
        request.headers[wanted.header] = wanted.prefix + secret.reveal()
    elif isinstance(wanted, QueryCredential):
        # On the copy of the request that is sent; what hooks see between attempts has no credential.
        request.path = _with_parameter(request.path, wanted.parameter, secret.reveal())
    elif isinstance(wanted, BasicCredential):
        request.headers["authorization"] = "Basic " + _encode(secret, connection=call.connection.name)
    else:
        return None
    return True


def _with_parameter(path: str, name: str, value: str) -> str:
    """Return a path whose query has a parameter once, at its end.

    One of that name that stands there already goes: services that read the first of two would take it.
    """
    path, _, query = path.partition("?")
    pairs = [one for one in query.split("&") if one and unquote_plus(one.partition("=")[0]) != name]
    return f"{path}?{'&'.join([*pairs, urlencode({name: value})])}"


def _encode(secret: Secret, *, connection: str) -> str:
    value = secret.reveal()
    if ":" not in value:
        raise UpstreamCredentialError(
            f"The credential of the connection {connection!r} is not of the form `user:password`.",
            code="credential_malformed",
            hint="Your key for this gateway is fine. Whoever runs it must set the credential anew; a service "
            "that wants a key alone as user gets it as `key:`.",
            reached_upstream=False,
        )
    return base64.b64encode(value.encode()).decode("ascii")
