"""The rules that are never bent, each with a try to break it on a running gateway."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hookline_sandbox.server import SandboxServer
from live_gateway import KEY, Server, Start

UPSTREAM_CREDENTIAL = "upstream-credential-that-must-not-leak"
CHAT = b'{"model": "sandbox", "messages": [{"role": "user", "content": "ping"}]}'


@pytest.fixture(scope="module")
def upstream() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(start_server: Start, upstream: SandboxServer) -> Server:
    return start_server(
        HOOKLINE_OPENAI_BASE_URL=upstream.base_url,
        HOOKLINE_OPENAI_API_KEY=UPSTREAM_CREDENTIAL,
        HOOKLINE_LOG_LEVEL="debug",
    )


def post(
    server: Server, path: str, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **(headers or {})}
    with closing(server.connect()) as connection:
        connection.request("POST", path, body, sent)
        response = connection.getresponse()
        return response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}


@pytest.mark.parametrize(
    "field", ["base_url", "api_base", "base", "custom_host", "host", "url", "proxy", "provider", "extra_body"]
)
def test_s1_no_field_changes_where_a_call_goes(
    gateway: Server, upstream: SandboxServer, elsewhere: SandboxServer, field: str
) -> None:
    fields = json.loads(CHAT) | {field: elsewhere.base_url, "extra_headers": {"Host": "elsewhere"}}
    before = len(upstream.requests)

    post(gateway, "/v1/chat/completions", json.dumps(fields).encode())
    status, _, _ = post(gateway, "/actions/openai.chat", json.dumps(fields).encode())

    assert status == 422
    assert len(upstream.requests) == before + 1
    assert not elsewhere.requests


@pytest.mark.parametrize(
    "name",
    ["Host", "X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL", "Forwarded", "X-Base-Url", "OpenAI-Base"],
)
def test_s1_no_header_changes_where_a_call_goes(
    gateway: Server, upstream: SandboxServer, elsewhere: SandboxServer, name: str
) -> None:
    value = f"127.0.0.1:{elsewhere.port}"

    status, _, _ = post(gateway, "/v1/chat/completions", CHAT, {name: value})

    assert status == 200
    assert upstream.requests[-1].headers["host"] == f"127.0.0.1:{upstream.port}"
    assert not elsewhere.requests


def test_s1_absolute_request_line_and_query_change_nothing(
    gateway: Server, elsewhere: SandboxServer, upstream: SandboxServer
) -> None:
    request = (
        f"POST http://127.0.0.1:{elsewhere.port}/v1/chat/completions?base_url=http://x.invalid "
        "HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{elsewhere.port}\r\nAuthorization: {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(CHAT)}\r\nConnection: close\r\n\r\n"
    )
    before = len(upstream.requests)

    answer = gateway.send_raw(request.encode() + CHAT)

    assert b" 200 " in answer[:20]
    assert len(upstream.requests) == before + 1
    assert not elsewhere.requests


def test_s2_redirect_is_not_followed_and_takes_no_credential_along(
    gateway: Server, upstream: SandboxServer
) -> None:
    before = len(upstream.requests)

    status, content, headers = post(gateway, "/v1/chat/completions", CHAT, {"X-Sandbox-Fault": "redirect"})

    assert (status, json.loads(content)["error"]["code"]) == (502, "invalid_upstream_answer")
    assert "location" not in headers
    assert len(upstream.requests) == before + 1


def test_callers_key_and_cookies_never_reach_the_upstream(gateway: Server, upstream: SandboxServer) -> None:
    for headers in (
        {"X-API-Key": KEY, "Cookie": "a=b", "Proxy-Authorization": "Basic x"},
        {"Authorization": KEY},
    ):
        post(gateway, "/v1/chat/completions", CHAT, {**headers, "X-Stainless-Lang": "python", "X-Other": KEY})

        seen = upstream.requests[-1]
        assert seen.headers["authorization"] == f"Bearer {UPSTREAM_CREDENTIAL}"
        assert KEY not in json.dumps([dict(seen.headers), seen.path, seen.body.decode()])
        assert "cookie" not in seen.headers


def test_cookie_of_one_call_is_not_sent_with_the_next(gateway: Server, upstream: SandboxServer) -> None:
    _, _, headers = post(gateway, "/v1/chat/completions", CHAT, {"X-Sandbox-Fault": "cookie"})
    post(gateway, "/v1/chat/completions", CHAT)

    assert "set-cookie" not in headers
    assert "cookie" not in upstream.requests[-1].headers


def test_body_of_a_wire_call_reaches_the_upstream_byte_for_byte(
    gateway: Server, upstream: SandboxServer
) -> None:
    odd = (
        b'{ "messages" : [{"content":"caf\\u00e9 \xc3\xa9","role":"user"}],\n '
        b'"model":"sandbox","temperature":1.50,"seed":12345678901234567890123}'
    )

    post(gateway, "/v1/chat/completions", odd)

    assert upstream.requests[-1].body == odd


def test_rule_2_nothing_is_read_or_parsed_before_the_caller_is_known(gateway: Server) -> None:
    """S14: an unknown caller with an endless body is refused before the body came."""
    head = "POST /actions/openai.chat HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"

    answer = gateway.send_raw(head.encode(), silence_s=3)

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_rule_2_every_route_wants_a_key_or_is_meant_to_be_public(gateway: Server) -> None:
    from hookline.gateway import Gateway

    local = Gateway(environ={"HOOKLINE_SANDBOX": "1", "HOOKLINE_API_KEYS": KEY})
    public = set()
    for route in local.routes:
        path = re.sub(r"<[^>]+>", "x", route.path)
        with closing(gateway.connect()) as connection:
            connection.request(route.method, path)
            status = connection.getresponse().status
        if route.is_public:
            public.add(path)
            assert status != 401
        else:
            assert status == 401
            assert route.scope
    local.close()
    assert public == {"/", "/docs", "/docs/assets/x", "/healthz", "/readyz", "/problems/x"}


FAULTS = [
    "status-401",
    "status-500",
    "html",
    "cut",
    "malformed",
    "billing",
    "429",
    "redirect",
    "big-1",
    "gzip",
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/actions/openai.chat"])
@pytest.mark.parametrize("stream", [False, True])
def test_rule_3_no_secret_shows_in_any_answer_or_log(
    gateway: Server, fault: str, path: str, stream: bool
) -> None:
    fields: dict[str, object] = {
        "model": "sandbox",
        "messages": [{"role": "user", "content": "x"}],
        "stream": stream,
    }

    _, content, headers = post(gateway, path, json.dumps(fields).encode(), {"X-Sandbox-Fault": fault})

    shown = content.decode("utf-8", "replace") + json.dumps(headers) + gateway.log.read_text()
    assert UPSTREAM_CREDENTIAL not in shown
    assert KEY not in shown


def test_rule_3_no_secret_stands_on_the_command_line_of_the_server(gateway: Server) -> None:
    seen = b""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                int(folder.name) == gateway.pid
                or f"PPid:\t{gateway.pid}\n" in (folder / "status").read_text()
            ):
                seen += (folder / "cmdline").read_bytes()
        except OSError:
            continue

    assert seen or os.name != "posix"
    assert KEY.encode() not in seen
    assert UPSTREAM_CREDENTIAL.encode() not in seen


def test_rule_4_image_addresses_are_not_fetched(gateway: Server, elsewhere: SandboxServer) -> None:
    fields = json.loads(CHAT)
    fields["messages"][0]["content"] = [
        {"type": "image_url", "image_url": {"url": elsewhere.base_url + "/x.png"}}
    ]

    post(gateway, "/v1/chat/completions", json.dumps(fields).encode())

    assert not elsewhere.requests


def test_unreachable_upstream_is_a_clean_502(start_server: Start) -> None:
    lonely = start_server(HOOKLINE_OPENAI_BASE_URL="http://127.0.0.1:9/v1", HOOKLINE_OPENAI_API_KEY="x" * 20)

    status, content, headers = post(lonely, "/v1/chat/completions", CHAT)

    assert (status, headers["x-should-retry"]) == (502, "false")  # the gateway has tried again already
    assert json.loads(content)["error"]["code"] == "upstream_unreachable"


def test_edits_are_served_natively_where_the_upstream_can(
    start_server: Start, upstream: SandboxServer
) -> None:
    native = start_server(
        HOOKLINE_OPENAI_BASE_URL=upstream.base_url,
        HOOKLINE_OPENAI_API_KEY="x" * 20,
        HOOKLINE_OPENAI_NATIVE_EDITS="true",
    )
    fields = json.dumps({"model": "sandbox-edit", "input": "teh", "instruction": "Fix spelling"}).encode()

    status, content, _ = post(native, "/v1/edits", fields)

    assert (status, json.loads(content)["object"]) == (200, "edit")
    assert upstream.requests[-1].path == "/v1/edits"


def test_edits_go_through_chat_otherwise(gateway: Server, upstream: SandboxServer) -> None:
    fields = json.dumps({"model": "sandbox", "input": "teh", "instruction": "Fix spelling"}).encode()

    status, content, _ = post(gateway, "/v1/edits", fields)

    answer = json.loads(content)
    assert (status, answer["object"]) == (200, "edit")
    assert sorted(answer["choices"][0]) == ["finish_reason", "index", "text"]
    assert upstream.requests[-1].path == "/v1/chat/completions"
