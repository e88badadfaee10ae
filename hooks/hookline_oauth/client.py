"""Who we are to a token service: client id, secret and perhaps a refresh token, read from one credential."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hookline.errors import UpstreamCredentialError

if TYPE_CHECKING:
    from hookline import OAuth2Credential, Secret

_FORMS = {
    "client_credentials": "client_id:client_secret",
    "refresh_token": "client_id:client_secret:refresh_token",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A client of a token service.

    Attributes:
        id: Client id.
        secret: Client secret; empty for a client that has none.
        refresh_token: The one that was stored; None for other grants.
    """

    id: str = field(repr=False)
    secret: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)

    @property
    def source(self) -> str:
        """What tells a stored refresh token from another that takes its place."""
        return hashlib.sha256(f"{self.id}\0{self.refresh_token}".encode()).hexdigest()


def read_client(credential: OAuth2Credential, secret: Secret, *, connection: str) -> Client:
    """Return what a stored credential says.

    It is ``client_id:client_secret``, with a refresh token after another colon where the grant takes one, or
    a JSON object with members of these names.

    Raises:
        UpstreamCredentialError: If it says something else; nothing of it is shown.
    """
    text = secret.reveal()
    parts = _from_json(text) if text.startswith("{") else _from_text(text, credential.grant)
    needs_token = credential.grant == "refresh_token"
    if not parts.get("client_id") or (needs_token and not parts.get("refresh_token")):
        form = _FORMS[credential.grant]
        raise UpstreamCredentialError(
            f"The credential of the connection {connection!r} is not of the form `{form}`.",
            code="credential_malformed",
            hint="Your key for this gateway is fine. Whoever runs it must set the credential anew.",
            reached_upstream=False,
        )
    return Client(
        id=parts["client_id"],
        secret=parts.get("client_secret", ""),
        refresh_token=parts["refresh_token"] if needs_token else None,
    )


def _from_text(text: str, grant: str) -> dict[str, str]:
    """Read what stands between colons: a secret may hold some, an id and a refresh token none."""
    id, colon, rest = text.partition(":")
    if not colon:
        return {}
    if grant != "refresh_token":
        return {"client_id": id, "client_secret": rest}
    secret, colon, token = rest.rpartition(":")
    return {"client_id": id, "client_secret": secret, "refresh_token": token} if colon else {}


def _from_json(text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return {}
    return found
