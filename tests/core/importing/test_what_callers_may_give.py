"""Imported actions take what the service takes: nothing of the other side is asked for, null gets there."""

from __future__ import annotations

import json
from typing import cast

import pytest

from hookline.importing.openapi import Imported, import_openapi
from hookline.manifest.loading import connector_from
from hookline.manifest.writing import write_manifest_text
from hookline.order import Order
from small_service import CALLER, Acme, Upstream, make_gateway, whole

JsonObject = dict[str, object]
TEXT: JsonObject = {"type": "string"}
LIST: JsonObject = {"type": "array", "items": TEXT}


def objects(**properties: object) -> JsonObject:
    return {"type": "object", "properties": properties}


def read(schema: JsonObject, answer: JsonObject | None = None, **components: object) -> Imported:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    told = {"content": {"application/json": {"schema": answer or {"type": "object"}}}, "description": ""}
    document: JsonObject = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1"}],
        "paths": {"/a": {"patch": {"operationId": "send", "requestBody": body, "responses": {"200": told}}}},
        "components": {"schemas": components},
    }
    return import_openapi(json.dumps(document).encode(), connector_id="acme", name="document.json")


def send(made: Imported, given: JsonObject, answer: object = None) -> tuple[int, object]:
    """Call the action; return the status, and the body that the service got."""
    connector = connector_from(write_manifest_text(made.manifest).encode(), name="acme.yaml")
    upstream = Upstream(lambda request: whole({} if answer is None else answer))
    gateway = make_gateway(upstream=upstream, service=Acme(connector))
    try:
        order = Order(action_id="acme.send", fields=given, call_id="call-1")
        status = gateway.runner.run(CALLER, order).status
    finally:
        gateway.close()
    return status, json.loads(upstream.sent[0].content or b"null") if upstream.sent else None


@pytest.mark.parametrize("depth", ["top", "inside"])
@pytest.mark.parametrize(
    "schema",
    [
        {**objects(id={"$ref": "#/components/schemas/Id"}, name=TEXT), "required": ["id", "name"]},
        {**objects(id={"allOf": [{"$ref": "#/components/schemas/Id"}]}, name=TEXT), "required": ["id"]},
        {"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["id", "name"]}]},
        {
            "allOf": [
                {"$ref": "#/components/schemas/Base"},
                {"allOf": [{"type": "object", "required": ["id"]}]},
            ]
        },
        {"required": ["id"], "allOf": [{"$ref": "#/components/schemas/Base"}]},
    ],
)
def test_what_the_service_fills_in_is_not_asked_for(schema: JsonObject, depth: str) -> None:
    made = read(
        schema if depth == "top" else objects(it=schema),
        Id={"type": "string", "readOnly": True},
        Base=objects(id={"type": "string", "readOnly": True}, name=TEXT),
    )
    given: JsonObject = {"name": "Rex"}
    given = given if depth == "top" else {"it": given}
    assert send(made, given) == (200, given)


def test_what_the_service_never_tells_is_not_expected() -> None:
    secret = {"type": "string", "writeOnly": True}
    answer = {"allOf": [objects(key={"$ref": "#/components/schemas/Secret"}), {"required": ["key"]}]}
    made = read(objects(a=TEXT), objects(it=answer), Secret=secret)
    actions = cast("dict[str, JsonObject]", made.manifest["actions"])
    assert '"key"' not in json.dumps(actions["send"]["output"])


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        ({"not": {"pattern": "^(?!x)"}}, "xab"),
        ({"not": {"oneOf": [{"minLength": 1}, {"maxLength": 9}]}}, "xab"),
        ({"not": {"$ref": "#/components/schemas/Look"}}, "xab"),
        ({"not": {"type": "object", "required": ["id"], "properties": {"id": {"readOnly": True}}}}, {"a": 1}),
        ({"if": {"pattern": "^(?!y)"}, "then": {"maxLength": 1}}, "yes"),
        ({"contains": {"pattern": "^(?!x)"}, "minContains": 0, "maxContains": 1}, ["xa", "xb"]),
    ],
)
def test_a_rule_that_would_turn_around_is_left_out_whole(rule: JsonObject, given: object) -> None:
    made = read(objects(it=rule), Look={"pattern": "^(?!x)"})
    assert send(made, {"it": given}) == (200, {"it": given})
    assert "rule" in {reason.code for reason in made.findings} or "oneOf" in str(rule)


