"""Every route of the installed gateway, walked: who may use it, and that its address opens no other door."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from hookline import InboundRequest, Principal, hookimpl
from hookline.errors import AuthenticationError
from hookline.gateway import Gateway, load_plugins
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_auth.static_keys import SCOPES as STATIC_SCOPES

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from hookline.routes import Route

SECRET = "an-upstream-secret-of-the-operator"
PUBLIC = {"/", "/healthz", "/readyz", "/problems/<code>", "/docs", "/docs/assets/<name>"}
SCOPES = {
    "actions:run",
    "catalog:read",
    "usage:read",
    "keys:admin",
    "connections:admin",
    "connections:test",
    "audit:read",
    "callbacks:admin",
    "metrics:read",
}


class ByHeader:
    """Takes the scopes of a caller from a header, in place of any other authenticator."""

    @hookimpl(tryfirst=True)
    def hookline_authenticate(self, request: InboundRequest) -> Principal | None:
        scopes = request.headers.get("x-scopes")
        if scopes is None:
            return None
        if scopes == "bad":
            raise AuthenticationError("This request carries no valid API key.")
        return Principal(key_id="walker", scopes=frozenset(scopes.split(",")))


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    settings = Settings.model_validate({"api_keys": ["a-key-for-tests-only-0001"], "sandbox": True})
    host = load_plugins(settings)
    host.register(ByHeader(), name="by_header")
    return Gateway(settings, host=host, environ={})


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> FlaskClient:
    return create_app(gateway).test_client()


def fill(path: str) -> str:
    """Return an address of a route."""
    return re.sub(r"<[^>]+>", "something", path)


def test_every_route_says_who_may_use_it(gateway: Gateway) -> None:
    """S5: nothing is public by accident, and every right is one that is known."""
    routes = list(gateway.routes)

    assert {route.path for route in routes if route.is_public} == PUBLIC
    assert {route.scope for route in routes if not route.is_public} <= SCOPES
    assert all((route.scope is None) is route.is_public for route in routes)


def test_nobody_without_a_key_gets_further_than_the_door(gateway: Gateway, client: FlaskClient) -> None:
    """S5, S12: without a credential, and with a bad one, every address that is not public answers 401."""
    for route, headers in itertools.product(gateway.routes, ({}, {"x-scopes": "bad"})):
        if not route.is_public:
            answer = client.open(fill(route.path), method=route.method, headers=headers, data=b"{")
            assert answer.status_code == 401, (route.method, route.path)


def test_a_right_opens_its_own_routes_and_no_other(gateway: Gateway, client: FlaskClient) -> None:
    """S5, S31: with all rights but the one of a route, that route answers 403, whatever is sent to it."""
    for route in gateway.routes:
        if route.is_public:
            continue
        others = ",".join(sorted(SCOPES - {str(route.scope)}))
        answer = client.open(fill(route.path), method=route.method, headers={"x-scopes": others}, data=b"{")
        assert answer.status_code == 403, (route.method, route.path)


def test_a_static_key_opens_no_administrator_s_route(gateway: Gateway) -> None:
    """S31: the keys of the settings run actions and see their own usage, no more."""
    assert {"actions:run", "catalog:read", "usage:read"} == STATIC_SCOPES
    opened = {route.scope for route in gateway.routes if route.scope in STATIC_SCOPES}
    assert not any(str(scope).endswith(":admin") for scope in opened)


def spellings(path: str) -> list[str]:
    """Return other ways to write an address, which some server or proxy somewhere takes for the same."""
    return [
        "/" + path,
        path + "/",
        "/." + path,
        "/healthz/.." + path,
        "/healthz/%2e%2e" + path,
        path.replace("/", "/./", 1),
        path.upper(),
        path + ";x=1",
        path + "%20",
        path + "%00",
        path + "/.",
        "/healthz;" + path,
        "/%2f" + path[1:],
    ]


def test_other_spellings_of_an_address_open_no_door(gateway: Gateway, client: FlaskClient) -> None:
    """S5: rights hang on the route that was matched, not on what its address looks like."""
    for route in gateway.routes:
        if route.is_public or "<" in route.path:
            continue
        for spelling in spellings(route.path):
            answer = client.open(
                "/",
                method=route.method,
                headers={"x-scopes": "nothing"},
                data=b"{}",
                environ_overrides={"PATH_INFO": unquote(spelling)},
            )
            assert answer.status_code in (400, 403, 404, 405), (route.method, spelling)
            assert "location" not in answer.headers, spelling


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Original-URL": "/healthz"},
        {"X-Rewrite-URL": "/healthz"},
        {"X-Forwarded-Prefix": "/healthz"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-HTTP-Method-Override": "GET"},
        {"Host": "localhost"},
        {"Host": "elsewhere.example"},
    ],
)
def test_no_header_turns_a_route_into_another(
    gateway: Gateway, client: FlaskClient, headers: dict[str, str]
) -> None:
    """S5."""
    for route in gateway.routes:
        if not route.is_public:
            answer = client.open(fill(route.path), method=route.method, headers=headers)
            assert answer.status_code == 401, (route.method, route.path)


def _routes_with_a_key_of_somebody(gateway: Gateway) -> list[Route]:
    return [route for route in gateway.routes if "<" in route.path and not route.is_public]


def test_what_belongs_to_nobody_known_is_not_found(gateway: Gateway, client: FlaskClient) -> None:
    """S10: of every kind of object, one that never was is not found; the plugins try those of others."""
    for route in _routes_with_a_key_of_somebody(gateway):
        if route.endpoint is not None or route.path.startswith("/actions/"):
            continue
        body = {"credential": "a-new-credential-of-a-tenant"} if "rotate" in route.path else {}
        answer = client.open(
            fill(route.path), method=route.method, headers={"x-scopes": str(route.scope)}, json=body
        )
        assert answer.status_code in ((404, 422) if body else (404,)), (route.method, route.path)


def test_no_route_was_compiled_for_building_urls(gateway: Gateway) -> None:
    """That takes werkzeug most of the time in which an application is made, and the gateway builds none."""
    for rule in create_app(gateway).url_map.iter_rules():
        with pytest.raises(NotImplementedError, match=r"No URL is built from /"):
            rule.build({})
