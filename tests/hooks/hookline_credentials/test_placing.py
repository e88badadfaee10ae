"""Credentials in the query and by basic authentication: where they go, and that they come back nowhere."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from declared_lab import Run, fields, go
from hookline import BasicCredential, CredentialPlacement, ErrorRule, QueryCredential, hookimpl
from hookline.errors import UpstreamUnavailableError
from hookline_credentials import CredentialsPlugin
from hookline_retry import RetryPlugin
from small_service import Body, whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest

KEY = "canary/key+1&x=2"
QUOTED = "canary%2Fkey%2B1%26x%3D2"
IN_QUERY = QueryCredential(parameter="api_key")


def call(answer: Any = lambda request: whole({}), *plugins: object, key: str = KEY, **declared: Any) -> Run:
    declared = {"method": "GET", "credential": IN_QUERY, "input": fields("q"), **declared}
    return go(
        {"q": "a b"},
        CredentialsPlugin(),
        *plugins,
        answer=answer,
        environ={"HOOKLINE_CRM_API_KEY": key},
        **declared,
    )


def test_a_key_goes_into_the_query_behind_what_is_there() -> None:
    assert call().request.path == f"/go?q=a+b&api_key={QUOTED}"


def test_a_key_goes_into_the_query_of_a_request_with_a_body() -> None:
    run = call(method="POST")

    assert (run.request.path, run.request.content) == (f"/go?api_key={QUOTED}", b'{"q":"a b"}')


@pytest.mark.parametrize("declared", [{"defaults": {"v": 1}}, {}], ids=["declared", "by default"])
def test_a_field_that_no_schema_names_cannot_take_the_credential_s_place(declared: dict[str, Any]) -> None:
    run = go(
        {"q": "a", "api_key": "mine"},
        CredentialsPlugin(),
        answer=lambda request: whole({}),
        environ={"HOOKLINE_CRM_API_KEY": KEY},
        method="GET",
        credential=IN_QUERY,
        input={"type": "object", "properties": {"q": {"type": "string"}}},
        **declared,
    )

    assert (run.status, run.json["error"]["code"], run.sent) == (422, "invalid_input", [])
    assert "`api_key` is where the credential goes" in run.json["detail"]


@pytest.mark.parametrize(
    "query", ["api_key=mine", "api%5Fkey=mine&q=1", "q=1&api_key", "&api_key=a&api_key=b&q=1"]
)
def test_a_key_stands_in_the_query_once_whatever_was_there(query: str) -> None:
    def prepare(call: Any, request: UpstreamRequest) -> None:
        request.path += "?" + query

    rest = "q=1&" if "q=1" in query else ""
    assert call(prepare=prepare).request.path == f"/go?{rest}api_key={QUOTED}"


def test_user_and_password_go_into_basic_authentication() -> None:
    run = call(key="ada:canary:x", credential=BasicCredential())

    assert run.headers == {"authorization": "Basic " + base64.b64encode(b"ada:canary:x").decode()}


def test_a_credential_without_a_colon_is_told_and_not_sent() -> None:
    run = call(key="canary-alone", credential=BasicCredential())

    assert (run.status, run.json["error"]["code"], run.sent) == (502, "credential_malformed", [])
    assert b"canary" not in run.content


def echo(request: UpstreamRequest) -> dict[str, Any]:
    """Return what services say who repeat the address that they were asked at."""
    return {"url": request.url, "key": KEY, "next": [request.url + "&page=2"]}


class Watch:
    """Sees what hooks see between attempts."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl(tryfirst=True)
    def hookline_retry(self, attempt: Any) -> None:
        self.seen.append(attempt.request.url + repr(attempt.request) + repr(attempt.error.answer))
        self.seen.append(attempt.error.answer.content.decode() + str(attempt.error.answer.headers))


