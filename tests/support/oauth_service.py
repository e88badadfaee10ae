"""A service behind a real OAuth 2.0 server: Authlib's, on loopback, with refresh tokens that hold once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authlib.integrations.flask_oauth2 import AuthorizationServer  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]
    ClientMixin,
    TokenMixin,
    grants,
)
from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

CLIENT_ID = "acme-client"
CLIENT_SECRET = "canary-of-the-client+secret/1%:?"
METHODS = ["client_secret_basic", "client_secret_post"]
FIRST_REFRESH_TOKEN = "canary-refresh-token-0"


@dataclass
class _Client(ClientMixin):  # type: ignore[misc]
    client_id: str = CLIENT_ID
    secret: str = CLIENT_SECRET

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(one for one in scope.split() if one in ("read", "write"))

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("client_credentials", "refresh_token")


@dataclass
class _RefreshToken(TokenMixin):  # type: ignore[misc]
    value: str
    is_used: bool = False

    def check_client(self, client: _Client) -> bool:
        return client.client_id == CLIENT_ID

    def get_scope(self) -> str:
        return "read write"

    def get_expires_in(self) -> int:
        return 0

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return self.is_used


@dataclass
class OAuthService:
    """What was asked, and what holds.

    Attributes:
        origin: Where it is.
        token_requests: Form, and whether the header named the client, of every request for a token.
        api_requests: Bearer tokens of every request to the API.
        valid: Access tokens that the API takes.
        expires_in: Seconds that access tokens hold.
        rotates: Whether every refresh token holds once.
        answer: Answers in the token service's place.
        is_of_use: Whether the API takes the tokens that are handed out.
        entered: Called at the beginning of every request for a token.
    """

    origin: str = ""
    token_requests: list[dict[str, str]] = field(default_factory=list)
    api_requests: list[str] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    expires_in: int = 3600
    rotates: bool = True
    answer: Callable[[], Response] | None = None
    entered: Callable[[], object] = lambda: None
    refresh_tokens: dict[str, _RefreshToken] = field(
        default_factory=lambda: {FIRST_REFRESH_TOKEN: _RefreshToken(FIRST_REFRESH_TOKEN)}
    )
    is_revoked: bool = False
    is_of_use: bool = True

    @property
    def token_url(self) -> str:
        return f"{self.origin}/oauth/token"

    def revoke_all(self) -> None:
        """Make every access token worthless."""
        self.valid.clear()

    def save(self, token: dict[str, Any], _: object) -> None:
        if self.is_of_use:
            self.valid.add(token["access_token"])
        if "refresh_token" in token:
            value = token["refresh_token"]
            self.refresh_tokens[value] = _RefreshToken(value)


def _make_app(service: OAuthService) -> Flask:
    app = Flask("oauth")
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    server = AuthorizationServer(
        app, query_client=lambda id: _Client() if id == CLIENT_ID else None, save_token=service.save
    )

    class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS  # as Authlib has it

    class Refresh(grants.RefreshTokenGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS  # as Authlib has it
        INCLUDE_NEW_REFRESH_TOKEN = service.rotates

        def authenticate_refresh_token(self, refresh_token: str) -> _RefreshToken | None:
            found = service.refresh_tokens.get(refresh_token)
            if found is None or service.is_revoked:
                return None
            if found.is_used:  # somebody has stolen it: nothing holds any more
                service.is_revoked = True
                return None
            return found

        def authenticate_user(self, refresh_token: _RefreshToken) -> str:
            return "ada"

        def revoke_old_credential(self, refresh_token: _RefreshToken) -> None:
            refresh_token.is_used = service.rotates

    server.register_grant(Refresh)
    server.register_grant(ClientCredentials)
    server._token_generators["default"].expires_generator = lambda client, grant: service.expires_in

    @app.post("/oauth/token")
    def token() -> AnyResponse:
        service.entered()
        told = dict(request.form)
        told["(header)"] = "" if request.authorization is None else str(request.authorization.type)
        service.token_requests.append(told)
        if service.answer is not None:
            return service.answer()
        return server.create_token_response()  # type: ignore[no-any-return]

    @app.get("/v1/things")
    def things() -> tuple[Response, int]:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        service.api_requests.append(bearer)
        if bearer not in service.valid:
            return jsonify({"error": f"the token {bearer} is not valid"}), 401
        return jsonify({"things": [1, 2]}), 200

    return app


@contextmanager
def oauth_service(**more: Any) -> Iterator[OAuthService]:
    """Run the service for a while."""
    service = OAuthService(**more)
    server = make_server("127.0.0.1", 0, _make_app(service), threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    service.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
