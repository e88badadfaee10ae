"""OpenAI function tools: a strict model's arguments run as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import orjson
import pytest
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from tests.core.exports.conftest import CATALOGS, ExportOf, json_of

from hookline.exports.open_objects import open_object
from hookline.exports.targets.openai_tools.strict_schema import StrictSchema
from hookline.webhook.app import create_app
from hookline_openai.strict_schema import fits_strict_rules
from live_gateway import KEY as LIVE_KEY
from live_gateway import run_server
from nasty_connector import KEY, nasty_gateway

if TYPE_CHECKING:
    from hookline.gateway import Gateway


def strict(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    lost: list[str] = []
    written = StrictSchema(schema, lose=lambda place, what, way: lost.append(place)).write()
    return written, lost


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_strict_tool_keeps_the_rules(catalog: str, export_of: ExportOf) -> None:
    tools = json_of(export_of("openai-tools", catalog), "tools-strict.json")

    assert tools
    broken = [
        one["function"]["name"] for one in tools if not fits_strict_rules(one["function"]["parameters"])
    ]
    assert broken == []
    assert all(one["function"]["strict"] is True for one in tools)


def test_what_may_be_left_out_may_be_null_and_nothing_else_is_added() -> None:
    written, lost = strict(
        {
            "type": "object",
            "properties": {
                "needed": {"type": "string", "x-order": 1, "minLength": 2, "description": "Two\n lines."},
                "number": {"type": "integer", "minimum": 1},
                "choice": {"enum": ["a", "b"]},
                "inner": {"type": "object", "properties": {"a": {"type": "boolean"}}},
            },
            "required": ["needed"],
        }
    )

    assert lost == []
    assert written == {
        "type": "object",
        "properties": {
            "needed": {"type": "string", "description": "Two lines."},
            "number": {"type": ["integer", "null"], "minimum": 1},
            "choice": {"type": ["string", "null"], "enum": ["a", "b", None]},
            "inner": {
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {"a": {"type": ["boolean", "null"]}},
                        "required": ["a"],
                        "additionalProperties": False,
                    },
                    {"type": "null"},
                ]
            },
        },
        "required": ["needed", "number", "choice", "inner"],
        "additionalProperties": False,
    }


def test_a_schema_that_holds_itself_stays_one() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
        "required": ["next"],
    }
    written, lost = strict(
        {"type": "object", "properties": {"node": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    )

    assert lost == []
    assert written["$defs"]["Node"]["properties"]["next"] == {
        "anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]
    }
    assert written["properties"]["node"] == {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {},
        True,
        {"type": "array"},
        {"prefixItems": [{"type": "string"}]},
        {"enum": [{"a": 1}]},
    ],
)
def test_what_a_strict_tool_cannot_say_is_asked_for_as_text(schema: Any) -> None:
    written, lost = strict({"type": "object", "properties": {"a": schema}, "required": ["a"]})

    assert lost == ["a"]
    assert written["properties"]["a"] == {
        "type": "string",
        "description": "A value. Write it as JSON text.",
    }


def test_json_text_and_nulls_of_a_model_are_read_by_the_action(gateways: dict[str, Gateway]) -> None:
    client = create_app(gateways["nasty"]).test_client()
    arguments = {"settings": '{"a": {"b": 1}}', "counts": None, "numbers": [1, 2], "matrix": None}

    answer = client.post("/actions/nasty.free", json=arguments, headers={"x-api-key": KEY})

    assert answer.json == {"settings": {"a": {"b": 1}}, "numbers": [1, 2], "warnings": []}


def test_plain_tools_hold_the_actions_own_schema_without_streams(export_of: ExportOf) -> None:
    tools = {
        one["function"]["name"]: one["function"] for one in json_of(export_of("openai-tools"), "tools.json")
    }

    chat = tools["openai_chat"]["parameters"]
    assert "stream" not in chat["properties"]
    assert chat["properties"]["model"]["x-options"] == "openai.models?kind=chat"
    top = {"anyOf", "oneOf", "allOf", "enum", "not"}  # OpenAI refuses these where a tool's parameters begin
    assert not [name for name, one in tools.items() if top & set(one["parameters"])]
    assert {one["parameters"]["type"] for one in tools.values()} == {"object"}
    assert tools["openai_chat"]["description"].endswith("Give prompt, or messages.")
    assert not any(one["strict"] for one in tools.values())


def test_the_official_client_sends_the_tools_and_their_arguments_run(
    tmp_path: Path, export_of: ExportOf
) -> None:
    """The sandbox plays the model: it makes arguments that fit the strict schema, and they are run."""
    with run_server(tmp_path, HOOKLINE_SANDBOX="true") as server:
        for file in ("tools-strict.json", "tools.json"):
            tools = json_of(export_of("openai-tools", "openai"), file)
            client = openai.OpenAI(api_key=LIVE_KEY, base_url=f"{server.url}/v1", max_retries=0)
            statuses = {}
            for tool in tools:
                name = tool["function"]["name"]
                answer = client.chat.completions.create(
                    model="gpt-5.4-mini",
                    messages=[{"role": "user", "content": "Use the tool."}],
                    tools=tools,
                    tool_choice={"type": "function", "function": {"name": name}},
                )
                (called,) = answer.choices[0].message.tool_calls or []
                assert isinstance(called, ChatCompletionMessageFunctionToolCall)
                statuses[called.function.name] = _run(server, called.function.name, called.function.arguments)
            assert set(statuses) == {one["function"]["name"] for one in tools}
            easy = {name for name in statuses if name not in ("openai_chat", "openai_complete")}
            assert {statuses[name] for name in easy} == {200}, statuses


def _run(server: Any, name: str, arguments: str) -> int:
    action = name.replace("_", ".", 1)
    fields = json.loads(arguments)
    fields["model"] = (
        {"openai_embed": "text-embedding-3-small"}.get(name, "sandbox") if "model" in fields else None
    )
    with_model = {key: value for key, value in fields.items() if key != "model" or value is not None}
    connection = server.connect()
    connection.request(
        "POST", f"/actions/{action}", orjson.dumps(with_model), {"authorization": f"Bearer {LIVE_KEY}"}
    )
    status: int = connection.getresponse().status
    connection.close()
    return status


def test_a_gateway_without_the_openai_connector_has_tools_too() -> None:
    gateway = nasty_gateway()
    try:
        assert "openai-tools" in gateway.export_targets
        assert gateway.catalog.get("openai.chat") is None
    finally:
        gateway.close()


@pytest.mark.parametrize(
    "build", [lambda schema: schema, lambda schema: {"allOf": [schema]}], ids=["alone", "in all"]
)
@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": ["string", "null"]},
        {"$ref": "#/$defs/U"},
        {"allOf": [{"$ref": "#/$defs/U"}, {"description": "Words."}]},
        {"allOf": [{"$ref": "#/$defs/Node"}], "description": "Words."},
        {"allOf": []},
        {"anyOf": []},
        {"oneOf": [{"allOf": [{"$ref": "#/$defs/U"}]}, {"$ref": "#/$defs/Node"}]},
    ],
)
def test_parts_of_parts_come_to_an_end(schema: Any, build: Any) -> None:
    node = {
        "type": "object",
        "properties": {name: {"allOf": [{"$ref": "#/$defs/Node"}], "title": name} for name in "abcdef"},
    }
    definitions = {"U": {"type": ["string", "null"]}, "Node": node}
    written, _ = strict({"type": "object", "properties": {"a": build(schema)}, "$defs": definitions})

    assert fits_strict_rules(written)
    assert len(json.dumps(written)) < 20_000


def test_kinds_of_objects_at_the_top_become_one_that_takes_each() -> None:
    card = {"type": "object", "properties": {"kind": {"const": "card"}, "number": {"type": "string"}}}
    bank = {"type": "object", "properties": {"kind": {"const": "bank"}, "iban": {"type": "string"}}}
    opened, is_looser = open_object(
        {"oneOf": [{**card, "required": ["kind", "number"]}, {**bank, "required": ["kind", "iban"]}]}
    )

    assert is_looser
    assert opened == {
        "type": "object",
        "properties": {
            "kind": {"anyOf": [{"const": "card"}, {"const": "bank"}]},
            "number": {"type": "string"},
            "iban": {"type": "string"},
        },
        "required": ["kind"],
    }


def test_alternatives_that_were_not_looked_at_rule_nothing_out() -> None:
    kinds = [
        {
            "type": "object",
            "properties": {"kind": {"const": number}},
            "required": ["kind"],
            "additionalProperties": False,
        }
        for number in range(60)
    ]
    opened, is_looser = open_object({"anyOf": kinds})

    assert is_looser
    assert "required" not in opened
    assert "additionalProperties" not in opened
    few, _ = open_object({"anyOf": kinds[:3]})
    assert (few["required"], few["additionalProperties"]) == (["kind"], False)