RULE = ErrorRule(kind="unavailable", message="url")


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500])
def test_a_key_that_a_refusal_repeats_reaches_nobody(status: int, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()

    def refuse(request: UpstreamRequest) -> Any:
        return whole(echo(request), status=status, location=request.url)

    with caplog.at_level(logging.DEBUG):
        run = call(refuse, watch, errors=[RULE], return_headers=["location"])

    assert run.sent
    assert "[hidden]" in run.json["detail"]
    for text in (run.content.decode(), caplog.text, *watch.seen):
        assert "canary" not in text


def test_a_key_that_a_good_answer_repeats_reaches_nobody() -> None:
    run = call(lambda request: whole(echo(request), link=f"<{request.url}&page=2>"), return_headers=["link"])

    assert run.status == 200
    assert run.json == {
        "url": "https://crm.example/v2/go?q=a+b&api_key=[hidden]",
        "key": "[hidden]",
        "next": ["https://crm.example/v2/go?q=a+b&api_key=[hidden]&page=2"],
    }


ESCAPED = [
    KEY.replace("/", "\\/"),
    KEY.replace("&", "\\u0026"),
    KEY.replace("/", "\\u002F").replace("&", "\\u0026").replace("=", "\\u003d"),
    QUOTED.lower(),
    KEY.replace("&", "&amp;").replace("/", "&#x2F;"),
]


@pytest.mark.parametrize("written", ESCAPED)
@pytest.mark.parametrize(
    "credential", [IN_QUERY, CredentialPlacement(header="x-key", prefix="")], ids=["query", "header"]
)
def test_a_key_that_a_refusal_writes_with_escapes_is_not_in_the_message_of_a_rule(
    written: str, credential: Any
) -> None:
    body = b'{"detail": "bad key ' + written.encode() + b'!"}'

    run = call(
        lambda request: Body([body]).response(status=400),
        errors=[ErrorRule(kind="rejected", statuses=(400,), message="detail")],
        credential=credential,
    )

    assert run.json["error"]["message"].startswith("bad key [hidden]!")
    assert b"canary" not in run.content


@pytest.mark.parametrize("written", ESCAPED)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_key_that_a_good_answer_writes_with_escapes_reaches_nobody(written: str, size: int) -> None:
    content = b'{"url": "https:\\/\\/crm.example\\/?k=' + written.encode() + b'\\u0026a=%2f"}'

    run = call(
        lambda request: Body([content[at : at + size] for at in range(0, len(content), size)]).response()
    )

    assert run.json == {"url": "https://crm.example/?k=[hidden]&a=%2f"}


def test_a_key_that_an_answer_repeats_piece_by_piece_reaches_nobody() -> None:
    def in_pieces(request: UpstreamRequest) -> Any:
        content = orjson.dumps(echo(request))
        return Body([content[at : at + 3] for at in range(0, len(content), 3)]).response()

    run = call(in_pieces)

    assert run.json["key"] == "[hidden]"
    assert b"canary" not in run.content


def test_a_key_is_in_no_error_of_the_transport(caplog: pytest.LogCaptureFixture) -> None:
    def break_off(request: UpstreamRequest) -> Any:
        raise UpstreamUnavailableError("crm.example broke the connection.")

    with caplog.at_level(logging.DEBUG):
        run = call(break_off, RetryPlugin(random=lambda: 0.0), settings={"limits": {"timeout_s": 5}})

    assert run.status == 502
    assert "canary" not in run.content.decode() + caplog.text


@pytest.mark.parametrize("transport", ["http1", "httpx"])
def test_a_key_is_in_no_error_where_nobody_listens(transport: str, caplog: pytest.LogCaptureFixture) -> None:
    from declared_lab import declare
    from hookline.gateway import Gateway
    from hookline.order import Order
    from hookline.plugins import PluginHost
    from hookline.settings import Settings
    from small_service import CALLER, Acme, Allow

    connector = declare(method="GET", input=fields("q"), credential=IN_QUERY)
    host = PluginHost()
    host.register(Acme(connector), name="acme")
    host.register(Allow(), name="allow")
    host.register(CredentialsPlugin(), name="credentials")
    environ = {"HOOKLINE_CRM_API_KEY": KEY, "HOOKLINE_CRM_BASE_URL": "http://127.0.0.1:9"}
    settings = Settings.model_validate({"transport": transport})
    gateway = Gateway(settings, host=host, environ=environ)

    with caplog.at_level(logging.DEBUG):
        reply = gateway.runner.run(CALLER, Order(action_id="crm.go", fields={"q": "x"}))

    assert reply.status == 502
    assert "canary" not in str(reply.content) + caplog.text
    gateway.close()


def test_a_connector_without_such_a_credential_gets_its_answers_as_they_are() -> None:
    from hookline import CredentialPlacement

    run = call(lambda request: whole({"a": KEY}), credential=CredentialPlacement())

    assert run.json == {"a": KEY}
