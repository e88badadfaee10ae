"""Actions as tools: names, schemas that clients and models take, and hints."""

from __future__ import annotations

import json
import logging
import math
from typing import Any

import mcp_types._v2025_11_25 as older
import mcp_types._v2026_07_28 as newer
import orjson
import pytest
from jsonschema import Draft202012Validator

from hookline import Connector
from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import make_export
from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline_mcp import McpPlugin
from hookline_mcp.shelf import Shelf
from hookline_mcp.tools import ToolSource, make_tools, source_of
from mcp_lab import TOOLS, ask, call, client_of, make_gateway, modern, post
from nasty_connector import KEY, echo, nasty_gateway, nasty_host
from small_service import CALLER, Upstream

FREE: dict[str, Any] = {"type": "object"}


def source(id: str = "acme.say", **more: Any) -> ToolSource:
    given: dict[str, Any] = {
        "id": id,
        "title": "Say",
        "description": "Says it.",
        "input_schema": FREE,
        "output_schema": FREE,
        "is_read_only": False,
        "is_idempotent": False,
        "streams": False,
    }
    return ToolSource(**(given | more))


def test_a_tool_tells_all_that_a_client_shows() -> None:
    (tool,) = make_tools([source()])
    assert tool.document == {
        "name": "acme_say",
        "title": "Say",
        "description": "Says it.",
        "inputSchema": {"type": "object", "properties": {}},
        "outputSchema": {"type": "object"},
        "annotations": {
            "title": "Say",
            "readOnlyHint": False,
            "idempotentHint": False,
            "openWorldHint": True,
        },
    }


@pytest.mark.parametrize(
    ("id", "hints", "expected"),
    [
        ("a.list", {"is_read_only": True, "is_idempotent": True}, (True, False, True)),
        ("a.create", {}, (False, False, False)),
        ("a.delete_contact", {"is_idempotent": True}, (False, True, True)),
        ("a.update", {}, (False, True, False)),
        ("delete.find", {}, (False, False, False)),
        ("a.reset", {"is_read_only": True}, (True, False, False)),
        ("a.bulk_delete", {}, (False, True, False)),
        ("a.archive_all", {}, (False, True, False)),
        ("a.terminate_server", {"is_idempotent": True}, (False, True, True)),
        ("a.patch", {}, (False, True, False)),
        ("a.create_or_update", {}, (False, True, False)),
        ("a.send_money", {}, (False, None, False)),
        ("a.create_payment", {}, (False, None, False)),
        ("a.frobnicate", {}, (False, None, False)),
        ("a.edit_contact", {}, (False, None, False)),
        ("a.edit", {}, (False, False, False)),
    ],
)
def test_hints_come_from_the_action(
    id: str, hints: dict[str, bool], expected: tuple[bool, bool | None, bool]
) -> None:
    (tool,) = make_tools([source(id, **hints)])
    found: Any = tool.document["annotations"]
    assert (found["readOnlyHint"], found.get("destructiveHint"), found["idempotentHint"]) == expected


def test_no_action_of_openai_is_said_to_destroy_anything() -> None:
    gateway = make_gateway()
    hints = [
        tool["annotations"]["destructiveHint"] for tool in ask(client_of(gateway), "tools/list")["tools"]
    ]
    assert hints == [False] * len(TOOLS)
    gateway.close()


def test_two_actions_of_one_name_keep_their_ids() -> None:
    tools = make_tools([source("a_b.c"), source("a.b_c"), source("a.b")])
    assert [tool.name for tool in tools] == ["a_b", "a.b_c", "a_b.c"]


class Twins:
    """Two connectors whose actions have one name where no dot is taken."""

    def __init__(self) -> None:
        self.connector = Connector("twin_a", title="Twin A", base_url="https://a.example")
        self.connector.endpoint("b", "POST", "/b", input=FREE, output=FREE)


class OtherTwins:
    def __init__(self) -> None:
        self.connector = Connector("twin", title="Twin", base_url="https://b.example")
        self.connector.endpoint("a_b", "POST", "/b", input=FREE, output=FREE)


def test_the_endpoint_serves_everybody_when_two_actions_have_one_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = make_gateway(Twins(), OtherTwins())
    client = client_of(gateway)
    with caplog.at_level(logging.WARNING, "hookline.mcp"):
        for _ in range(2):
            names = [tool["name"] for tool in ask(client, "tools/list")["tools"]]
    assert names == [*TOOLS, "twin.a_b", "twin_a.b"]
    assert [record.message for record in caplog.records] == [
        "these actions keep their ids as names of tools: twin.a_b, twin_a.b"
    ]
    assert ask(client, "tools/call", call("openai_chat"))["isError"] is False
    gateway.close()


