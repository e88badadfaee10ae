"""What answers without Flask, held to what Flask answers."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline import Reply, RouteRegistry, RouteRequest, hookimpl
from hookline.gateway import Gateway
from hookline.webhook.app import create_app
from small_service import make_gateway

_KEY = "a-key-for-tests-only-0001"
_ODD = ["", "/", "//", "/actions/", "/actions//", "/actions/a/b", "/actions/ä", "/actions/%2e", "/actions/.."]
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "PURGE"]

_OF_ONE_CALL = ("x-request-id", "openai-processing-ms", "retry-after", "retry-after-ms")

Answer = tuple[str, list[tuple[str, str]], bytes]


@pytest.fixture(scope="module")
def app() -> Iterable[Flask]:
    with closing(Gateway(environ={"HOOKLINE_SANDBOX": "true", "HOOKLINE_API_KEYS": _KEY})) as gateway:
        yield create_app(gateway)


def _ask(application: Any, method: str, path: str, *, key: str = _KEY, body: bytes = b"{}") -> Answer:
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    }
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        begun.append((status, headers))

    content = b"".join(application(environ, start_response))
    ((status, headers),) = begun
    return status, [pair for pair in headers if pair[0] != "x-hookline-call-id"], content


def _both(app: Flask, method: str, path: str, **options: Any) -> tuple[Answer, Answer]:
    alone = Flask.wsgi_app  # what the front stands before
    return (
        _ask(app.wsgi_app, method, path, **options),
        _ask(lambda environ, start: alone(app, environ, start), method, path, **options),
    )


def _without_ids(answer: Answer) -> tuple[str, list[tuple[str, str]], int]:
    """Return an answer without what differs from one call to the next: its id, its time and its tokens."""
    status, headers, content = answer
    length = ("content-length", str(len(content)))
    lasting = [pair for pair in headers if pair != length and pair[0] not in _OF_ONE_CALL]
    return status, sorted(lasting), content[:1] == b"{"


@pytest.mark.parametrize("key", [_KEY, "wrong"])
def test_every_route_is_answered_as_by_flask(app: Flask, key: str) -> None:
    seen = set()
    for rule in app.url_map.iter_rules():
        for method in ("GET", "POST", "DELETE"):
            path = rule.rule.replace("<action_id>", "openai.chat").replace("<path:", "<")
            path = path.replace("<", "").replace(">", "")
            if path in ("/metrics", "/readyz"):  # which tell of what was asked before
                continue
            by_front, by_flask = _both(app, method, path, key=key)
            assert _without_ids(by_front) == _without_ids(by_flask), (method, path)
            seen.add(by_front[0])
    assert len(seen) > 1 or key == "wrong"


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(_METHODS),
    path=st.one_of(
        st.sampled_from(_ODD),
        st.text(max_size=8).map(lambda text: f"/actions/{text}"),
        st.text(max_size=8).map(lambda text: f"/{text}"),
        st.text(alphabet="/.%~a-", max_size=12).map(lambda text: f"/v1{text}"),
    ),
)
def test_odd_addresses_are_answered_as_by_flask(app: Flask, method: str, path: str) -> None:
    by_front, by_flask = _both(app, method, path)
    assert _without_ids(by_front) == _without_ids(by_flask)


def test_a_plain_call_does_not_reach_flask(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(app, "full_dispatch_request", lambda: asked.append("flask"))
    bodies = {
        "/v1/chat/completions": b'{"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hi"}]}',
        "/actions/openai.chat": b'{"model": "gpt-5-mini", "prompt": "Hi"}',
    }
    for path, body in bodies.items():
        assert _ask(app.wsgi_app, "POST", path, body=body)[0] == "200 OK"
    assert asked == []


class _Careless:
    """Its views return what is no answer, or none that can be sent."""

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        nothing: Any = None
        numbers: Any = [("retry-after", 1)]
        for path in ("", "/<path:rest>"):  # answered in front of Flask, and by it
            routes.add("GET", f"/nothing{path}", lambda request: nothing, public=True)
            routes.add(
                "GET",
                f"/numbers{path}",
                lambda request: Reply(status=200, headers=numbers, content=b""),
                public=True,
            )


@pytest.mark.parametrize("path", ["/nothing", "/nothing/a/b", "/numbers", "/numbers/a/b"])
def test_what_a_view_returns_that_cannot_be_sent_is_answered_as_a_failure(path: str) -> None:
    status, headers, content = _ask(create_app(make_gateway(_Careless())).wsgi_app, "GET", path)

    assert status == "500 Internal Server Error"
    assert ("content-type", "application/problem+json") in headers
    assert b'"code"' in content


class _Twins:
    """Adds two routes that differ only in the name of a part."""

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        for name in ("one", "two"):
            routes.add("GET", f"/twins/<{name}>", partial(self._answer, name), public=True)

    @staticmethod
    def _answer(name: str, request: RouteRequest) -> Reply:
        return Reply(status=200, headers=[], content=f"{name} {request.parameters}".encode())


def test_of_two_routes_for_the_same_addresses_the_first_one_answers() -> None:
    by_front, by_flask = _both(create_app(make_gateway(_Twins())), "GET", "/twins/a")

    assert by_front == by_flask
    assert by_front[2] == b"one {'one': 'a'}"
