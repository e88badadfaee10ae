"""The newest revision over HTTP: what it answers, and every refusal that it demands."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import mcp_types._v2026_07_28 as wire
import pytest

from mcp_lab import CHAT, LEGACY, META, MODERN, SERVER, TOOLS, ask, call, headers_of, modern, post

if TYPE_CHECKING:
    from flask.testing import FlaskClient

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


def without_meta(key: str) -> dict[str, Any]:
    body = modern("tools/list")
    body["params"]["_meta"] = {name: value for name, value in META.items() if name != key}
    return body


def with_meta(**values: object) -> dict[str, Any]:
    body = modern("tools/list")
    body["params"]["_meta"] = META | {
        f"io.modelcontextprotocol/{name}": value for name, value in values.items()
    }
    return body


def test_discovery_tells_versions_capabilities_and_who_answers(client: FlaskClient) -> None:
    result = ask(client, "server/discover")
    assert result == {
        "resultType": "complete",
        "supportedVersions": [MODERN, *LEGACY],
        "capabilities": {"tools": {}},
        "instructions": result["instructions"],
        "ttlMs": 300_000,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": SERVER},
    }
    wire.DiscoverResult.model_validate(result)


def test_the_list_holds_every_action_in_the_order_of_ids(client: FlaskClient) -> None:
    result = ask(client, "tools/list")
    assert [tool["name"] for tool in result["tools"]] == TOOLS
    assert {key: value for key, value in result.items() if key != "tools"} == {
        "resultType": "complete",
        "ttlMs": 300_000,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": SERVER},
    }
    wire.ListToolsResult.model_validate(result)
    assert result == ask(client, "tools/list")


@pytest.mark.parametrize("name", ["openai_chat", "openai.chat"])
def test_a_call_answers_the_output_as_structure_and_as_text(client: FlaskClient, name: str) -> None:
    result = ask(client, "tools/call", call(name))
    assert result["structuredContent"]["text"] == "Simulated answer to: hi"
    assert result["isError"] is False
    (block,) = result["content"]
    assert block["type"] == "text"
    assert json.loads(block["text"]) == result["structuredContent"]
    wire.CallToolResult.model_validate(result)


@pytest.mark.parametrize("stream", [True, "true", False])
def test_a_call_that_asks_for_a_stream_is_answered_in_one_piece(client: FlaskClient, stream: object) -> None:
    arguments = {**CHAT, "stream": stream, "stream_options": {"include_usage": True}}
    answer = post(client, modern("tools/call", call("openai_chat", arguments)))
    assert answer.content_type == "application/json"
    assert answer.get_json()["result"]["structuredContent"]["text"] == "Simulated answer to: hi"


@pytest.mark.parametrize(
    ("method", "id"),
    [("ping", 1), ("initialize", 2), ("resources/list", "three"), ("subscriptions/listen", 4)],
)
def test_a_method_that_is_not_there_answers_404(client: FlaskClient, method: str, id: object) -> None:
    answer = post(client, modern(method, id=id))
    assert answer.status_code == 404
    body = answer.get_json()
    assert (body["id"], body["error"]["code"]) == (id, -32601)


@pytest.mark.parametrize("header", ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"])
def test_a_missing_header_is_refused(client: FlaskClient, header: str) -> None:
    answer = post(client, modern("tools/call", call("openai_chat")), without=[header])
    assert answer.status_code == 400
    body = answer.get_json()
    assert (body["id"], body["error"]["code"]) == (1, -32020)
    assert header in body["error"]["message"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("MCP-Protocol-Version", LEGACY[0]),
        ("MCP-Protocol-Version", "1900-01-01"),
        ("Mcp-Method", "tools/list"),
        ("Mcp-Method", "TOOLS/CALL"),
        ("Mcp-Name", "openai_edit"),
        ("Mcp-Name", "openai_chat, openai_chat"),
        ("Mcp-Name", "=?base64?!!!?="),
        ("Mcp-Name", "=?base64?/w==?="),
        ("Mcp-Name", "=?base64??="),
    ],
)
def test_a_header_that_contradicts_the_body_is_refused(client: FlaskClient, header: str, value: str) -> None:
    answer = post(client, modern("tools/call", call("openai_chat")), {header: value})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, -32020)


def test_a_name_may_be_sent_as_base64(client: FlaskClient) -> None:
    encoded = f"=?base64?{base64.b64encode(b'openai_chat').decode()}?="
    assert post(client, modern("tools/call", call("openai_chat")), {"Mcp-Name": encoded}).status_code == 200


def test_an_encoded_name_of_no_tool_is_an_unknown_tool(client: FlaskClient) -> None:
    encoded = f"=?base64?{base64.b64encode('größe'.encode()).decode()}?="
    answer = post(client, modern("tools/call", call("größe")), {"Mcp-Name": encoded})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, -32602)


def test_names_of_headers_are_read_in_any_case(client: FlaskClient) -> None:
    body = modern("tools/list")
    headers = {name.upper(): value for name, value in headers_of(body).items()}
    assert post(client, body, headers, without=headers_of(body)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [without_meta(VERSION), without_meta(CAPABILITIES), with_meta(clientCapabilities=[])],
    ids=["version", "capabilities", "malformed capabilities"],
)
def test_metadata_that_lacks_something_is_refused(client: FlaskClient, body: dict[str, Any]) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, -32602)
    assert answer.get_json()["id"] == 1


def test_a_client_need_not_say_what_it_is(client: FlaskClient) -> None:
    assert post(client, without_meta("io.modelcontextprotocol/clientInfo")).status_code == 200


def test_metadata_that_is_no_object_is_refused(client: FlaskClient) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": []}}
    answer = post(client, body, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize("version", ["1900-01-01", "2025-03-26", "2026-07-29", "x" * 500])
def test_a_version_that_nobody_speaks_is_answered_with_those_that_are(
    client: FlaskClient, version: str
) -> None:
    answer = post(client, with_meta(protocolVersion=version), {"MCP-Protocol-Version": version})
    assert answer.status_code == 400
    body = answer.get_json()
    assert (body["id"], body["error"]["code"]) == (1, -32022)
    assert body["error"]["data"] == {"supported": [MODERN, *LEGACY], "requested": version[:200]}
    wire.UnsupportedProtocolVersionError.model_validate(body)


@pytest.mark.parametrize(
    "params",
    [
        call("no_such_tool"),
        call("openai_chat", [1]),
        call("openai_chat", "text"),
        {"name": 7, "arguments": {}},
        {"arguments": {}},
    ],
    ids=["unknown", "list", "text", "number", "nameless"],
)
def test_a_call_that_is_malformed_is_an_error_of_the_protocol(
    client: FlaskClient, params: dict[str, Any]
) -> None:
    answer = post(client, modern("tools/call", params))
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, -32602)


def test_arguments_may_be_left_out(client: FlaskClient) -> None:
    assert ask(client, "tools/call", {"name": "openai_list_models"})["isError"] is False


def test_arguments_that_do_not_fit_are_a_result_that_a_model_can_act_on(client: FlaskClient) -> None:
    result = ask(client, "tools/call", call("openai_chat", {**CHAT, "temperature": 9}))
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert result["content"] == [
        {
            "type": "text",
            "text": "`temperature` must be at most 2, not 9.\n"
            "Correct the field that the message names; the tool's input schema shows what each field takes.\n"
            "Field: temperature\n"
            "The same call would fail again.",
        }
    ]
    problem = result["_meta"]["hookline/problem"]
    assert (problem["status"], problem["field"]) == (422, "temperature")
    wire.CallToolResult.model_validate(result)


def test_several_faults_are_all_named(client: FlaskClient) -> None:
    result = ask(client, "tools/call", call("openai_chat", {**CHAT, "temperature": 9, "top_p": -1}))
    text = result["content"][0]["text"]
    assert "- temperature: " in text
    assert "- top_p: " in text


def test_a_list_of_inputs_is_refused_because_its_output_fits_no_schema(client: FlaskClient) -> None:
    result = ask(client, "tools/call", call("openai_chat", {"items": [CHAT, CHAT]}))
    assert result["isError"] is True
    assert "once for each input" in result["content"][0]["text"]


def test_a_failure_that_passes_says_when_to_try_again(client: FlaskClient) -> None:
    result = ask(client, "tools/call", call("openai_chat", {"model": "sandbox-429", "prompt": "hi"}))
    assert result["isError"] is True
    assert "Try again after" in result["content"][0]["text"]
