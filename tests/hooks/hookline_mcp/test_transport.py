"""What holds for every message, whatever revision it speaks: who may call, from where, and in which form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import mcp_types
import pytest

from mcp_lab import (
    LEGACY,
    MODERN,
    TOOLS,
    ask,
    call,
    client_of,
    headers_of,
    legacy,
    make_gateway,
    modern,
    post,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from live_gateway import Server


def error_of(answer: Any) -> tuple[int, int]:
    body = answer.get_json()
    mcp_types.JSONRPCError.model_validate({"id": None, **body})
    return answer.status_code, body["error"]["code"]


def test_without_a_key_nobody_gets_further(client: FlaskClient) -> None:
    answer = post(client, modern("tools/list"), {"x-scopes": "nobody"})
    assert error_of(answer) == (401, -32600)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "id" not in answer.get_json()


def test_a_key_that_may_not_read_the_catalog_gets_no_further(client: FlaskClient) -> None:
    assert error_of(post(client, modern("tools/list"), {"x-scopes": "actions:run"})) == (403, -32600)


def test_a_key_that_may_not_run_actions_is_told_which_right_a_call_needs(client: FlaskClient) -> None:
    answer = post(client, modern("tools/call", call("openai_chat")), {"x-scopes": "catalog:read"})
    assert error_of(answer) == (403, -32600)
    assert answer.get_json()["id"] == 1
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="actions:run"'


def test_a_key_that_may_not_run_actions_sees_no_tools_and_why(client: FlaskClient) -> None:
    assert ask(client, "tools/list", x_scopes="catalog:read")["tools"] == []
    assert "lacks the scope" in ask(client, "server/discover", x_scopes="catalog:read")["instructions"]


def test_a_key_sees_and_calls_only_the_tools_of_its_actions(client: FlaskClient) -> None:
    result = ask(client, "tools/list", x_actions="openai.e*,openai.moderate")
    assert [tool["name"] for tool in result["tools"]] == ["openai_edit", "openai_embed", "openai_moderate"]
    for name in ("openai_chat", "openai.chat"):
        answer = post(client, modern("tools/call", call(name)), {"x-actions": "openai.embed"})
        assert error_of(answer) == (400, -32602)
        assert "Unknown tool" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:8787",
        "http://evil.example:8787",
        "null",
        "",
        "localhost",
        "file://localhost",
        "http://user@localhost",
        "http://localhost/path",
        "http://localhost:99999",
        "https://own.example:8443",
        "http://own.example",
    ],
)
def test_a_web_page_of_another_origin_is_refused(origin: str) -> None:
    gateway = make_gateway(server={"public_url": "https://own.example/gateway"})
    client = client_of(gateway)
    for body, version in ((modern("tools/list"), None), (legacy("ping"), LEGACY[0])):
        headers = {"Origin": origin, "Host": "evil.example:8787"}
        assert error_of(post(client, body, headers, version=version)) == (403, -32600)
    gateway.close()


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://localhost:6274",
        "https://127.0.0.1:8787",
        "http://127.8.9.1",
        "http://[::1]:3000",
        "https://own.example",
        "https://OWN.example:443",
        "http://known.example",
        "https://app.example:8443",
    ],
)
def test_pages_of_this_machine_of_the_gateway_and_of_the_settings_may_call(origin: str) -> None:
    gateway = make_gateway(
        server={"public_url": "https://own.example/gateway", "allowed_hosts": ["known.example", "localhost"]},
        plugins={"mcp": {"allowed_origins": ["https://app.example:8443"]}},
    )
    assert post(client_of(gateway), modern("tools/list"), {"Origin": origin}).status_code == 200
    gateway.close()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}', -32700),
        (b'{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', -32700),
        (b"\xff\xfe{}", -32700),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", -32700),
        (b"[" * 100_000, -32700),
        (json.dumps([modern("tools/list")]).encode(), -32600),
        (b"[]", -32600),
        (b"7", -32600),
        (b"{}", -32600),
    ],
    ids=["empty", "cut", "twice", "NaN", "UTF-16", "deep", "deeper", "batch", "list", "number", "nothing"],
)
def test_what_is_no_message_is_refused_without_an_id(client: FlaskClient, content: bytes, code: int) -> None:
    answer = post(client, content, version=MODERN)
    assert error_of(answer) == (400, code)
    assert "id" not in answer.get_json()


@pytest.mark.parametrize(
    "change",
    [
        {"jsonrpc": "1.0"},
        {"jsonrpc": None},
        {"id": None},
        {"id": True},
        {"id": 1.5},
        {"id": {}},
        {"method": 7},
        {"method": ""},
        {"params": []},
        {"params": "text"},
        {"params": None},
    ],
    ids=str,
)
def test_a_message_of_the_wrong_form_is_refused(client: FlaskClient, change: dict[str, Any]) -> None:
    answer = post(client, modern("tools/list") | change, headers_of(modern("tools/list")))
    assert error_of(answer) == (400, -32600)


@pytest.mark.parametrize("body", [{"jsonrpc": "2.0", "id": 1, "result": {}}, {"jsonrpc": "2.0", "error": {}}])
def test_a_response_is_refused_because_nothing_was_asked(client: FlaskClient, body: dict[str, Any]) -> None:
    for version in (MODERN, LEGACY[0]):
        assert error_of(post(client, body, version=version)) == (400, -32600)


@pytest.mark.parametrize("version", [None, MODERN, *LEGACY])
@pytest.mark.parametrize(
    "method", ["notifications/initialized", "notifications/cancelled", "notifications/x"]
)
def test_a_notification_is_taken_and_not_answered(
    client: FlaskClient, method: str, version: str | None
) -> None:
    answer = post(client, {"jsonrpc": "2.0", "method": method}, version=version)
    assert (answer.status_code, answer.data) == (202, b"")


def test_a_notification_of_a_version_that_nobody_speaks_is_refused(client: FlaskClient) -> None:
    answer = post(client, {"jsonrpc": "2.0", "method": "notifications/x"}, version="soon")
    assert error_of(answer) == (400, -32022)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS"])
def test_only_post_is_a_method_of_the_endpoint(client: FlaskClient, method: str) -> None:
    answer = client.open("/mcp", method=method, headers={"Accept": "text/event-stream"})
    assert error_of(answer) == (405, -32600)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "accept",
    ["application/json, text/event-stream", "*/*", "application/*", "APPLICATION/JSON;q=0.5", None],
)
def test_a_client_that_takes_json_is_answered(client: FlaskClient, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    without = ["Accept"] if accept is None else []
    assert post(client, modern("tools/list"), headers, without=without).status_code == 200


@pytest.mark.parametrize("accept", ["text/event-stream", "text/html", "image/*"])
def test_a_client_that_takes_no_json_is_refused(client: FlaskClient, accept: str) -> None:
    assert error_of(post(client, modern("tools/list"), {"Accept": accept})) == (406, -32600)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_only_json_is_read(client: FlaskClient, kind: str) -> None:
    assert error_of(post(client, modern("tools/list"), {"Content-Type": kind})) == (415, -32600)


def test_a_body_over_the_cap_is_not_read() -> None:
    gateway = make_gateway(limits={"max_body_bytes": 2000})
    client = client_of(gateway)
    large = modern("tools/call", call("openai_chat", {"model": "sandbox", "prompt": "x" * 2000}))
    assert error_of(post(client, large)) == (413, -32600)
    assert post(client, modern("tools/list")).status_code == 200
    gateway.close()


def test_what_an_action_tells_in_headers_is_told(client: FlaskClient) -> None:
    answer = post(client, modern("tools/call", call("openai_chat")), {"X-Hookline-Test": "1"})
    assert answer.headers["x-hookline-test"] == "1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.getlist("content-type") == ["application/json"]


def test_pages_of_the_list_hold_every_tool_once() -> None:
    gateway = make_gateway(plugins={"mcp": {"page_size": 4}})
    client = client_of(gateway)
    first = ask(client, "tools/list")
    second = ask(client, "tools/list", {"cursor": first["nextCursor"]})
    names = [[tool["name"] for tool in page["tools"]] for page in (first, second)]
    assert names == [TOOLS[:4], TOOLS[4:]]
    assert "nextCursor" not in second
    assert first["cacheScope"] == second["cacheScope"]
    # A key that sees less gets its own pages, also from a cursor of another.
    fewer = ask(client, "tools/list", {"cursor": first["nextCursor"]}, x_actions="openai.moderate")
    assert [tool["name"] for tool in fewer["tools"]] == ["openai_moderate"]
    gateway.close()


@pytest.mark.parametrize("cursor", ["", "x", "2", 7, None, [], "YWZ0ZXI6", "YWZ0ZXI6YQ==", "ä", "A" * 5000])
def test_a_cursor_that_was_never_given_out_is_refused(client: FlaskClient, cursor: object) -> None:
    answer = post(client, modern("tools/list", {"cursor": cursor}))
    if cursor is None or cursor == "YWZ0ZXI6":  # no cursor, and the one before the first tool
        assert answer.status_code == 200
        return
    assert error_of(answer) == (400, -32602)


def test_the_endpoint_of_a_real_server_behaves_alike(server: Server) -> None:
    def send(method: str, body: bytes, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = server.connect()
        given = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, "/mcp", body=body, headers=given)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if content else None, dict(answer.getheaders())

    status, body, _ = send("POST", b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert (status, body) == (202, None)
    assert send("GET", b"")[0] == 405
    assert send("DELETE", b"")[0] == 405
    assert send("POST", b"{}", Authorization="Bearer wrong")[0] == 401
    assert send("POST", b"{}", Origin="https://evil.example")[0] == 403
    head = f"POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\nConnection: close\r\n"
    refusal = server.send_raw(f"{head}Content-Length: 99000000\r\n\r\n".encode(), silence_s=2)
    assert refusal.startswith(b"HTTP/1.1 413")
    assert b'"code":-32600' in refusal
    request = json.dumps(modern("tools/list")).encode()
    status, body, headers = send(
        "POST", request, MCP_Protocol_Version=MODERN, Mcp_Method="tools/list", Accept="application/json"
    )
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [tool["name"] for tool in body["result"]["tools"]] == TOOLS
    assert server.is_healthy()