def test_a_rule_that_is_taken_over_exactly_stays() -> None:
    made = read(objects(it={"type": "string", "not": {"pattern": "^x"}}))
    assert send(made, {"it": "xab"})[0] == 422
    assert send(made, {"it": "ab"})[0] == 200


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": TEXT}},
        {"enum": ["a"]},
        {"items": TEXT},
        {"type": "object", "allOf": [{"type": "object"}]},
        {"type": "string", "anyOf": [{"minLength": 1}, {"type": "string"}]},
        {"type": "string", "not": {"type": "null"}},
        {"allOf": [{"type": "object"}], "anyOf": [{"type": "object"}]},
        {"allOf": [{"$ref": "#/components/schemas/Thing"}]},
    ],
)
def test_null_clears_a_field_that_may_be_null(schema: JsonObject) -> None:
    made = read(objects(it={**schema, "nullable": True}), Thing=objects(x=TEXT))
    assert send(made, {"it": None}) == (200, {"it": None})


def form(encoding: JsonObject, field: JsonObject) -> JsonObject:
    """Return the action that a form with one field `ids` becomes."""
    told = {"schema": objects(ids=field), "encoding": {"ids": encoding}}
    document: JsonObject = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1"}],
        "paths": {
            "/a": {
                "post": {
                    "operationId": "send",
                    "parameters": [
                        {
                            "name": "of",
                            "in": "query",
                            "explode": False,
                            "schema": {"allOf": [{"$ref": "#/components/schemas/Ids"}]},
                        },
                        {"name": "x-ids", "in": "header", "content": {"application/json": {"schema": LIST}}},
                    ],
                    "requestBody": {"content": {"application/x-www-form-urlencoded": told}},
                    "responses": {"200": {"description": ""}},
                }
            }
        },
        "components": {"schemas": {"Ids": LIST}},
    }
    made = import_openapi(json.dumps(document).encode(), connector_id="acme", name="document.json")
    return cast("dict[str, JsonObject]", made.manifest["actions"])["send"]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ({"style": "pipeDelimited", "explode": False}, "Several values, separated by `|`."),
        ({"style": "spaceDelimited", "explode": False}, "Several values, separated by spaces."),
        ({"contentType": "application/json"}, "Several values, JSON, in square brackets."),
    ],
)
def test_a_list_that_a_form_holds_as_one_text_is_a_text(encoding: JsonObject, told: str) -> None:
    made = form(encoding, {"$ref": "#/components/schemas/Ids"})
    fields = cast("dict[str, JsonObject]", cast("JsonObject", made["input"])["properties"])
    assert fields["ids"] == {"type": "string", "description": told}
    assert fields["x_ids"] == {"type": "string", "description": "Several values, JSON, in square brackets."}
    places = cast("dict[str, JsonObject]", made["places"])
    assert places["of"] == {"where": "query", "style": "comma"}
    assert "ids" not in places


@pytest.mark.parametrize("shared", [True, False])
def test_a_list_that_is_a_body_is_sent_as_what_the_document_says(shared: bool) -> None:
    schema = {"$ref": "#/components/schemas/Steps"} if shared else LIST
    body = {"content": {"application/json-patch+json": {"schema": schema}}}
    document: JsonObject = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1"}],
        "paths": {
            "/a": {
                "patch": {
                    "operationId": "send",
                    "requestBody": body,
                    "responses": {"200": {"description": ""}},
                }
            }
        },
        "components": {"schemas": {"Steps": LIST}},
    }
    made = import_openapi(json.dumps(document).encode(), connector_id="acme", name="document.json")
    connector = connector_from(write_manifest_text(made.manifest).encode(), name="acme.yaml")
    upstream = Upstream(lambda request: whole({}))
    gateway = make_gateway(upstream=upstream, service=Acme(connector))
    try:
        gateway.runner.run(CALLER, Order(action_id="acme.send", fields={"body": ["a"]}, call_id="call-1"))
    finally:
        gateway.close()
    assert upstream.sent[0].headers["content-type"] == "application/json-patch+json"
