"""The revisions with a handshake over HTTP, without sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mcp_types._v2025_11_25 as wire
import pytest

from mcp_lab import LEGACY, META, MODERN, SERVER, TOOLS, call, legacy, modern, post

if TYPE_CHECKING:
    from flask.testing import FlaskClient

VERSIONS = pytest.mark.parametrize("version", LEGACY)


def result_of(client: FlaskClient, body: dict[str, Any], version: str) -> Any:
    answer = post(client, body, version=version)
    assert answer.status_code == 200
    assert answer.get_json()["id"] == body["id"]
    return answer.get_json()["result"]


def shake_hands(client: FlaskClient, version: object, **headers: str) -> Any:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "lab", "version": "1"}}
    return post(client, legacy("initialize", params), headers, without=["MCP-Protocol-Version"])


@pytest.mark.parametrize(
    ("asked", "given"),
    [(LEGACY[0], LEGACY[0]), (LEGACY[1], LEGACY[1]), ("2024-11-05", LEGACY[0]), (MODERN, LEGACY[0])],
)
def test_the_handshake_settles_a_version_that_has_one(client: FlaskClient, asked: str, given: str) -> None:
    answer = shake_hands(client, asked)
    assert answer.status_code == 200
    result = answer.get_json()["result"]
    assert result == {
        "protocolVersion": given,
        "capabilities": {"tools": {}},
        "serverInfo": SERVER,
        "instructions": result["instructions"],
    }
    wire.InitializeResult.model_validate(result)
    assert "mcp-session-id" not in answer.headers


def test_a_handshake_without_a_version_is_refused(client: FlaskClient) -> None:
    answer = shake_hands(client, None)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (200, -32602)


@pytest.mark.parametrize("header", ["MCP-Protocol-Version", "Mcp-Session-Id", "Last-Event-ID"])
def test_headers_of_sessions_and_versions_do_not_disturb_the_handshake(
    client: FlaskClient, header: str
) -> None:
    answer = post(client, legacy("initialize", {"protocolVersion": LEGACY[0]}), {header: LEGACY[0]})
    assert answer.status_code == 200


@VERSIONS
def test_a_ping_is_answered_with_nothing(client: FlaskClient, version: str) -> None:
    assert result_of(client, legacy("ping"), version) == {}


@VERSIONS
def test_the_list_has_no_members_of_newer_revisions(client: FlaskClient, version: str) -> None:
    result = result_of(client, legacy("tools/list"), version)
    assert list(result) == ["tools"]
    assert [tool["name"] for tool in result["tools"]] == TOOLS
    wire.ListToolsResult.model_validate(result)


@VERSIONS
def test_a_call_answers_the_output_as_structure_and_as_text(client: FlaskClient, version: str) -> None:
    result = result_of(client, legacy("tools/call", call("openai_chat")), version)
    assert sorted(result) == ["content", "isError", "structuredContent"]
    assert result["structuredContent"]["text"] == "Simulated answer to: hi"
    wire.CallToolResult.model_validate(result)


@VERSIONS
def test_arguments_that_are_null_are_none(client: FlaskClient, version: str) -> None:
    body = legacy("tools/call", {"name": "openai_list_models", "arguments": None})
    assert result_of(client, body, version)["isError"] is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (legacy("server/discover"), -32601),
        (legacy("resources/list"), -32601),
        (legacy("logging/setLevel", {"level": "debug"}), -32601),
        (legacy("tools/call", call("no_such_tool")), -32602),
        (legacy("tools/list", {"cursor": "made up"}), -32602),
    ],
    ids=["discover", "resources", "logging", "tool", "cursor"],
)
def test_errors_of_a_message_that_was_understood_are_answered_with_200(
    client: FlaskClient, body: dict[str, Any], code: int
) -> None:
    answer = post(client, body, version=LEGACY[0])
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (200, code)


def test_a_request_that_names_no_version_anywhere_is_refused(client: FlaskClient) -> None:
    answer = post(client, legacy("tools/list"))
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (400, -32020)
    assert f"send {LEGACY[0]}, which needs no further header" in error["message"]


@pytest.mark.parametrize("version", ["2025-03-26", "2024-11-05", "soon"])
def test_a_version_that_nobody_speaks_is_refused(client: FlaskClient, version: str) -> None:
    answer = post(client, legacy("tools/list"), version=version)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, -32022)


def test_a_request_of_two_generations_is_refused(client: FlaskClient) -> None:
    answer = post(client, modern("tools/list"), version=LEGACY[0])
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, -32020)


def test_a_version_in_the_metadata_may_be_an_older_one(client: FlaskClient) -> None:
    meta = META | {"io.modelcontextprotocol/protocolVersion": LEGACY[0]}
    assert list(result_of(client, legacy("tools/list", {"_meta": meta}), LEGACY[0])) == ["tools"]


@VERSIONS
def test_a_key_without_the_right_to_run_is_refused_in_the_same_way(client: FlaskClient, version: str) -> None:
    body = legacy("tools/call", call("openai_chat"))
    answer = post(client, body, {"x-scopes": "catalog:read"}, version=version)
    assert (answer.status_code, answer.get_json()["id"]) == (403, 1)
