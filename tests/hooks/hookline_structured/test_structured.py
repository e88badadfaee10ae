"""The parsed value beside the text, where JSON was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline.connector import Connector
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_structured import StructuredPlugin
from hookline_structured.parsing import parse_json_text, wants_json
from small_service import CALLER, WIRE, Allow, Upstream, whole

if TYPE_CHECKING:
    from hookline.action import JsonObject

SCHEMA_WANTED = {"json_schema": {"type": "object"}}


class Asker:
    """A plugin with one action that answers in text and has room for a parsed value."""

    def __init__(self) -> None:
        self.connector = Connector("acme", title="Acme", base_url="https://acme.example", credential=None)
        self.connector.endpoint(
            "ask",
            "POST",
            "/ask",
            input={"type": "object"},
            output={"type": "object"},
            present=lambda call, raw: {**raw, "parsed": None},  # type: ignore[dict-item]  # it is an object
        )
        self.connector.endpoint(
            "plain", "POST", "/plain", input={"type": "object"}, output={"type": "object"}
        )


def run(answer: object, fields: JsonObject, *, action: str = "acme.ask", wire: bool = False) -> bytes:
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(Asker(), name="acme")
    host.register(StructuredPlugin(), name="structured")
    gateway = Gateway(Settings(), host=host, transport=Upstream(lambda request: whole(answer)), environ={})
    order = Order(action_id=action, fields=fields)
    if wire:
        order = replace(order, content=orjson.dumps(fields), endpoint=replace(WIRE, action=action))
    reply = gateway.runner.run(CALLER, order)
    assert reply.status == 200
    assert isinstance(reply.content, bytes)
    return reply.content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (' \n[1, "b"]\n', [1, "b"]),
        ("7", 7),
        ('"text"', "text"),
        ("true", True),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('```JSON  \r\n{"a": 1}\r\n```\n', {"a": 1}),
        ('```json\n{"a": "x\\n```"}```', None),
        ('```json\n{"a": 1}', None),
        ('Here you are: {"a": 1}', None),
        ('{"a": 1} I hope this helps', None),
        ('{"a": 1', None),
        ("", None),
        ("   ", None),
        ("```", None),
        ("NaN", None),
        ("[" * 100_000, None),
        ("```" * 50_000, None),
    ],
)
def test_json_is_read_alone_or_from_one_fence(text: str, value: object) -> None:
    assert parse_json_text(text) == value


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, False),
        ({"json_schema": None}, False),
        (SCHEMA_WANTED, True),
        ({"json_schema": {}}, True),
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, True),
        ({"response_format": {"type": "text"}}, False),
        ({"response_format": "json_object"}, False),
        ({"response_format": None}, False),
    ],
)
def test_json_is_wanted_where_it_was_asked_for(fields: dict[str, Any], wanted: bool) -> None:
    assert wants_json(fields) is wanted


@pytest.mark.parametrize(
    ("answer", "fields", "expected"),
    [
        ({"text": '{"a": 1}'}, SCHEMA_WANTED, {"text": '{"a": 1}', "parsed": {"a": 1}}),
        ({"text": "Sorry."}, SCHEMA_WANTED, {"text": "Sorry.", "parsed": None}),
        ({"text": None}, SCHEMA_WANTED, {"text": None, "parsed": None}),
        ({"text": '{"a": 1}'}, {}, {"text": '{"a": 1}', "parsed": None}),
    ],
)
def test_the_parsed_value_stands_beside_the_text(
    answer: object, fields: JsonObject, expected: JsonObject
) -> None:
    assert orjson.loads(run(answer, dict(fields))) == {**expected, "warnings": []}


def test_an_action_without_room_for_it_is_left_alone() -> None:
    output = orjson.loads(run({"text": "{}"}, dict(SCHEMA_WANTED), action="acme.plain"))
    assert output == {"text": "{}", "warnings": []}


def test_the_wire_door_is_left_alone() -> None:
    assert run(b'{ "text": "{}" }', dict(SCHEMA_WANTED), wire=True) == b'{ "text": "{}" }'
