"""Access tokens of OAuth 2.0: fetched with the stored credential, kept, and renewed in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import OAuth2Credential, RetryDecision, hookimpl

if TYPE_CHECKING:
    from hookline import Attempt, Call, Connection, Secret, UpstreamRequest
    from hookline.gateway import Gateway
    from hookline_oauth.tokens import TokenDesk


class OAuthPlugin:
    """Holds the access tokens of one gateway."""

    options = "hookline_oauth.options:OAuthOptions"

    def __init__(self) -> None:
        self._desk: TokenDesk

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; no token is fetched before the first call."""
        from hookline_oauth.options import OAuthOptions
        from hookline_oauth.tokens import TokenDesk

        self._desk = TokenDesk(gateway, gateway.options_of(OAuthOptions).base)

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Wait a moment for tokens that are being renewed: a refresh token that is not kept is lost."""
        self._desk.close()

    @hookimpl(trylast=True)
    def hookline_exchange_credential(
        self, call: Call, connection: Connection, secret: Secret
    ) -> Secret | None:
        """Return an access token for the stored credential of a connection."""
        credential = call.action.connector.credential
        if not isinstance(credential, OAuth2Credential):
            return None
        return self._desk.find(call, connection, credential, secret)

    @hookimpl(trylast=True)
    def hookline_apply_upstream_auth(
        self, call: Call, request: UpstreamRequest, secret: Secret
    ) -> bool | None:
        """Show the access token as a bearer token."""
        if not isinstance(call.action.connector.credential, OAuth2Credential):
            return None
        request.headers["authorization"] = "Bearer " + secret.reveal()
        return True

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Make another attempt, once, if the service did not take the access token any more."""
        if not isinstance(call.action.connector.credential, OAuth2Credential) or attempt.has_begun:
            return None
        told = attempt.error.answer or attempt.error.upstream
        if told is None or told.status != 401 or not self._desk.forget(call):
            return None
        return RetryDecision(again=True)
