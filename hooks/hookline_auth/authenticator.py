"""Recognises callers: one credential a request, each kind by its form, and none falls through to another.

==========================================  ========================================================
What a request carries                      What it is
==========================================  ========================================================
``hk_`` and the form of a key               an API key: valid or refused
three parts with dots, a known issuer       a JSON Web Token: valid or refused
anything else                               a static key: valid or refused
only ``X-Hookline-Key-Id``, or the same     a request that is signed for that key: valid or refused
in the query as ``hookline_key_id``
nothing of it                               somebody else's business
==========================================  ========================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline.errors import AuthenticationError
from hookline_auth.key_format import KEY_LENGTH, PREFIX, is_key_id, read_key
from hookline_auth.refusals import Refusals, RefusedError
from hookline_auth.static_keys import StaticKeys, presented_key

if TYPE_CHECKING:
    from hookline.principal import InboundRequest, Principal
    from hookline_auth.key_ring import KeyRing
    from hookline_auth.web_tokens import WebTokens

KEY_ID_HEADER = "x-hookline-key-id"
KEY_ID_PARAMETER = "hookline_key_id"
"""For senders that sign and cannot add a header; the id is no secret."""

_MAX_KEY_LENGTH = 512
_MAX_TOKEN_LENGTH = 8192


class Authenticator:
    """Asks whoever knows the kind of credential that a request carries.

    Args:
        static: The keys of the settings.
        ring: Returns the API keys; called when the first one comes.
        tokens: The issuers of tokens; None if there are none.
        refusals: Answers what is not valid.
    """

    def __init__(
        self,
        *,
        static: StaticKeys,
        ring: Callable[[], KeyRing],
        tokens: WebTokens | None,
        refusals: Refusals,
    ) -> None:
        self._static = static
        self._ring = ring
        self._tokens = tokens
        self._refusals = refusals

    def authenticate(self, request: InboundRequest) -> Principal | None:
        """Return who sent a request, or None if it carries no credential of ours.

        Raises:
            AuthenticationError: If what it carries is not valid; it does not say why.
            RateLimitedError: The same, where that happened too often.
            StoreUnavailableError: If it cannot be found out.
        """
        try:
            return self._remembered(request) or self._recognise(request)
        except RefusedError as refused:
            error = self._refusals.answer(refused, client=request.client)
        raise error

    def renew(self, principal: Principal) -> Principal | None:
        """Return a caller with the rights that it has now, or None if its credential is no key of ours.

        Raises:
            AuthenticationError: If its key is not valid any more.
            StoreUnavailableError: If that cannot be found out.
        """
        if not is_key_id(principal.key_id):
            return None
        try:
            return self._ring().find_again(principal.key_id)
        except RefusedError:
            raise AuthenticationError("The key that asked for this is not valid any more.") from None

    def _remembered(self, request: InboundRequest) -> Principal | None:
        """Return who holds a key as nearly all of them come: alone, and found valid a moment ago."""
        headers = request.headers
        key = headers.get("authorization", "")
        if not key:
            key = headers.get("x-api-key", "")
        elif key.startswith("Bearer "):
            key = key[7:]
        if len(key) != KEY_LENGTH or not key.startswith(PREFIX) or not key.isascii():
            return None
        if KEY_ID_HEADER in headers:
            return None
        return self._ring().find_remembered(key, request)

    def _recognise(self, request: InboundRequest) -> Principal | None:
        text = presented_key(request)
        signer = request.headers.get(KEY_ID_HEADER, "").strip()
        if text is None:
            named = request.query.get(KEY_ID_PARAMETER, "")
            if signer and named and signer != named:
                raise RefusedError("ambiguous")
            signer = signer or named
            if signer:
                return self._ring().find_by_signature(signer.removeprefix("hk_"), request)
            return self._static.find(None)
        if not _is_sound(text):
            raise RefusedError("malformed")
        key = read_key(text)
        if signer and (key is None or key.id != signer.removeprefix("hk_")):
            raise RefusedError("ambiguous")
        if key is not None:
            return self._ring().find_by_key(key, text, request)
        if self._tokens is not None:
            principal = self._tokens.find(text)
            if principal is not None:
                return principal
        found = self._static.find(text) if len(text) <= _MAX_KEY_LENGTH else None
        if found is None:
            raise RefusedError("unknown")
        return found


def _is_sound(text: str) -> bool:
    """Tell whether a text can be a credential: not endless, and only characters that can be seen."""
    return len(text) <= _MAX_TOKEN_LENGTH and text.isascii() and text.isprintable() and " " not in text