def shelf_of(caplog: pytest.LogCaptureFixture, **fields: Any) -> tuple[list[Any], list[str]]:
    """Return the tools of two actions, one of which has an unusual schema, and what was logged."""
    connector = Connector("own", title="Own", base_url="https://own.example")
    connector.endpoint("plain", "POST", "/plain", input=FREE, output=FREE)
    odd: Any = {"type": "object", "properties": fields}
    connector.endpoint("odd", "POST", "/odd", input=odd, output=FREE)
    with caplog.at_level(logging.WARNING, "hookline.mcp"):
        shelf = Shelf(connector.actions.values(), page_size=10)
        texts, _ = shelf.page(CALLER, None)
    assert {shelf.find(name, CALLER) is not None for name in ("own_plain", "own.plain")} == {True}
    return json.loads(orjson.dumps(texts)), [record.message for record in caplog.records]


def test_a_number_of_more_than_64_bits_takes_no_tool_away(caplog: pytest.LogCaptureFixture) -> None:
    tools, logged = shelf_of(caplog, n={"type": "integer", "maximum": 2**64})
    assert [tool["name"] for tool in tools] == ["own_odd", "own_plain"]
    assert tools[0]["inputSchema"]["properties"]["n"]["maximum"] == 2**64
    assert logged == []


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"enum": [{1, 2}]}, "the action own.odd is no tool: its schema cannot be written as JSON"),
        ({"maximum": 2**64, "minimum": math.nan}, "the action own.odd is no tool: its schema cannot be"),
    ],
)
def test_a_schema_that_is_no_json_takes_only_its_own_tool_away(
    field: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    tools, logged = shelf_of(caplog, n=field)
    assert [tool["name"] for tool in tools] == ["own_plain"]
    (told,) = logged
    assert message in told


def test_one_of_several_fields_is_asked_for_in_words() -> None:
    rule = [{"required": ["prompt"]}, {"required": ["messages"]}]
    fields = {"prompt": {"type": "string"}, "messages": {"type": "array"}}
    (tool,) = make_tools([source(input_schema={"type": "object", "properties": fields, "anyOf": rule})])
    assert tool.document["inputSchema"] == {"type": "object", "properties": fields}
    assert tool.document["description"] == "Says it.\n\nFill in at least one of `prompt`, `messages`."
    assert tool.losses == ()


@pytest.mark.parametrize("kind", ["array", "string", ["array", "null"]])
def test_a_tool_whose_output_is_no_object_states_none(kind: object) -> None:
    (tool,) = make_tools([source(output_schema={"type": kind})])
    assert "outputSchema" not in tool.document


def test_every_schema_of_a_nasty_connector_is_valid_in_every_revision() -> None:
    gateway = nasty_gateway(with_installed=True)
    for tool in make_tools(source_of(action) for action in gateway.catalog):
        newer.Tool.model_validate(tool.document)
        older.Tool.model_validate(tool.document)
        for key in ("inputSchema", "outputSchema"):
            schema: Any = tool.document.get(key, FREE)
            Draft202012Validator.check_schema(schema)
            list(Draft202012Validator(schema).iter_errors({"value": 1, "next": {"value": 1}}))
            assert schema["type"] == "object"
            assert all(isinstance(one, dict) for one in schema.get("properties", {}).values())
        assert not {"anyOf", "oneOf", "allOf"} & set(tool.document["inputSchema"])  # type: ignore[call-overload]
    gateway.close()


def test_a_field_of_the_raw_field_reaches_the_service() -> None:
    host = nasty_host(with_installed=False)
    host.register(McpPlugin(), name="mcp")
    nasty = Gateway(
        Settings.model_validate({"api_keys": [KEY]}), host=host, transport=Upstream(echo), environ={}
    )
    body = modern("tools/call", call("nasty_names", {"raw_json": {"größe": 7}, "1st": True}))
    answer = post(client_of(nasty), body, {"Authorization": f"Bearer {KEY}"})
    result = answer.get_json()["result"]
    assert result["structuredContent"]["größe"] == 7
    assert result["isError"] is False
    nasty.close()


def test_the_export_holds_what_the_list_answers() -> None:
    gateway = make_gateway()
    blueprint = make_blueprint(gateway, server_url="https://hooks.example")
    export = make_export(gateway.export_targets["mcp"], blueprint)
    name, content = export.main
    assert name == "mcp-tools.json"
    assert json.loads(content) == {"tools": ask(client_of(gateway), "tools/list")["tools"]}
    assert {(loss.action, loss.place) for loss in export.losses} >= {("openai.chat", "functions")}
    gateway.close()
